//! A server of the tests' own: a thread for each connection, and all of them gone when it is dropped.
//!
//! What an answer is, and whether it is one, is the business of whoever is asked for it.

use std::io::{self, BufReader};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::Incoming;

/// Answers one request on this stream; false where the connection is to end there.
pub type Replies = dyn Fn(&Incoming, &TcpStream) -> io::Result<bool> + Send + Sync;

#[derive(Debug)]
pub struct Host {
    address: SocketAddr,
    listener: TcpListener,
    shared: Arc<Shared>,
    door: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    closing: AtomicBool,
    guests: Mutex<Vec<TcpStream>>,
}

impl Shared {
    fn with_guests<T>(&self, then: impl FnOnce(&mut Vec<TcpStream>) -> T) -> T {
        then(&mut self.guests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Host {
    /// At a port of loopback that is free.
    ///
    /// # Panics
    /// When there is none.
    pub fn anywhere(
        replies: impl Fn(&Incoming, &TcpStream) -> io::Result<bool> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        Self::open(listener, Arc::new(replies)).expect("it has an address")
    }

    pub fn open(listener: TcpListener, replies: Arc<Replies>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let of_door = Arc::clone(&shared);
        let ours = listener.try_clone()?;
        let door = thread::spawn(move || {
            for guest in listener.incoming() {
                if of_door.closing.load(Ordering::Acquire) {
                    return;
                }
                let Ok(guest) = guest else { continue };
                if let Ok(known) = guest.try_clone() {
                    of_door.with_guests(|guests| guests.push(known));
                }
                let replies = Arc::clone(&replies);
                thread::spawn(move || attend(&guest, &*replies));
            }
        });
        Ok(Self {
            address,
            listener: ours,
            shared,
            door: Some(door),
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Until either side has had enough.
fn attend(guest: &TcpStream, replies: &Replies) {
    let mut reader = BufReader::new(guest);
    while let Ok(Some(incoming)) = Incoming::read(&mut reader) {
        if !matches!(replies(&incoming, guest), Ok(true)) {
            break;
        }
    }
    // A connection that is closed already is closed.
    guest.shutdown(Shutdown::Both).ok();
}

impl Drop for Host {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Release);
        // SAFETY: no pointers are involved; an accept that waits on it ends with an error.
        let ended = unsafe { libc::shutdown(self.listener.as_raw_fd(), libc::SHUT_RDWR) } == 0;
        if let Some(door) = self.door.take().filter(|_| ended) {
            door.join().ok();
        }
        self.shared.with_guests(|guests| {
            for guest in guests {
                guest.shutdown(Shutdown::Both).ok();
            }
        });
    }
}

//! Many connections at once, and how many of them the controller still keeps.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};

use tapio_tests::deadline::poll_for;
use tapio_tests::process::raise_open_files;

/// Connecting goes on in this many threads: a full backlog must not hold up the whole crowd.
const OPENERS: usize = 8;

/// A connection that has not come about by then is not part of the crowd.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// Connections that are held until dropped.
pub struct Crowd {
    streams: Vec<TcpStream>,
}

impl Crowd {
    /// Opens up to `count` connections and sends these bytes over each. Those the controller
    /// refuses or drops at once are left out.
    pub fn open(to: SocketAddr, count: usize, bytes: &[u8]) -> Self {
        static RAISED: Once = Once::new();
        RAISED.call_once(|| raise_open_files().expect("room for a crowd"));
        let open_one = || {
            let mut stream = TcpStream::connect_timeout(&to, CONNECT_LIMIT).ok()?;
            stream.set_write_timeout(Some(CONNECT_LIMIT)).ok()?;
            stream.write_all(bytes).ok()?;
            stream.set_nonblocking(true).ok()?;
            Some(stream)
        };
        let shares = (0..OPENERS).map(|opener| (count + opener) / OPENERS);
        let streams = thread::scope(|scope| {
            let openers: Vec<_> = shares
                .map(|share| {
                    scope.spawn(move || (0..share).filter_map(|_| open_one()).collect::<Vec<_>>())
                })
                .collect();
            openers
                .into_iter()
                .flat_map(|opener| opener.join().expect("an opener"))
                .collect()
        });
        Self { streams }
    }

    pub fn len(&self) -> usize {
        self.streams.len()
    }

    pub fn streams(&mut self) -> &mut [TcpStream] {
        &mut self.streams
    }

    /// Sends the same few bytes over every connection that still takes them.
    pub fn send(&mut self, bytes: &[u8]) {
        // One that was ended is noticed by `kept`, not here.
        self.streams.retain_mut(|stream| match stream.write(bytes) {
            Ok(_) => true,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        });
    }

    /// How many connections the controller has not ended. What it sent is read and dropped.
    pub fn kept(&mut self) -> usize {
        self.streams.retain_mut(|stream| !is_ended(stream));
        self.streams.len()
    }

    /// When the last connection was ended, counted from now.
    pub fn ended_within(&mut self, limit: Duration) -> Option<Duration> {
        let since = Instant::now();
        poll_for(limit, || (self.kept() == 0).then(|| since.elapsed()))
    }
}

fn is_ended(stream: &mut TcpStream) -> bool {
    let mut dropped = [0; 16_384];
    loop {
        match stream.read(&mut dropped) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}

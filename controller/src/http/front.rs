//! What the workers share: the door, how busy each of them is, and the word to leave.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use super::limits;
use super::poll::{self, Waker};
use super::worker::Worker;
use crate::site::Site;

/// One worker, as the others see it.
#[derive(Debug)]
struct Desk {
    waker: Waker,
    inbox: Sender<TcpStream>,
    connections: AtomicUsize,
}

#[derive(Debug)]
pub struct Front {
    desks: Vec<Desk>,
    leaving: AtomicBool,
    /// Of one worker.
    pub connections_max: usize,
    /// Of one worker.
    pub buffered_bytes_max: usize,
}

impl Front {
    pub fn waker(&self, worker: usize) -> &Waker {
        &self.desks[worker].waker
    }

    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// Counts a new connection where it is kept: hands it back to `worker`, or passes it on to
    /// one with clearly fewer.
    pub fn pass_on(&self, worker: usize, stream: TcpStream) -> Option<TcpStream> {
        let load = |desk: &Desk| desk.connections.load(Ordering::Relaxed);
        let own = &self.desks[worker];
        let least = self.desks.iter().min_by_key(|desk| load(desk));
        let other = least.filter(|desk| {
            load(own) > load(desk) + limits::IMBALANCE_CONNECTIONS_MAX && !self.is_leaving()
        });
        let Some(other) = other else {
            own.connections.fetch_add(1, Ordering::Relaxed);
            return Some(stream);
        };
        other.connections.fetch_add(1, Ordering::Relaxed);
        match other.inbox.send(stream) {
            Ok(()) => {
                other.waker.wake();
                None
            }
            Err(mpsc::SendError(stream)) => {
                other.connections.fetch_sub(1, Ordering::Relaxed);
                own.connections.fetch_add(1, Ordering::Relaxed);
                Some(stream)
            }
        }
    }

    /// A connection of `worker` is gone.
    pub fn left(&self, worker: usize) {
        self.desks[worker]
            .connections
            .fetch_sub(1, Ordering::Relaxed);
    }
}

/// The running server.
pub struct Server {
    front: Arc<Front>,
    workers: Vec<JoinHandle<()>>,
    pub address: SocketAddr,
}

impl Server {
    pub fn start(listener: TcpListener, site: &Arc<Site>, workers: usize) -> io::Result<Self> {
        poll::prepare(&listener)?;
        let address = listener.local_addr()?;
        let listener = Arc::new(listener);
        let descriptors = usize::try_from(poll::raise_open_files()?).unwrap_or(usize::MAX);
        let spared = limits::DESCRIPTORS_SPARED + 2 * workers;
        let connections = descriptors
            .saturating_sub(spared)
            .min(limits::CONNECTIONS_MAX);
        if connections < workers {
            let message = "the limit on open files leaves no room for connections";
            return Err(io::Error::other(message));
        }
        let (desks, inboxes): (Vec<_>, Vec<_>) = (0..workers)
            .map(|_| {
                let (inbox, received) = mpsc::channel();
                let desk = Desk {
                    waker: Waker::new()?,
                    inbox,
                    connections: AtomicUsize::new(0),
                };
                Ok((desk, received))
            })
            .collect::<io::Result<Vec<_>>>()?
            .into_iter()
            .unzip();
        let front = Arc::new(Front {
            desks,
            leaving: AtomicBool::new(false),
            connections_max: connections / workers,
            buffered_bytes_max: limits::BUFFERED_BYTES_MAX / workers,
        });
        let start = |(number, inbox)| {
            let listener = Arc::clone(&listener);
            let worker = Worker::new(
                number,
                Arc::clone(&front),
                Arc::clone(site),
                listener,
                inbox,
            )?;
            thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn(move || worker.run())
        };
        let workers = inboxes
            .into_iter()
            .enumerate()
            .map(start)
            .collect::<io::Result<_>>()?;
        Ok(Self {
            front,
            workers,
            address,
        })
    }

    /// Answers what is under way, and ends; within [`limits::LEAVE_MS_MAX`].
    pub fn stop(self) {
        self.front.leaving.store(true, Ordering::Release);
        for desk in &self.front.desks {
            desk.waker.wake();
        }
        for worker in self.workers {
            if worker.join().is_err() {
                log::error!("a worker ended by a panic");
            }
        }
    }
}

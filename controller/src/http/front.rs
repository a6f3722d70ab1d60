//! What the workers share: how busy each of them is, how connections change hands, and the word
//! to leave.
//!
//! Every worker has a desk. The last one is the bulk desk: it gets the connections whose answer
//! is made while it is sent, so that however many ask for a whole fleet's status, one thread makes
//! them all. It is not put behind the others by priority: it takes the registry's lock, and must
//! not be left waiting with it.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};

use super::connection::Connection;
use super::limits;
use super::poll::Waker;

/// A connection that comes from another worker.
pub enum Arrival {
    New(TcpStream),
    /// In the middle of a long answer.
    Bulk(Box<Connection>),
}

/// One worker, as the others see it.
struct Desk {
    waker: Waker,
    inbox: Sender<Arrival>,
    connections: AtomicUsize,
}

pub struct Front {
    desks: Vec<Desk>,
    leaving: AtomicBool,
    /// Of one worker.
    pub connections_max: usize,
    /// Of one worker.
    pub buffered_bytes_max: usize,
}

impl Front {
    /// For so many workers and the bulk desk; with what arrives at each of them.
    pub fn new(
        workers: usize,
        connections_max: usize,
        body_bytes_max: usize,
    ) -> std::io::Result<(Self, Vec<Receiver<Arrival>>)> {
        let desks = (0..=workers).map(|_| {
            let (inbox, arrivals) = mpsc::channel();
            let desk = Desk {
                waker: Waker::new()?,
                inbox,
                connections: AtomicUsize::new(0),
            };
            Ok((desk, arrivals))
        });
        let (desks, arrivals) = desks
            .collect::<std::io::Result<Vec<_>>>()?
            .into_iter()
            .unzip();
        let request_bytes_max = body_bytes_max + limits::HEAD_BYTES_MAX + limits::READ_BYTES;
        let front = Self {
            desks,
            leaving: AtomicBool::new(false),
            connections_max: connections_max / (workers + 1),
            buffered_bytes_max: (limits::BUFFERED_BYTES_MAX / (workers + 1))
                .max(limits::BODIES_BUFFERED_MIN * request_bytes_max),
        };
        Ok((front, arrivals))
    }

    pub fn waker(&self, desk: usize) -> &Waker {
        &self.desks[desk].waker
    }

    pub fn is_bulk(&self, desk: usize) -> bool {
        desk + 1 == self.desks.len()
    }

    pub fn leave(&self) {
        self.leaving.store(true, Ordering::SeqCst);
        for desk in &self.desks {
            desk.waker.wake();
        }
    }

    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::SeqCst)
    }

    /// Whether nothing is at this desk, or on its way to it. Once the server is leaving, nothing
    /// sets out any more.
    pub fn is_deserted(&self, desk: usize) -> bool {
        self.desks[desk].connections.load(Ordering::SeqCst) == 0
    }

    /// Counts a new connection where it is kept: hands it back to `desk`, or passes it on to a
    /// worker with clearly fewer.
    pub fn place(&self, desk: usize, stream: TcpStream) -> Option<TcpStream> {
        let load = |desk: &Desk| desk.connections.load(Ordering::Relaxed);
        let own = &self.desks[desk];
        let workers = &self.desks[..self.desks.len() - 1];
        let least = workers.iter().min_by_key(|desk| load(desk));
        let other = least.filter(|desk| load(own) > load(desk) + limits::IMBALANCE_CONNECTIONS_MAX);
        let kept = match other {
            None => Some(Arrival::New(stream)),
            Some(other) => self.pass_on(other, Arrival::New(stream)),
        };
        match kept {
            Some(Arrival::New(stream)) => {
                own.connections.fetch_add(1, Ordering::Relaxed);
                Some(stream)
            }
            Some(Arrival::Bulk(_)) | None => None,
        }
    }

    /// Gives a connection of `desk` to the bulk desk; hands it back where that is leaving.
    pub fn give_to_bulk(&self, desk: usize, connection: Connection) -> Option<Connection> {
        let bulk = self.desks.last()?;
        match self.pass_on(bulk, Arrival::Bulk(Box::new(connection))) {
            Some(Arrival::Bulk(connection)) => Some(*connection),
            Some(Arrival::New(_)) | None => {
                self.left(desk);
                None
            }
        }
    }

    fn pass_on(&self, desk: &Desk, arrival: Arrival) -> Option<Arrival> {
        // First counted, then looked whether all are leaving; a desk that leaves looks the other
        // way round, so it waits for what is on its way or is not sent anything.
        desk.connections.fetch_add(1, Ordering::SeqCst);
        let refused = if self.is_leaving() {
            Some(arrival)
        } else {
            let sent = desk.inbox.send(arrival);
            sent.err().map(|mpsc::SendError(arrival)| arrival)
        };
        match refused {
            None => desk.waker.wake(),
            Some(_) => {
                desk.connections.fetch_sub(1, Ordering::SeqCst);
            }
        }
        refused
    }

    /// A connection of `desk` is gone.
    pub fn left(&self, desk: usize) {
        self.desks[desk].connections.fetch_sub(1, Ordering::Relaxed);
    }
}

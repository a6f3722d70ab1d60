//! The server: a door, so many workers, and one more for long answers.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::front::Front;
use super::limits;
use super::poll;
use super::worker::Worker;
use crate::site::Site;

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
        let (front, arrivals) =
            Front::new(workers, connections_max(workers)?, site.body_bytes_max)?;
        let front = Arc::new(front);
        let start = |(desk, arrivals)| {
            let bulk = front.is_bulk(desk);
            let door = (!bulk).then(|| Arc::clone(&listener));
            let (front, site) = (Arc::clone(&front), Arc::clone(site));
            let worker = Worker::new(desk, front, site, door, arrivals)?;
            let name = if bulk {
                "bulk".to_owned()
            } else {
                format!("worker-{desk}")
            };
            thread::Builder::new()
                .name(name)
                .spawn(move || worker.run())
        };
        let workers = arrivals
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
        self.front.leave();
        for worker in self.workers {
            if worker.join().is_err() {
                log::error!("a worker ended by a panic");
            }
        }
    }
}

/// What the limit on open files leaves for connections.
fn connections_max(workers: usize) -> io::Result<usize> {
    let descriptors = usize::try_from(poll::raise_open_files()?).unwrap_or(usize::MAX);
    let spared = limits::DESCRIPTORS_SPARED + 2 * workers;
    let connections = descriptors
        .saturating_sub(spared)
        .min(limits::CONNECTIONS_MAX);
    if connections <= workers {
        let message = "the limit on open files leaves no room for connections";
        return Err(io::Error::other(message));
    }
    Ok(connections)
}

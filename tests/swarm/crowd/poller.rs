//! Who can go on, by epoll(7): a round costs as much as is ready, not as much as is under way. With
//! poll(2) a crowd that fell behind looked at more and more sockets each time, and so fell further.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Taken at once; whoever is left comes with the next round.
const READY_MAX: usize = 1_024;

pub struct Poller {
    epoll: OwnedFd,
    ready: Vec<libc::epoll_event>,
}

impl Poller {
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers are involved.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is fresh and owned by nobody else.
        let epoll = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self {
            epoll,
            ready: vec![libc::epoll_event { events: 0, u64: 0 }; READY_MAX],
        })
    }

    /// Names `slot` whenever more can be read or written than could before, until it is closed.
    pub fn watch(&self, fd: RawFd, slot: usize) -> io::Result<()> {
        let edges = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLET;
        let mut event = libc::epoll_event {
            events: u32::from_ne_bytes(edges.to_ne_bytes()),
            u64: u64::try_from(slot).map_err(io::Error::other)?,
        };
        let (epoll, add) = (self.epoll.as_raw_fd(), libc::EPOLL_CTL_ADD);
        // SAFETY: `event` is a whole epoll_event that outlives the call.
        match unsafe { libc::epoll_ctl(epoll, add, fd, &raw mut event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The slots that can go on, after this long at the most.
    pub fn wait(&mut self, patience: Duration) -> io::Result<Vec<usize>> {
        // Rounded up: waking early would be waking twice.
        let patience = i32::try_from(patience.as_millis()).map_err(io::Error::other)? + 1;
        let room = i32::try_from(self.ready.len()).map_err(io::Error::other)?;
        let epoll = self.epoll.as_raw_fd();
        // SAFETY: `ready` has room for so many whole events and outlives the call.
        let found = unsafe { libc::epoll_wait(epoll, self.ready.as_mut_ptr(), room, patience) };
        let Ok(found) = usize::try_from(found) else {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::Interrupted => Ok(Vec::new()),
                _ => Err(error),
            };
        };
        let named = self.ready[..found].iter();
        named
            .map(|event| usize::try_from(event.u64).map_err(io::Error::other))
            .collect()
    }
}

//! The one way the agent is told to stop: a file descriptor that becomes readable and stays so.
//!
//! Every task holds a [`Guard`] for as long as it runs. Whoever returns first, for any reason,
//! drops its guard and so closes the stop for all; nobody has to remember to tell the others.
//! A descriptor, because ring threads wait in epoll and network threads in poll.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use crate::clock;

/// Open until any of its guards is dropped.
#[derive(Debug)]
pub struct Stop {
    event: OwnedFd,
}

/// Closes its stop when dropped.
#[derive(Debug)]
pub struct Guard<'a> {
    stop: &'a Stop,
}

impl Stop {
    pub fn new() -> io::Result<Self> {
        // SAFETY: eventfd takes two integers and touches no memory of ours.
        let raw = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just handed us this descriptor; nobody else owns it.
        let event = unsafe { OwnedFd::from_raw_fd(raw) };
        Ok(Self { event })
    }

    pub fn guard(&self) -> Guard<'_> {
        Guard { stop: self }
    }

    /// Waits until the stop is closed, and no longer than `limit`; says whether it is.
    pub fn wait(&self, limit: Option<Duration>) -> bool {
        await_readable(&[self.as_fd()], limit)[0]
    }

    pub fn is_closed(&self) -> bool {
        self.wait(Some(Duration::ZERO))
    }
}

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: eight readable bytes, the length an eventfd asks for. It fails only when the
        // counter is full, and then the stop has long been closed.
        unsafe { libc::write(self.stop.event.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }
}

/// Waits until one of `sources` is readable or `limit` has passed; says which are.
pub fn await_readable<const N: usize>(
    sources: &[BorrowedFd<'_>; N],
    limit: Option<Duration>,
) -> [bool; N] {
    let waits = sources.map(|source| (source, libc::POLLIN));
    await_any(&waits, limit)
}

/// Waits until one of `waits` (a descriptor, and the events it is asked for) has something to say.
/// An error or a hang-up counts: the read or write that follows will name it.
pub fn await_any<const N: usize>(
    waits: &[(BorrowedFd<'_>, libc::c_short); N],
    limit: Option<Duration>,
) -> [bool; N] {
    let mut polled = waits.map(|(source, events)| libc::pollfd {
        fd: source.as_raw_fd(),
        events,
        revents: 0,
    });
    let deadline = limit.map(clock::boot_nanos_in);
    loop {
        let left_ms = deadline.map_or(-1, |deadline| {
            let left = deadline.saturating_sub(clock::boot_nanos());
            libc::c_int::try_from(left.div_ceil(NANOS_PER_MILLI)).unwrap_or(libc::c_int::MAX)
        });
        // SAFETY: `polled` is an array of N initialised pollfd whose descriptors are borrowed for
        // the whole call.
        let ready = unsafe { libc::poll(polled.as_mut_ptr(), N as libc::nfds_t, left_ms) };
        let was_interrupted =
            ready < 0 && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted;
        if !was_interrupted {
            return polled.map(|source| source.revents != 0);
        }
    }
}

const NANOS_PER_MILLI: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_open_until_the_first_of_its_guards_is_dropped_and_stays_closed() {
        let stop = Stop::new().expect("an eventfd");
        let (first, second) = (stop.guard(), stop.guard());
        assert!(!stop.is_closed());
        drop(second);
        assert!(stop.is_closed());
        assert!(stop.wait(None));
        drop(first);
        assert!(stop.is_closed());
    }

    #[test]
    fn the_first_task_to_return_ends_the_rest() {
        let stop = Stop::new().expect("an eventfd");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let _guard = stop.guard();
                stop.wait(None)
            });
            scope.spawn(|| drop(stop.guard()));
            assert!(waiting.join().expect("no panic"));
        });
    }

    #[test]
    fn a_limit_is_kept() {
        let stop = Stop::new().expect("an eventfd");
        let before = clock::boot_nanos();
        assert!(!stop.wait(Some(Duration::from_millis(20))));
        assert!(clock::boot_nanos() - before >= 20 * NANOS_PER_MILLI);
    }
}

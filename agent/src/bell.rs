//! Wakes one thread that waits for work beside the stop: a file descriptor that is readable from
//! the first ring until the thread has heard it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// Rung by one thread, heard by another.
#[derive(Debug)]
pub struct Bell {
    event: OwnedFd,
    is_over: AtomicBool,
}

impl Bell {
    pub fn new() -> io::Result<Self> {
        // SAFETY: eventfd takes two integers and touches no memory of ours.
        let raw = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            // SAFETY: the kernel just handed us this descriptor; nobody else owns it.
            event: unsafe { OwnedFd::from_raw_fd(raw) },
            is_over: AtomicBool::new(false),
        })
    }

    pub fn ring(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: eight readable bytes, the length an eventfd asks for. It fails only when the
        // counter is full, and then it is readable.
        unsafe { libc::write(self.event.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Whoever rings will not ring again.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Release);
        self.ring();
    }

    /// Everything there will ever be was there before this said so.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// From here on it is silent until the next ring.
    pub fn hear(&self) {
        let mut count = [0u8; 8];
        // SAFETY: eight writable bytes, the length an eventfd asks for. It fails when nobody rang.
        unsafe {
            libc::read(
                self.event.as_raw_fd(),
                count.as_mut_ptr().cast(),
                count.len(),
            )
        };
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::stop::await_readable;

    fn rings(bell: &Bell) -> bool {
        await_readable(&[bell.as_fd()], Some(Duration::ZERO))[0]
    }

    #[test]
    fn it_rings_until_it_is_heard() {
        let bell = Bell::new().expect("an eventfd");
        assert!(!rings(&bell));
        bell.ring();
        bell.ring();
        assert!(rings(&bell));
        bell.hear();
        assert!(!rings(&bell) && !bell.is_over());
        bell.end();
        assert!(rings(&bell) && bell.is_over());
    }
}

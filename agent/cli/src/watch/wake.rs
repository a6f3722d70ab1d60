//! What a watcher waits for: a change in the directory, Ctrl-C, or a reader that has gone.

#[cfg(target_os = "linux")]
pub use linux::Wake;
#[cfg(not(target_os = "linux"))]
pub use polling::Wake;

/// Why the wait is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// Something was written, or may have been.
    Changed,
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "Ctrl-C ends the process there")
    )]
    Stopped,
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "the next line written finds out there")
    )]
    Closed,
}

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::CString;
    use std::io;
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use super::Woken;

    const CHANGES: u32 = libc::IN_MODIFY | libc::IN_CREATE | libc::IN_MOVED_TO;

    /// inotify, and the signals that end a watch as something to read.
    #[derive(Debug)]
    pub struct Wake {
        changes: OwnedFd,
        signals: OwnedFd,
    }

    fn owned(descriptor: RawFd) -> io::Result<OwnedFd> {
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is open, ours, and nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
    }

    impl Wake {
        pub fn new(directory: &Path) -> io::Result<Self> {
            // SAFETY: a call without pointers.
            let changes =
                owned(unsafe { libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK) })?;
            let path = CString::new(directory.as_os_str().as_bytes())?;
            // SAFETY: the descriptor is open and the path ends in NUL.
            let watch =
                unsafe { libc::inotify_add_watch(changes.as_raw_fd(), path.as_ptr(), CHANGES) };
            if watch < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(Self {
                changes,
                signals: signals()?,
            })
        }

        pub fn wait(&mut self) -> io::Result<Woken> {
            let entry = |fd, events| libc::pollfd {
                fd,
                events,
                revents: 0,
            };
            loop {
                let mut fds = [
                    entry(self.changes.as_raw_fd(), libc::POLLIN),
                    entry(self.signals.as_raw_fd(), libc::POLLIN),
                    entry(libc::STDOUT_FILENO, 0), // only whether its reader is gone
                ];
                // SAFETY: the pointer and the count are those of the array, whose entries are valid.
                let ready = unsafe { libc::poll(fds.as_mut_ptr(), 3, -1) };
                if ready < 0 {
                    let error = io::Error::last_os_error();
                    if error.kind() == io::ErrorKind::Interrupted {
                        continue;
                    }
                    return Err(error);
                }
                if fds[1].revents != 0 {
                    return Ok(Woken::Stopped);
                }
                if fds[2].revents & (libc::POLLERR | libc::POLLHUP) != 0 {
                    return Ok(Woken::Closed);
                }
                if fds[0].revents != 0 {
                    self.drain();
                    return Ok(Woken::Changed);
                }
            }
        }

        /// What changed is found by looking; the queue only has to be empty again.
        fn drain(&self) {
            let mut bytes = [0u8; 4_096];
            loop {
                // SAFETY: the descriptor is open and the buffer as long as is said.
                let read = unsafe {
                    libc::read(
                        self.changes.as_raw_fd(),
                        bytes.as_mut_ptr().cast(),
                        bytes.len(),
                    )
                };
                if read <= 0 {
                    return;
                }
            }
        }
    }

    fn signals() -> io::Result<OwnedFd> {
        // SAFETY: sigset_t is a plain set of bits, which sigemptyset fills.
        let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: `set` is a valid set to write to and the signals exist; this thread is the only
        // one, so blocking them here blocks them for the process.
        unsafe {
            libc::sigemptyset(&raw mut set);
            libc::sigaddset(&raw mut set, libc::SIGINT);
            libc::sigaddset(&raw mut set, libc::SIGTERM);
            if libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        // SAFETY: `set` is a valid set; -1 asks for a new descriptor.
        owned(unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC) })
    }
}

#[cfg(not(target_os = "linux"))]
mod polling {
    use std::io;
    use std::path::Path;
    use std::time::Duration;

    use super::Woken;

    const EVERY: Duration = Duration::from_millis(500);

    /// Looks again every half second.
    #[derive(Debug)]
    pub struct Wake;

    impl Wake {
        pub fn new(_directory: &Path) -> io::Result<Self> {
            Ok(Self)
        }

        pub fn wait(&mut self) -> io::Result<Woken> {
            std::thread::park_timeout(EVERY);
            Ok(Woken::Changed)
        }
    }
}

//! Standard output, written to without ever being held up by whoever reads it.
//!
//! Making descriptor 1 itself non-blocking would do the same to the shell that shares it. So a
//! pipe or a terminal is opened anew through /proc, a socket is sent to with a flag of its own,
//! and a file is simply written to. Where the pipe cannot be opened anew (another user's), pieces
//! that a pipe which polls writable takes whole have to do.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::time::Duration;

use crate::stop::await_any;

/// How to write so that it never waits.
#[derive(Debug)]
enum Way {
    /// A description of our own, non-blocking: pipes, terminals, devices.
    Own,
    /// `send` with `MSG_DONTWAIT`.
    Socket,
    /// At most `PIPE_BUF` at a time, and only when it polls writable.
    Pieces,
    /// Files do not wait for readers.
    File,
}

/// A place for bytes that answers `WouldBlock` rather than wait.
#[derive(Debug)]
pub struct Outlet {
    target: File,
    way: Way,
}

impl Outlet {
    pub fn of_stdout() -> io::Result<Self> {
        Self::of(io::stdout().as_fd())
    }

    pub fn of(shared: BorrowedFd<'_>) -> io::Result<Self> {
        let target = File::from(shared.try_clone_to_owned()?);
        let kind = target.metadata()?.file_type();
        if kind.is_socket() {
            return Ok(Self {
                target,
                way: Way::Socket,
            });
        }
        if !(kind.is_fifo() || kind.is_char_device()) {
            return Ok(Self {
                target,
                way: Way::File,
            });
        }
        let path = format!("/proc/self/fd/{}", target.as_raw_fd());
        let own = OpenOptions::new()
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(path);
        Ok(match own {
            Ok(target) => Self {
                target,
                way: Way::Own,
            },
            Err(_) => Self {
                target,
                way: Way::Pieces,
            },
        })
    }

    /// Writes some of `bytes`; `WouldBlock` when the reader has to read first.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.way {
            Way::Own | Way::File => self.target.write(bytes),
            Way::Socket => self.send(bytes),
            Way::Pieces => {
                let writable = (self.target.as_fd(), libc::POLLOUT);
                match await_any(&[writable], Some(Duration::ZERO)) {
                    [true] => self.target.write(&bytes[..bytes.len().min(libc::PIPE_BUF)]),
                    [false] => Err(io::ErrorKind::WouldBlock.into()),
                }
            }
        }
    }

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        // SAFETY: `bytes` is readable for its length during the call, and the descriptor is ours.
        let sent = unsafe {
            libc::send(
                self.target.as_raw_fd(),
                bytes.as_ptr().cast(),
                bytes.len(),
                flags,
            )
        };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }
}

impl AsFd for Outlet {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.target.as_fd()
    }
}

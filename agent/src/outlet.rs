//! Standard output and standard error, written to without being held up by whoever reads them.
//!
//! Making descriptor 1 itself non-blocking would do the same to the shell that shares it. So a
//! pipe or a terminal is opened anew through /proc, a socket is sent to with a flag of its own,
//! and a file is simply written to. Where a pipe cannot be opened anew (another user's), what it
//! takes whole once it polls writable has to do.

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
    /// Only when it polls writable.
    Polled,
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
                way: Way::Polled,
            },
        })
    }

    /// Writes some of `lines`; `WouldBlock` when the reader has to read first. A reader gets whole
    /// lines even if it is the last write: a pipe takes so much at once, or nothing of it.
    pub fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let piece = first_lines(lines, libc::PIPE_BUF);
        match self.way {
            Way::File => self.target.write(lines),
            Way::Own => self.target.write(piece),
            Way::Socket => self.send(piece),
            Way::Polled => {
                let writable = (self.target.as_fd(), libc::POLLOUT);
                match await_any(&[writable], Some(Duration::ZERO)) {
                    [true] => self.target.write(piece),
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

/// As many whole lines as fit, or the first one if that alone does not.
fn first_lines(lines: &[u8], bytes_max: usize) -> &[u8] {
    let is_end = |byte: &u8| *byte == b'\n';
    let fitting = &lines[..lines.len().min(bytes_max)];
    let end = match fitting.iter().rposition(is_end) {
        Some(last) => Some(last),
        None => lines.iter().position(is_end),
    };
    end.map_or(lines, |end| &lines[..=end])
}

impl AsFd for Outlet {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.target.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_whole_lines_as_many_as_fit() {
        for (lines, bytes_max, wanted) in [
            ("a\nbb\nccc\n", 5, "a\nbb\n"),
            ("a\nbb\nccc\n", 4, "a\n"),
            ("a\nbb\n", 100, "a\nbb\n"),
            ("longer\nb\n", 3, "longer\n"),
            ("no end", 3, "no end"),
            ("", 3, ""),
        ] {
            let piece = first_lines(lines.as_bytes(), bytes_max);
            assert_eq!(piece, wanted.as_bytes(), "{lines:?} in {bytes_max}");
        }
    }
}

//! One short connection of an agent, which never makes anybody wait.
//!
//! Everything is tried and left when it would block; the poller says when to go on. An answer is read
//! by the same reader the other tests use, from the bytes that have come so far.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use tapio_tests::http::Answer;

/// What is read at once.
const READ_BYTES: usize = 16_384;
/// No answer an agent gets is longer than a config.
const ANSWER_BYTES_MAX: usize = 262_144;

#[derive(Debug)]
pub struct Line {
    stream: TcpStream,
    unsent: Vec<u8>,
    received: Vec<u8>,
}

impl Line {
    /// On its way to a connection, with the first request to be sent.
    pub fn open(to: SocketAddrV4, request: Vec<u8>) -> io::Result<Self> {
        let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: no pointers are involved.
        let fd = unsafe { libc::socket(libc::AF_INET, kind, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is fresh and owned by nobody else.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        let address = libc::sockaddr_in {
            sin_family: libc::sa_family_t::try_from(libc::AF_INET).map_err(io::Error::other)?,
            sin_port: to.port().to_be(),
            sin_addr: libc::in_addr {
                s_addr: u32::from_ne_bytes(to.ip().octets()),
            },
            sin_zero: [0; 8],
        };
        let bytes = libc::socklen_t::try_from(size_of_val(&address)).map_err(io::Error::other)?;
        // SAFETY: `address` is a whole sockaddr_in of so many bytes, only read by the call.
        let failed =
            unsafe { libc::connect(socket.as_raw_fd(), (&raw const address).cast(), bytes) } != 0;
        let error = io::Error::last_os_error();
        if failed && error.raw_os_error() != Some(libc::EINPROGRESS) {
            return Err(error);
        }
        Ok(Self {
            stream: TcpStream::from(socket),
            unsent: request,
            received: Vec::new(),
        })
    }

    /// The next request over the same connection.
    pub fn send(&mut self, request: Vec<u8>) {
        self.unsent = request;
        self.received.clear();
    }

    pub fn fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }

    /// Goes on as far as it goes: the answer, once it is whole.
    pub fn go_on(&mut self) -> io::Result<Option<Answer>> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        let mut fresh = [0; READ_BYTES];
        loop {
            match self.stream.read(&mut fresh) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => self.received.extend_from_slice(&fresh[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
            match Answer::read(&mut &self.received[..]) {
                Ok(answer) => return Ok(Some(answer)),
                Err(error) if error.kind() != ErrorKind::UnexpectedEof => return Err(error),
                Err(_) if self.received.len() > ANSWER_BYTES_MAX => {
                    return Err(ErrorKind::FileTooLarge.into());
                }
                Err(_) => {}
            }
        }
    }
}

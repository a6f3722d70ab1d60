//! One TCP connection that never waits where a stop or a deadline cannot reach it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use super::error::CallError;
use super::leave::{Leave, Waited};

/// A connected, non-blocking socket.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
}

/// What ends a wait on a connection, beside the peer.
#[derive(Debug, Clone, Copy)]
pub struct Until<'a> {
    pub leave: &'a Leave<'a>,
    /// Boot time.
    pub deadline: u64,
}

impl Until<'_> {
    fn wait(&self, stream: &TcpStream, events: libc::c_short) -> Result<(), CallError> {
        match self.leave.await_io(stream.as_fd(), events, self.deadline) {
            Waited::Ready => Ok(()),
            Waited::Late => Err(CallError::Late),
            Waited::Left => Err(CallError::Left),
        }
    }
}

impl Connection {
    pub fn open(address: SocketAddr, until: Until<'_>) -> Result<Self, CallError> {
        let stream = begin(address).map_err(CallError::Unconnected)?;
        until.wait(&stream, libc::POLLOUT)?;
        match stream.take_error() {
            Ok(None) => {}
            Ok(Some(error)) | Err(error) => return Err(CallError::Unconnected(error)),
        }
        // A request is written in one piece: nothing is gained by waiting for more. If it is
        // refused, the request is only slower.
        let _ = stream.set_nodelay(true);
        Ok(Self { stream })
    }

    /// Writes a request. A peer that answers before it has read all of it has its reasons: the
    /// rest is not sent, and its answer says why. Says whether all was sent.
    pub fn write(&mut self, bytes: &[u8], until: Until<'_>) -> Result<bool, CallError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.stream.write(rest) {
                Ok(0) => return Err(CallError::Broken(io::ErrorKind::WriteZero.into())),
                Ok(sent) => rest = &rest[sent..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    until.wait(&self.stream, libc::POLLOUT | libc::POLLIN)?;
                    if self.has_answer() {
                        return Ok(false);
                    }
                }
                Err(_) if self.has_answer() => return Ok(false),
                Err(error) => return Err(CallError::Broken(error)),
            }
        }
        Ok(true)
    }

    /// Appends what has come, and says how much that was; nothing at the peer's end.
    pub fn read(&mut self, bytes: &mut [u8], until: Until<'_>) -> Result<usize, CallError> {
        loop {
            match self.stream.read(bytes) {
                Ok(read) => return Ok(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    until.wait(&self.stream, libc::POLLIN)?;
                }
                Err(error) => return Err(CallError::Broken(error)),
            }
        }
    }

    /// Whether a byte can be read now.
    fn has_answer(&self) -> bool {
        self.stream.peek(&mut [0]).is_ok_and(|bytes| bytes > 0)
    }
}

/// A socket whose connect is under way. std's own either blocks or has a limit that no stop ends.
fn begin(address: SocketAddr) -> io::Result<TcpStream> {
    let family = match address {
        SocketAddr::V4(_) => libc::AF_INET,
        SocketAddr::V6(_) => libc::AF_INET6,
    };
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: socket takes three integers and touches no memory of ours.
    let raw = unsafe { libc::socket(family, kind, 0) };
    if raw < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just handed us this descriptor; nobody else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(raw) };
    let outcome = match address {
        SocketAddr::V4(address) => connect(&socket, &sockaddr_v4(address)),
        SocketAddr::V6(address) => connect(&socket, &sockaddr_v6(address)),
    };
    match outcome {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        Ok(()) | Err(_) => Ok(TcpStream::from(socket)),
    }
}

/// `A` is the sockaddr of the socket's family.
fn connect<A>(socket: &OwnedFd, address: &A) -> io::Result<()> {
    let bytes = libc::socklen_t::try_from(size_of::<A>()).map_err(io::Error::other)?;
    // SAFETY: `address` is a whole, initialised sockaddr of `bytes` bytes, borrowed for the call,
    // and the descriptor is open.
    let outcome = unsafe {
        libc::connect(
            socket.as_raw_fd(),
            std::ptr::from_ref(address).cast(),
            bytes,
        )
    };
    if outcome != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn sockaddr_v4(address: std::net::SocketAddrV4) -> libc::sockaddr_in {
    // SAFETY: sockaddr_in is a plain struct of integers, for which all zeros is a value.
    let mut plain: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    plain.sin_family = libc::AF_INET as libc::sa_family_t;
    plain.sin_port = address.port().to_be();
    plain.sin_addr.s_addr = u32::from_ne_bytes(address.ip().octets());
    plain
}

fn sockaddr_v6(address: std::net::SocketAddrV6) -> libc::sockaddr_in6 {
    // SAFETY: sockaddr_in6 is a plain struct of integers, for which all zeros is a value.
    let mut plain: libc::sockaddr_in6 = unsafe { std::mem::zeroed() };
    plain.sin6_family = libc::AF_INET6 as libc::sa_family_t;
    plain.sin6_port = address.port().to_be();
    plain.sin6_addr.s6_addr = address.ip().octets();
    plain.sin6_scope_id = address.scope_id();
    plain
}

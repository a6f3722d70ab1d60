//! The few socket calls the network scenes need beyond what std offers.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::os::checked;

/// A TCP socket that is not connected yet.
pub fn socket(to: SocketAddr) -> OwnedFd {
    let family = if to.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    };
    // SAFETY: no pointers are involved.
    let fd = unsafe { libc::socket(family, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    checked("socket", i64::from(fd));
    // SAFETY: the descriptor is fresh and owned by nobody else.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

pub fn set(fd: &impl AsRawFd, level: libc::c_int, option: libc::c_int, value: libc::c_int) {
    set_bytes(fd, level, option, &value.to_ne_bytes());
}

fn set_bytes(fd: &impl AsRawFd, level: libc::c_int, option: libc::c_int, value: &[u8]) {
    let bytes = libc::socklen_t::try_from(value.len()).expect("a short value");
    // SAFETY: the value lives across the call and is as long as is said.
    let result =
        unsafe { libc::setsockopt(fd.as_raw_fd(), level, option, value.as_ptr().cast(), bytes) };
    checked("setsockopt", i64::from(result));
}

/// An answer to the peer's next word, and to its FIN, of RST instead.
pub fn reset_on_close(stream: &TcpStream) {
    let linger = [1i32, 0].map(i32::to_ne_bytes);
    set_bytes(
        stream,
        libc::SOL_SOCKET,
        libc::SO_LINGER,
        linger.as_flattened(),
    );
}

/// An address as the kernel takes it, and its length.
fn raw(to: SocketAddr) -> (libc::sockaddr_storage, libc::socklen_t) {
    // SAFETY: a sockaddr_storage is plain data.
    let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let bytes = match to {
        SocketAddr::V4(to) => {
            let address = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: to.port().to_be(),
                sin_addr: libc::in_addr {
                    s_addr: u32::from_ne_bytes(to.ip().octets()),
                },
                sin_zero: [0; 8],
            };
            // SAFETY: a sockaddr_storage has room for any address.
            unsafe {
                (&raw mut storage)
                    .cast::<libc::sockaddr_in>()
                    .write(address)
            };
            size_of::<libc::sockaddr_in>()
        }
        SocketAddr::V6(to) => {
            let address = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: to.port().to_be(),
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr {
                    s6_addr: to.ip().octets(),
                },
                sin6_scope_id: 0,
            };
            // SAFETY: a sockaddr_storage has room for any address.
            unsafe {
                (&raw mut storage)
                    .cast::<libc::sockaddr_in6>()
                    .write(address)
            };
            size_of::<libc::sockaddr_in6>()
        }
    };
    let bytes = libc::socklen_t::try_from(bytes).expect("a short address");
    (storage, bytes)
}

/// Connects, and says how that ended.
pub fn connect(fd: &OwnedFd, to: SocketAddr) -> io::Result<()> {
    let (storage, bytes) = raw(to);
    // SAFETY: the address lives across the call and is as long as is said.
    match unsafe { libc::connect(fd.as_raw_fd(), (&raw const storage).cast(), bytes) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A listener with this backlog, on a port that others may share or not.
pub fn listener(at: SocketAddr, backlog: libc::c_int, is_shared: bool) -> TcpListener {
    let fd = socket(at);
    set(&fd, libc::SOL_SOCKET, libc::SO_REUSEPORT, is_shared.into());
    let (storage, bytes) = raw(at);
    // SAFETY: the address lives across the call and is as long as is said.
    let bound = unsafe { libc::bind(fd.as_raw_fd(), (&raw const storage).cast(), bytes) };
    checked("bind", i64::from(bound));
    // SAFETY: no pointers are involved.
    let result = unsafe { libc::listen(fd.as_raw_fd(), backlog) };
    checked("listen", i64::from(result));
    fd.into()
}

/// A pair that is connected over loopback: who connected, and who was accepted.
pub fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("causer: a listener");
    let to = listener.local_addr().expect("causer: its address");
    let ours = TcpStream::connect(to).expect("causer: a connection");
    let (theirs, _) = listener.accept().expect("causer: it was accepted");
    (ours, theirs)
}

/// A new network namespace with its loopback up or down.
pub fn own_network(is_up: bool) {
    // SAFETY: no pointers are involved.
    let result = unsafe { libc::unshare(libc::CLONE_NEWNET) };
    checked("unshare", i64::from(result));
    if !is_up {
        return;
    }
    let probe = socket("127.0.0.1:1".parse().expect("an address"));
    // SAFETY: an ifreq is plain data.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (slot, byte) in request.ifr_name.iter_mut().zip(*b"lo\0") {
        *slot = libc::c_char::from_ne_bytes([byte]);
    }
    request.ifr_ifru.ifru_flags = i16::try_from(libc::IFF_UP).expect("a small flag");
    // SAFETY: the request lives across the call and names an interface.
    let result = unsafe {
        // The number is of another type in each C library.
        libc::ioctl(probe.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw mut request)
    };
    checked("SIOCSIFFLAGS", i64::from(result));
}

/// What a socket says of its connection, also after its end: TCP_INFO, which `ss -i` prints.
pub struct Info([u8; 256]);

impl Info {
    pub fn of(socket: &impl AsRawFd) -> Self {
        let mut info = [0; 256];
        let mut bytes = libc::socklen_t::try_from(info.len()).expect("a length");
        // SAFETY: the answer has as much room as is said.
        let result = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_INFO,
                info.as_mut_ptr().cast(),
                &raw mut bytes,
            )
        };
        checked("TCP_INFO", i64::from(result));
        Self(info)
    }

    pub fn rtt_us(&self) -> u32 {
        self.field(68)
    }

    pub fn window(&self) -> u32 {
        self.field(80)
    }

    /// Since the socket was made, those of its SYN among them.
    pub fn retransmits(&self) -> u32 {
        self.field(100)
    }

    /// By its place in `struct tcp_info`.
    fn field(&self, at: usize) -> u32 {
        let bytes = self.0[at..].first_chunk().copied();
        u32::from_ne_bytes(bytes.expect("it is in there"))
    }
}

//! Connections over loopback that fail, for a freshly forked child: system calls and nothing else.

use std::ptr;

const ADDRESS_BYTES: libc::socklen_t = 16;
const _: () = assert!(size_of::<libc::sockaddr_in>() == 16);

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    AsWanted,
    Otherwise,
    /// This process may not take a port, or not listen on one.
    NoPort,
}

impl Came {
    fn of(is_as_wanted: bool) -> Self {
        match is_as_wanted {
            true => Self::AsWanted,
            false => Self::Otherwise,
        }
    }
}

/// Connects to a port that is taken and where nobody listens.
pub fn be_refused() -> Came {
    let (Some((_taken, at)), Some(ours)) = (bound(), socket()) else {
        return Came::NoPort;
    };
    Came::of(connect(ours, &at) == Some(libc::ECONNREFUSED))
}

/// Makes a connection whose other end then resets it.
pub fn be_reset() -> Came {
    let (Some((listener, at)), Some(ours)) = (bound(), socket()) else {
        return Came::NoPort;
    };
    let abort = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    let mut byte = 0u8;
    // SAFETY: the option and the byte live across the calls and are as long as is said; nothing
    // else of these calls is a pointer but the null ones, which accept allows.
    unsafe {
        if libc::listen(listener, 1) != 0 {
            return Came::NoPort;
        }
        if connect(ours, &at).is_some() {
            return Came::Otherwise;
        }
        let theirs = libc::accept(listener, ptr::null_mut(), ptr::null_mut());
        let length = libc::socklen_t::try_from(size_of_val(&abort)).unwrap_or(0);
        let option = (&raw const abort).cast();
        libc::setsockopt(theirs, libc::SOL_SOCKET, libc::SO_LINGER, option, length);
        libc::close(theirs);
        Came::of(libc::read(ours, (&raw mut byte).cast(), 1) < 0 && errno() == libc::ECONNRESET)
    }
}

fn errno() -> libc::c_int {
    // SAFETY: the location is the calling thread's own.
    unsafe { *libc::__errno_location() }
}

fn socket() -> Option<libc::c_int> {
    // SAFETY: no pointers are involved.
    let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    (fd >= 0).then_some(fd)
}

/// A socket on a free port of loopback, and where that is.
fn bound() -> Option<(libc::c_int, libc::sockaddr_in)> {
    let fd = socket()?;
    let family = libc::sa_family_t::try_from(libc::AF_INET).ok()?;
    let mut at = libc::sockaddr_in {
        sin_family: family,
        sin_port: 0,
        sin_addr: libc::in_addr {
            s_addr: u32::from_be_bytes([127, 0, 0, 1]).to_be(),
        },
        sin_zero: [0; 8],
    };
    let mut bytes = ADDRESS_BYTES;
    // SAFETY: the address is as long as is said, for reading and for writing.
    let known = unsafe {
        libc::bind(fd, (&raw const at).cast(), ADDRESS_BYTES) == 0
            && libc::getsockname(fd, (&raw mut at).cast(), &raw mut bytes) == 0
    };
    known.then_some((fd, at))
}

/// The error of an attempt; none if it stands.
fn connect(fd: libc::c_int, to: &libc::sockaddr_in) -> Option<libc::c_int> {
    // SAFETY: the address is as long as is said and lives across the call.
    let result = unsafe { libc::connect(fd, ptr::from_ref(to).cast(), ADDRESS_BYTES) };
    (result < 0).then(errno)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_fail_as_they_are_to() {
        assert_eq!(be_refused(), Came::AsWanted);
        assert_eq!(be_reset(), Came::AsWanted);
    }
}

//! A socket that nothing reaches any more, as a cut wire would have it.

use std::io;
use std::os::fd::AsRawFd;

/// Whatever arrives for this socket is dropped from now on, and nobody is told. Connections that a
/// listener is asked for afterwards are never answered.
///
/// # Panics
/// When the kernel does not take the filter.
#[track_caller]
pub fn drop_everything(fd: &impl AsRawFd) {
    let mut refuse = libc::sock_filter {
        code: 0x06, // return
        jt: 0,
        jf: 0,
        k: 0,
    };
    let program = libc::sock_fprog {
        len: 1,
        filter: &raw mut refuse,
    };
    let bytes = libc::socklen_t::try_from(size_of_val(&program)).expect("a short value");
    // SAFETY: program and filter live across the call, which copies both.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            bytes,
        )
    };
    let error = io::Error::last_os_error();
    assert_eq!(result, 0, "SO_ATTACH_FILTER: {error}");
}

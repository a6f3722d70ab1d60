//! The lock of the status file, and who holds it.
//!
//! A record lock of POSIX, not one of the open file as the evidence directory has: the kernel then
//! tells who holds it, by the number that process has in the asker's own PID namespace. It goes
//! with the process, however that ends. It would go with any other descriptor of the file as well,
//! so the agent opens the file once.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

/// Who holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    Process(libc::pid_t),
    /// A process that has no number here: it is in another PID namespace.
    Elsewhere,
}

impl fmt::Display for Holder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(pid) => write!(out, "process {pid}"),
            Self::Elsewhere => out.write_str("a process of another PID namespace"),
        }
    }
}

fn whole_file(kind: libc::c_int) -> libc::flock {
    // SAFETY: flock is a plain struct of integers, for which all zeros is a value.
    let mut whole: libc::flock = unsafe { std::mem::zeroed() };
    whole.l_type = libc::c_short::try_from(kind).unwrap_or(libc::c_short::MAX);
    whole
}

/// Takes the lock, or says who has it.
pub fn take(file: &File) -> io::Result<Result<(), Holder>> {
    let whole = whole_file(libc::F_WRLCK);
    // SAFETY: the descriptor is open and `whole` a valid flock for the time of the call.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw const whole) } == 0 {
        return Ok(Ok(()));
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        // Whoever had it may be gone by now; then it is nobody we could name.
        Some(libc::EAGAIN | libc::EACCES) => Ok(Err(holder(file)?.unwrap_or(Holder::Elsewhere))),
        Some(_) | None => Err(error),
    }
}

/// Who holds the lock; asking takes nothing.
pub fn holder(file: &File) -> io::Result<Option<Holder>> {
    let mut whole = whole_file(libc::F_RDLCK);
    // SAFETY: the descriptor is open and `whole` a valid flock to read and write.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETLK, &raw mut whole) } != 0 {
        return Err(io::Error::last_os_error());
    }
    if i32::from(whole.l_type) == libc::F_UNLCK {
        return Ok(None);
    }
    Ok(Some(match whole.l_pid {
        pid if pid > 0 => Holder::Process(pid),
        _ => Holder::Elsewhere,
    }))
}

/// Sends the holder of the lock a signal, and nobody who has got its number since; `None` if it
/// holds the lock no longer.
pub fn signal(file: &File, pid: libc::pid_t, signal: libc::c_int) -> io::Result<Option<()>> {
    // SAFETY: the call takes two integers and answers a new descriptor or -1.
    let raw = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let Some(raw) = libc::c_int::try_from(raw).ok().filter(|raw| *raw >= 0) else {
        let error = io::Error::last_os_error();
        return match error.raw_os_error() {
            Some(libc::ESRCH) => Ok(None),
            Some(_) | None => Err(error),
        };
    };
    // SAFETY: the kernel just handed us this descriptor; nobody else owns it.
    let process = unsafe { OwnedFd::from_raw_fd(raw) };
    // The number means the process that was open above only while that one still has the lock.
    if holder(file)? != Some(Holder::Process(pid)) {
        return Ok(None);
    }
    let target = process.as_fd().as_raw_fd();
    let none: *const libc::siginfo_t = std::ptr::null();
    // SAFETY: the descriptor is open; no siginfo is passed, so nothing is read.
    let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, target, signal, none, 0) };
    match sent {
        0 => Ok(Some(())),
        _ => Err(io::Error::last_os_error()),
    }
}

//! SIGTERM and SIGINT as bytes in a pipe, so that one thread can wait for them and for the stop.
//!
//! Registered before any thread starts: a signal that comes while the agent is still loading is
//! kept and answered as soon as the thread runs.

use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::stop::{Stop, await_readable};

/// What an init system may wait before it kills.
const LEAVE_SECONDS_MAX: libc::c_uint = 5;

/// The receiving end of the signals that ask the agent to leave.
#[derive(Debug)]
pub struct Signals {
    arrived: OwnedFd,
}

impl Signals {
    pub fn register() -> io::Result<Self> {
        let (arrived, sender) = open_pipe()?;
        pipe::register(SIGTERM, sender.try_clone()?)?;
        pipe::register(SIGINT, sender)?;
        Ok(Self { arrived })
    }

    /// The task of thread `signal`: returns when a signal came, or the agent stops anyway.
    pub fn wait(&self, stop: &Stop) {
        let _guard = stop.guard();
        let [asked, _] = await_readable(&[self.arrived.as_fd(), stop.as_fd()], None);
        if asked {
            log::info!("asked to leave by a signal");
        }
    }
}

/// Neither end waits: a handler that found the pipe full would hold up whom it interrupted.
fn open_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: pipe2 writes two descriptors to the two integers it is given.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both descriptors are new and nobody else's.
    let [arrived, sender] = ends.map(|end| unsafe { OwnedFd::from_raw_fd(end) });
    Ok((arrived, sender))
}

/// From now on the kernel ends this process if it has not left in time: the promise holds even
/// where a disk or a driver keeps a thread in a call that nothing can interrupt.
pub fn limit_leaving() {
    // SAFETY: both calls take integers only; SIGALRM gets its default action back, which ends the
    // process.
    unsafe {
        libc::signal(libc::SIGALRM, libc::SIG_DFL);
        libc::alarm(LEAVE_SECONDS_MAX);
    }
}

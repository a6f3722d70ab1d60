//! SIGTERM and SIGINT as bytes on a socket, so that one thread can wait for them and for the stop.
//!
//! Registered before any thread starts: a signal that comes while the agent is still loading is
//! kept and answered as soon as the thread runs.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::stop::{Stop, await_readable};

/// What an init system may wait before it kills.
const LEAVE_SECONDS_MAX: libc::c_uint = 5;

/// The receiving end of the signals that ask the agent to leave.
#[derive(Debug)]
pub struct Signals {
    arrived: UnixStream,
}

impl Signals {
    pub fn register() -> io::Result<Self> {
        let (arrived, sender) = UnixStream::pair()?;
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

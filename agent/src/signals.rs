//! Signals as bytes in pipes, so that one thread can wait for them and for the stop: SIGTERM and
//! SIGINT ask the agent to leave, SIGUSR1 asks how it is.
//!
//! Registered before any thread starts: a signal that comes while the agent is still loading is
//! kept and answered as soon as the thread runs.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, FromRawFd, OwnedFd};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::health::ASK;
use crate::stop::{Stop, await_readable};

/// What an init system may wait before it kills.
const LEAVE_SECONDS_MAX: libc::c_uint = 5;

/// The receiving end of the signals.
#[derive(Debug)]
pub struct Signals {
    arrived: OwnedFd,
    questions: File,
}

impl Signals {
    pub fn register() -> io::Result<Self> {
        let (arrived, sender) = open_pipe()?;
        pipe::register(SIGTERM, sender.try_clone()?)?;
        pipe::register(SIGINT, sender)?;
        let (questions, sender) = open_pipe()?;
        pipe::register(ASK, sender)?;
        Ok(Self {
            arrived,
            questions: questions.into(),
        })
    }

    /// The task of thread `signal`: returns when a signal came that ends the agent, or the agent
    /// stops anyway. Every question is passed on with `ask`.
    pub fn wait(&self, stop: &Stop, ask: impl Fn()) {
        let guard = stop.guard();
        loop {
            let sources = [self.arrived.as_fd(), stop.as_fd(), self.questions.as_fd()];
            let [is_asked_to_leave, is_stopped, is_asked] = await_readable(&sources, None);
            if is_asked_to_leave {
                // First the stop, then the word about it: who keeps the log may be slow.
                limit_leaving();
                drop(guard);
                log::info!("asked to leave by a signal");
                return;
            }
            if is_stopped {
                return;
            }
            if is_asked {
                // Emptied before it is passed on: who asks meanwhile is heard again.
                while matches!((&self.questions).read(&mut [0; 64]), Ok(1..)) {}
                ask();
            }
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

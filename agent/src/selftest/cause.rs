//! Makes a process fail.
//!
//! Other threads run meanwhile, so the child does nothing between its birth and its end but calls
//! into the kernel: no allocation, no lock, no Rust runtime.

use std::ffi::CString;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::connect::{self, Came};
use super::scene::{Scene, SceneError};

/// More than any test group may have, and little enough for any machine.
const FILL_BYTES: usize = 256 << 20;
const PAGE_BYTES: usize = 4096;

const NO_PORT_CODE: libc::c_int = 96;
const NO_PORT_STATUS: i32 = NO_PORT_CODE << 8;

/// What the child does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Exit(i32),
    /// Waits to be killed, and is.
    BeKilled,
    /// Writes to memory that is not its own.
    Fault,
    /// Writes to more memory than its group may have.
    Fill,
    /// Connects to where nobody listens.
    BeRefused,
    /// Has its connection reset by the other end.
    BeReset,
}

/// What was done to whom.
#[derive(Debug)]
pub struct Caused {
    pub pid: libc::pid_t,
}

/// Why a fact could not be caused.
#[derive(Debug)]
pub enum CauseError {
    Scene(SceneError),
    NoMemoryController,
    NoPort,
    Fork(io::Error),
    /// It ended otherwise than it was to.
    Survived(i32),
}

impl fmt::Display for CauseError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scene(error) => error.fmt(out),
            Self::NoMemoryController => {
                out.write_str("the memory controller is not at hand for new groups here")
            }
            Self::NoPort => {
                out.write_str("no port can be listened on here; a system call filter may forbid it")
            }
            Self::Fork(error) => write!(out, "no process can be made: {error}"),
            Self::Survived(status) => write!(out, "the process ended with wait status {status:#x}"),
        }
    }
}

impl std::error::Error for CauseError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Scene(error) => Some(error),
            Self::Fork(error) => Some(error),
            Self::NoMemoryController | Self::NoPort | Self::Survived(_) => None,
        }
    }
}

impl Act {
    /// The wait status of a process that did it.
    fn status(self) -> i32 {
        match self {
            Self::Exit(code) => code << 8,
            Self::BeKilled | Self::Fill => libc::SIGKILL,
            Self::Fault => libc::SIGSEGV,
            Self::BeRefused | Self::BeReset => 0,
        }
    }
}

/// Has a child do it in a group of its own, and waits for its end.
pub fn cause(act: Act, scene: &Scene, group: &str) -> Result<Caused, CauseError> {
    let group = scene
        .group(group, act == Act::Fill)
        .map_err(CauseError::Scene)?;
    let group = group.ok_or(CauseError::NoMemoryController)?;
    let procs = path_of(&group.join("cgroup.procs"))?;
    let (ready, announce) = pipe()?;
    // SAFETY: the child calls nothing but async-signal-safe functions and never returns.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: this is the child, `procs` ends with NUL and `announce` is open.
        unsafe { fail(act, &procs, announce) }
    }
    close(announce);
    if pid < 0 {
        let error = io::Error::last_os_error();
        close(ready);
        return Err(CauseError::Fork(error));
    }
    if act == Act::BeKilled {
        let mut byte = 0u8;
        // SAFETY: one writable byte. The child writes one, or ends and so closes the pipe.
        unsafe { libc::read(ready, (&raw mut byte).cast(), 1) };
        // SAFETY: the child is not waited for yet, so the number is still its own.
        unsafe { libc::kill(pid, libc::SIGKILL) };
    }
    close(ready);
    let mut status = 0;
    // SAFETY: `status` is writable; the child is ours.
    while unsafe { libc::waitpid(pid, &raw mut status, 0) } < 0 {
        if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            break;
        }
    }
    match status {
        _ if status == act.status() => Ok(Caused { pid }),
        NO_PORT_STATUS => Err(CauseError::NoPort),
        _ => Err(CauseError::Survived(status)),
    }
}

fn path_of(path: &Path) -> Result<CString, CauseError> {
    CString::new(path.as_os_str().as_bytes()).map_err(|error| CauseError::Fork(error.into()))
}

fn pipe() -> Result<(libc::c_int, libc::c_int), CauseError> {
    let mut ends = [0; 2];
    // SAFETY: pipe2 writes two descriptors to the two integers it is given.
    match unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } {
        0 => Ok((ends[0], ends[1])),
        _ => Err(CauseError::Fork(io::Error::last_os_error())),
    }
}

fn close(end: libc::c_int) {
    // SAFETY: both ends are ours, and each is closed once.
    unsafe { libc::close(end) };
}

/// What a child leaves with after its connection.
fn code_of(came: Came) -> libc::c_int {
    match came {
        Came::AsWanted => 0,
        Came::Otherwise => 97,
        Came::NoPort => NO_PORT_CODE,
    }
}

/// The child's whole life: into the group, leader of a session, and then it fails. A core would
/// say nothing that is not known, so none is written.
///
/// # Safety
/// Only to be called in a freshly forked child; `procs` must be a path that ends with NUL.
unsafe fn fail(act: Act, procs: &CString, announce: libc::c_int) -> ! {
    // SAFETY: system calls only, on memory that is valid for the length given; the null pointer
    // is written to on purpose, and the process ends there.
    unsafe {
        let group = libc::open(procs.as_ptr(), libc::O_WRONLY);
        if group < 0 || libc::write(group, c"0".as_ptr().cast(), 1) != 1 {
            libc::_exit(99);
        }
        libc::setsid();
        libc::prctl(libc::PR_SET_DUMPABLE, 0);
        libc::signal(libc::SIGSEGV, libc::SIG_DFL);
        libc::write(announce, c"r".as_ptr().cast(), 1);
        match act {
            Act::Exit(code) => libc::_exit(code),
            Act::BeKilled => loop {
                libc::pause();
            },
            Act::BeRefused => libc::_exit(code_of(connect::be_refused())),
            Act::BeReset => libc::_exit(code_of(connect::be_reset())),
            Act::Fault => {
                let nowhere = libc::mmap(
                    std::ptr::null_mut(),
                    PAGE_BYTES,
                    libc::PROT_NONE,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                    -1,
                    0,
                );
                nowhere.cast::<u8>().write_volatile(1);
            }
            Act::Fill => {
                let memory = libc::mmap(
                    std::ptr::null_mut(),
                    FILL_BYTES,
                    libc::PROT_READ | libc::PROT_WRITE,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                    -1,
                    0,
                );
                for at in (0..FILL_BYTES).step_by(PAGE_BYTES) {
                    memory.cast::<u8>().add(at).write_volatile(1);
                }
            }
        }
        libc::_exit(98)
    }
}

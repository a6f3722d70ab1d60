//! A program as the first process of a pid namespace, which has another number there than the kernel
//! calls it by. It gets the SIGTERM that is sent here, and what it leaves with is left with here.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicI32, Ordering};

use crate::os::{checked, fork};

static FIRST: AtomicI32 = AtomicI32::new(0);

extern "C" fn pass_on(signal: libc::c_int) {
    // SAFETY: no pointers are involved, and the call may be made in a handler.
    unsafe { libc::kill(FIRST.load(Ordering::Relaxed), signal) };
}

/// `contained PROGRAM ARGUMENT…`
pub fn contained(words: &[String]) -> ExitCode {
    let (program, arguments) = words.split_first().expect("causer: a program");
    // SAFETY: no pointers are involved; the namespace is for the children of this process.
    checked(
        "unshare",
        unsafe { libc::unshare(libc::CLONE_NEWPID) }.into(),
    );
    let first = fork();
    if first == 0 {
        // SAFETY: no pointers are involved.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        let error = Command::new(program).args(arguments).exec();
        panic!("causer: {program}: {error}");
    }
    FIRST.store(first, Ordering::Relaxed);
    let handler: extern "C" fn(libc::c_int) = pass_on;
    // SAFETY: the handler makes one call that a handler may make.
    unsafe { libc::signal(libc::SIGTERM, handler as libc::sighandler_t) };
    let mut status = 0;
    // SAFETY: `status` is a valid place for the status.
    while unsafe { libc::waitpid(first, &raw mut status, 0) } != first {}
    match libc::WIFEXITED(status) {
        true => ExitCode::from(u8::try_from(libc::WEXITSTATUS(status)).unwrap_or(u8::MAX)),
        false => ExitCode::FAILURE,
    }
}

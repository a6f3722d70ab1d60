//! Scenes in which one process ends another, and the log says who.

use std::process::ExitCode;

use crate::os::{self, argument};

/// `kill PID SIGNAL`: sends the signal and says who did.
pub fn kill(arguments: &[String]) -> ExitCode {
    os::send(argument(arguments, 0), argument(arguments, 1));
    os::say(&format!(r#"{{"sender":{}}}"#, os::this_pid()));
    ExitCode::SUCCESS
}

/// `queue PID SIGNAL`: the same with sigqueue, whose si_code is another.
pub fn queue(arguments: &[String]) -> ExitCode {
    let value = libc::sigval {
        sival_ptr: std::ptr::null_mut(),
    };
    // SAFETY: the value is passed by value and never dereferenced by the kernel.
    let result = unsafe { libc::sigqueue(argument(arguments, 0), argument(arguments, 1), value) };
    os::checked("sigqueue", i64::from(result));
    os::say(&format!(r#"{{"sender":{}}}"#, os::this_pid()));
    ExitCode::SUCCESS
}

/// `kill-twice PID`: two processes send SIGKILL before the victim, bound to CPU 0 like both of them,
/// can run again. The first is the sender.
pub fn twice(arguments: &[String]) -> ExitCode {
    let victim = argument(arguments, 0);
    os::pin(0);
    let (go, start) = os::pipe();
    let second = os::fork();
    os::real_time(if second == 0 { 40 } else { 50 });
    if second == 0 {
        os::await_nudge(go);
        // The victim cannot have run, hence cannot be gone.
        os::send(victim, libc::SIGKILL);
        os::exit_now(0);
    }
    os::send(victim, libc::SIGKILL);
    os::nudge(start);
    let status = os::wait(second);
    let first = os::this_pid();
    os::say(&format!(
        r#"{{"first":{first},"second":{second},"second_status":{status}}}"#
    ));
    ExitCode::SUCCESS
}

//! Scenes in which one process ends another, and the log says who.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::os::{self, argument};
use crate::{lives, memory};

/// `kill PID SIGNAL`: sends the signal and says who did.
pub fn kill(arguments: &[String]) -> ExitCode {
    os::send(argument(arguments, 0), argument(arguments, 1));
    os::say(&format!(r#"{{"sender":{}}}"#, os::this_pid()));
    ExitCode::SUCCESS
}

/// `thread-kill PID SIGNAL`: the same to the leading thread alone.
pub fn thread_kill(arguments: &[String]) -> ExitCode {
    let victim = argument(arguments, 0);
    os::send_to_thread(victim, victim, argument(arguments, 1));
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

/// `kill-dumping MIB FOLDER`: a child of that size dumps its core into the folder, which is empty,
/// and is sent SIGKILL while it does.
pub fn dumping(arguments: &[String]) -> ExitCode {
    let mib = argument(arguments, 0);
    let folder: PathBuf = arguments.get(1).expect("causer: no folder").into();
    let child = os::fork();
    if child == 0 {
        std::env::set_current_dir(&folder).expect("causer: the folder");
        os::leave_a_core_of_any_size();
        memory::take(mib, false);
        return lives::fault(&["segv".to_owned()]);
    }
    os::real_time(50);
    let has_begun = || {
        let mut files = std::fs::read_dir(&folder).expect("causer: the folder");
        files.any(|file| file.is_ok_and(|file| file.metadata().is_ok_and(|about| about.len() > 0)))
    };
    while !has_begun() {
        std::hint::spin_loop();
    }
    os::send(child, libc::SIGKILL);
    let status = os::wait(child);
    let sender = os::this_pid();
    os::say(&format!(
        r#"{{"pid":{child},"sender":{sender},"status":{status}}}"#
    ));
    ExitCode::SUCCESS
}

//! Scenes of memory: eating until killed, holding, and dying slowly while others want room.

use std::process::ExitCode;

use crate::os::{self, argument};

const PAGE: usize = 4_096;
const MIB: usize = 1 << 20;

/// Touches so many MiB of fresh pages, page by page, and keeps them.
pub fn take(mib: usize, shared: bool) {
    let length = mib * MIB;
    if length == 0 {
        return;
    }
    let visibility = if shared {
        libc::MAP_SHARED
    } else {
        libc::MAP_PRIVATE
    };
    // SAFETY: a fresh anonymous mapping of its own; every write stays inside its length. Huge pages
    // are refused so that what is counted is what is touched.
    unsafe {
        let start = libc::mmap(
            std::ptr::null_mut(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            visibility | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        assert!(
            start != libc::MAP_FAILED,
            "causer: no {mib} MiB of address space"
        );
        libc::madvise(start, length, libc::MADV_NOHUGEPAGE);
        for at in (0..length).step_by(PAGE) {
            start.cast::<u8>().add(at).write_volatile(1);
        }
    }
}

/// `eat ANON_MIB SHARED_MIB`: waits for a word, takes the shared part, then the private part, and
/// says so if it is still there.
pub fn eat(arguments: &[String]) -> ExitCode {
    os::say(&format!(r#"{{"pid":{}}}"#, os::this_pid()));
    os::await_word();
    take(argument(arguments, 1), true);
    take(argument(arguments, 0), false);
    os::say(r#"{"survived":true}"#);
    ExitCode::SUCCESS
}

/// `hold ANON_MIB`: takes memory, says so, and keeps it.
pub fn hold(arguments: &[String]) -> ExitCode {
    take(argument(arguments, 0), false);
    os::say(&format!(r#"{{"pid":{}}}"#, os::this_pid()));
    os::rest()
}

/// `hold-dying ANON_MIB`: a child that takes memory and waits to be killed, and that is kept from
/// dying, with all its memory, by a tracer that stops it on the threshold: until the next word.
pub fn hold_dying(arguments: &[String]) -> ExitCode {
    let mib = argument(arguments, 0);
    let child = os::fork();
    if child == 0 {
        os::ptrace("PTRACE_TRACEME", libc::PTRACE_TRACEME, 0, 0);
        take(mib, false);
        os::send(os::this_pid(), libc::SIGSTOP);
        os::rest();
    }
    os::wait(child); // for its SIGSTOP
    os::ptrace(
        "PTRACE_SETOPTIONS",
        libc::PTRACE_SETOPTIONS,
        child,
        libc::PTRACE_O_TRACEEXIT,
    );
    os::ptrace("PTRACE_CONT", libc::PTRACE_CONT, child, 0);
    os::say(&format!(r#"{{"pid":{child}}}"#));
    let stopped = os::wait(child);
    let on_the_threshold = libc::SIGTRAP | (libc::PTRACE_EVENT_EXIT << 8);
    assert_eq!(
        stopped >> 8,
        on_the_threshold,
        "causer: not stopped at its exit"
    );
    os::say(r#"{"dying":true}"#);
    os::await_word();
    os::let_go(child);
    let status = os::wait(child);
    os::say(&format!(r#"{{"status":{status}}}"#));
    ExitCode::SUCCESS
}

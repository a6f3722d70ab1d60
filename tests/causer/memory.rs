//! Scenes of memory: eating until killed, holding, and dying slowly while others want room.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::os::{self, argument};

const PAGE: usize = 4_096;
const MIB: usize = 1 << 20;

/// Touches so many MiB of fresh pages, page by page, and keeps them.
fn take(mib: usize, shared: bool) {
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

/// `kill-and-hog PID MILLIS`: sends SIGKILL to a process bound to the same CPU and then keeps that CPU
/// busy, so that the victim is dying, with all its memory, for so long.
pub fn kill_and_hog(arguments: &[String]) -> ExitCode {
    let victim = argument(arguments, 0);
    let hold = Duration::from_millis(argument(arguments, 1));
    os::real_time(50);
    let since = Instant::now();
    os::send(victim, libc::SIGKILL);
    os::say(&format!(r#"{{"sender":{}}}"#, os::this_pid()));
    while since.elapsed() < hold {
        std::hint::spin_loop();
    }
    ExitCode::SUCCESS
}

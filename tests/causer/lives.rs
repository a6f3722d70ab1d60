//! Scenes of one process's life and end: codes, signals, faults, timers, orphans, namespaces.

use std::process::ExitCode;

use crate::os::{self, argument};

/// `exit CODE`: leaves with the code.
pub fn exit(arguments: &[String]) -> ExitCode {
    os::exit_now(argument(arguments, 0))
}

/// `die SIGNAL`: sends the signal to itself.
pub fn die(arguments: &[String]) -> ExitCode {
    os::send(os::this_pid(), argument(arguments, 0));
    os::rest()
}

/// `fault segv|ill`: does what the processor refuses.
pub fn fault(arguments: &[String]) -> ExitCode {
    match arguments.first().map_or("segv", String::as_str) {
        "segv" => {
            // SAFETY: none: the write to address 8 is meant to be refused, and ends the process.
            unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) }
        }
        "ill" => {
            // SAFETY: the undefined instruction is meant to end the process.
            #[cfg(target_arch = "x86_64")]
            unsafe {
                std::arch::asm!("ud2")
            }
        }
        other => panic!("causer: no such fault: {other}"),
    }
    ExitCode::FAILURE
}

/// `pause`: says its pid and waits for whatever ends it.
pub fn pause(_: &[String]) -> ExitCode {
    os::say(&format!(r#"{{"pid":{}}}"#, os::this_pid()));
    os::rest()
}

/// `orphan CODE`: a child whose parent is gone by the time it leaves with the code.
pub fn orphan(arguments: &[String]) -> ExitCode {
    let code = argument(arguments, 0);
    let (gone, alive) = os::pipe();
    let parent = os::this_pid();
    let child = os::fork();
    if child > 0 {
        os::say(&format!(r#"{{"pid":{child}}}"#));
        return ExitCode::SUCCESS; // its end of the pipe closes once it is gone
    }
    // SAFETY: the descriptor is this process's own copy and used no more.
    unsafe { libc::close(alive) };
    os::await_nudge(gone);
    // Its files close before its children are given away.
    // SAFETY: no pointers are involved.
    while unsafe { libc::getppid() } == parent {
        std::thread::yield_now();
    }
    os::exit_now(code)
}

/// `alarm`: dies of its own interval timer, which a timer interrupt fires in anyone's context.
pub fn alarm(_: &[String]) -> ExitCode {
    os::say(&format!(r#"{{"pid":{}}}"#, os::this_pid()));
    // SAFETY: the timer value is a whole itimerval that lives across the call; no old value is asked.
    let result = unsafe {
        let mut timer: libc::itimerval = std::mem::zeroed();
        timer.it_value.tv_usec = 30_000;
        libc::syscall(
            libc::SYS_setitimer,
            libc::ITIMER_REAL,
            &raw const timer,
            std::ptr::null_mut::<libc::itimerval>(),
        )
    };
    os::checked("setitimer", result);
    os::rest()
}

/// `posix-timer`: the same by a timer that it made, whose signal it is told of as the timer's.
pub fn posix_timer(_: &[String]) -> ExitCode {
    os::say(&format!(r#"{{"pid":{}}}"#, os::this_pid()));
    let mut timer: libc::c_int = 0;
    let no_event = std::ptr::null_mut::<libc::sigevent>();
    // SAFETY: the kernel's own number of the timer is an int, for which there is room; without an
    // event it sends SIGALRM.
    let made = unsafe {
        libc::syscall(
            libc::SYS_timer_create,
            libc::CLOCK_MONOTONIC,
            no_event,
            &raw mut timer,
        )
    };
    os::checked("timer_create", made);
    // SAFETY: the value is a whole itimerspec that lives across the call; no old value is asked.
    let set = unsafe {
        let mut value: libc::itimerspec = std::mem::zeroed();
        value.it_value.tv_nsec = 30_000_000;
        libc::syscall(
            libc::SYS_timer_settime,
            timer,
            0,
            &raw const value,
            std::ptr::null_mut::<libc::itimerspec>(),
        )
    };
    os::checked("timer_settime", set);
    os::rest()
}

/// `cpu-limit`: burns its second of CPU time and is killed by the kernel, with SIGKILL and no OOM.
pub fn cpu_limit(_: &[String]) -> ExitCode {
    let limit = libc::rlimit {
        rlim_cur: 1,
        rlim_max: 1,
    };
    // SAFETY: the limit is a whole rlimit that lives across the call.
    let result = unsafe { libc::setrlimit(libc::RLIMIT_CPU, &raw const limit) };
    os::checked("setrlimit", i64::from(result));
    loop {
        std::hint::spin_loop();
    }
}

/// `parent-death SIGNAL`: a child that the kernel signals because its parent left.
pub fn parent_death(arguments: &[String]) -> ExitCode {
    let signal: libc::c_int = argument(arguments, 0);
    let (ready, to_parent) = os::pipe();
    let child = os::fork();
    if child == 0 {
        // SAFETY: no pointers are involved.
        let result = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal) };
        os::checked("PR_SET_PDEATHSIG", i64::from(result));
        os::nudge(to_parent);
        os::rest();
    }
    os::await_nudge(ready);
    let parent = os::this_pid();
    os::say(&format!(r#"{{"pid":{child},"parent":{parent}}}"#));
    ExitCode::SUCCESS
}

/// `pid-namespace CODE`: the first process of a new pid namespace kills its own child, then leaves
/// with the code. Prints nothing of the inside: the pids there are not the host's.
pub fn pid_namespace(arguments: &[String]) -> ExitCode {
    let code = argument(arguments, 0);
    // SAFETY: no pointers are involved; the namespace is for the children of this process.
    let result = unsafe { libc::unshare(libc::CLONE_NEWPID) };
    os::checked("unshare", i64::from(result));
    let first = os::fork();
    if first == 0 {
        let child = os::fork();
        if child == 0 {
            os::rest();
        }
        os::send(child, libc::SIGKILL);
        os::wait(child);
        os::await_word();
        os::exit_now(code);
    }
    os::say(&format!(r#"{{"pid":{first}}}"#));
    let status = os::wait(first);
    os::say(&format!(r#"{{"status":{status}}}"#));
    ExitCode::SUCCESS
}

/// `session CODE`: a child that leads a session of its own, in its parent's cgroup, leaves with the code.
pub fn session(arguments: &[String]) -> ExitCode {
    let code = argument(arguments, 0);
    let child = os::fork();
    if child == 0 {
        // SAFETY: no pointers are involved.
        let result = unsafe { libc::setsid() };
        os::checked("setsid", i64::from(result));
        os::exit_now(code);
    }
    let status = os::wait(child);
    os::say(&format!(r#"{{"pid":{child},"status":{status}}}"#));
    ExitCode::SUCCESS
}

//! Scenes of processes with many threads: an exit is one fact, whatever the threads do meanwhile.

use std::process::ExitCode;
use std::sync::Barrier;
use std::thread;

use crate::os::{self, argument};

/// `crowd PROCESSES THREADS CODE`: children of so many threads each, of which not the leader ends the
/// process. Prints the pid and wait status of every one.
pub fn crowd(arguments: &[String]) -> ExitCode {
    let processes: usize = argument(arguments, 0);
    let count: usize = argument(arguments, 1);
    let code: i32 = argument(arguments, 2);
    let children: Vec<libc::pid_t> = (0..processes)
        .map(|_| match os::fork() {
            0 => end_among(count, code),
            child => child,
        })
        .collect();
    for child in children {
        let status = os::wait(child);
        os::say(&format!(r#"{{"pid":{child},"status":{status}}}"#));
    }
    ExitCode::SUCCESS
}

/// All threads leave at one moment, so that several find themselves the last.
fn end_among(count: usize, code: i32) -> ! {
    let together = Barrier::new(count);
    thread::scope(|scope| {
        for at in 1..count {
            let together = &together;
            scope.spawn(move || {
                os::name_this_thread("not-the-leader");
                together.wait();
                if at == 1 {
                    os::exit_now(code);
                }
                os::exit_thread(0);
            });
        }
        together.wait();
        os::rest()
    })
}

/// `leader-first LEADER_CODE LAST_CODE`: every thread ends alone, the leader first. Whose code is the
/// process's depends on the kernel.
pub fn leader_first(arguments: &[String]) -> ExitCode {
    let (leader, last) = (argument(arguments, 0), argument(arguments, 1));
    after_the_leader(leader, move || os::exit_thread(last))
}

/// `zombie-leader CODE`: the leader ends alone with 0, later another thread ends the process with the code.
pub fn zombie_leader(arguments: &[String]) -> ExitCode {
    let code = argument(arguments, 0);
    after_the_leader(0, move || os::exit_now(code))
}

fn after_the_leader(leader_code: i32, then: impl FnOnce() + Send + 'static) -> ExitCode {
    let leader = os::this_pid();
    thread::spawn(move || {
        os::name_this_thread("last-thread");
        while !is_zombie(leader) {
            thread::yield_now();
        }
        then();
    });
    os::exit_thread(leader_code)
}

fn is_zombie(pid: libc::pid_t) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| rest.starts_with('Z'))
}

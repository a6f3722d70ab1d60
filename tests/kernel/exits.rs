//! The death certificate: one per process, with the code, the signal and the name that are the process's.

use std::collections::BTreeMap;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tapio_tests::agent::{Event, TestAgent, container_config};
use tapio_tests::deadline::{SOON, wait_until};
use tapio_tests::folder::TestFolder;

use crate::ABNORMAL_EXIT;
use crate::cgroup::{Cgroup, Standing};
use crate::programs::skipped;
use crate::scene::{Scene, causer, number};

/// Long enough that the start of a life cannot be taken for its end.
const LIFE_MIN: Duration = Duration::from_millis(300);

/// The exit of this pid.
fn exit_of(pid: u64) -> impl Fn(&Event) -> bool {
    move |event| event.is(ABNORMAL_EXIT) && event.fact("pid") == pid
}

#[test]
fn a_root_leaves_with_a_code() {
    let mut agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let cgroup = Cgroup::new();
    let mut scene = Scene::root(&cgroup, "--comm leaves-with-7 exit 7");
    assert_eq!(scene.end().code(), Some(7));
    let event = agent.expect("exit", exit_of(scene.pid().into()));
    assert_eq!(event.fact("exit_code"), 7);
    assert_eq!(event.fact("comm"), "leaves-with-7");
    assert_eq!(event.fact("is_workload_root"), true);
    assert_eq!(event.fact("oom_victim"), false);
    assert_eq!(event.fact("cause"), "exit_code");
    for absent in ["signal", "sender"] {
        assert_eq!(*event.fact(absent), Value::Null, "{event:?}");
    }
    assert_eq!(event.0["severity"], "warning");
    assert_eq!(event.0["outcome"], "failure");
    assert_eq!(event.0["source"], "tapio");
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("its id");
    assert_eq!(event.fact("boot_id"), boot.trim());
    cgroup.assert_named_by(&event);
    assert_eq!(cgroup.events(&agent.stop()).len(), 1);
}

#[test]
fn every_core_dumping_signal_is_reported_with_its_number_and_its_sender() {
    let signals = [
        libc::SIGQUIT,
        libc::SIGILL,
        libc::SIGTRAP,
        libc::SIGABRT,
        libc::SIGBUS,
        libc::SIGFPE,
        libc::SIGSEGV,
        libc::SIGXCPU,
        libc::SIGXFSZ,
        libc::SIGSYS,
        libc::SIGKILL,
    ];
    let mut agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let cgroup = Cgroup::new();
    for signal in signals {
        let mut scene = Scene::member(&cgroup, &format!("--comm dies die {signal}"));
        assert_eq!(scene.end().signal(), Some(signal));
        let event = agent.expect("death", exit_of(scene.pid().into()));
        assert_eq!(event.fact("signal"), signal);
        assert_eq!(*event.fact("exit_code"), Value::Null, "{event:?}");
        assert_eq!(event.fact("sender")["pid"], scene.pid());
        assert_eq!(event.fact("sender")["comm"], "dies");
        assert_eq!(event.fact("cause"), "signal_from_process");
        assert_eq!(event.0["severity"], "error");
        cgroup.assert_named_by(&event);
    }
    assert_eq!(cgroup.events(&agent.stop()).len(), signals.len());
}

#[test]
fn a_fault_has_the_kernel_as_its_sender_and_no_ignored_code_hides_it() {
    let mut agent = TestAgent::observe(&container_config("workloads", &[0, 11, 139]), &[]);
    let cgroup = Cgroup::new();
    for (fault, signal) in [("segv", libc::SIGSEGV), ("ill", libc::SIGILL)] {
        let mut scene = Scene::member(&cgroup, &format!("fault {fault}"));
        assert_eq!(scene.end().signal(), Some(signal));
        let event = agent.expect("fault", exit_of(scene.pid().into()));
        assert_eq!(event.fact("signal"), signal);
        assert_eq!(event.fact("sender"), "kernel");
        assert_eq!(event.fact("cause"), "fault_signal");
    }
    assert_eq!(cgroup.events(&agent.stop()).len(), 2);
}

#[test]
fn ignored_codes_are_left_out_and_counted() {
    let mut agent = TestAgent::observe(&container_config("all", &[3]), &[]);
    let cgroup = Cgroup::new();
    Scene::root(&cgroup, "exit 3").end();
    let mut other = Scene::root(&cgroup, "exit 4");
    other.end();
    agent.expect("exit 4", exit_of(other.pid().into()));
    let report = agent.stop();
    assert_eq!(cgroup.events(&report).len(), 1);
    assert!(report.ledger.types[ABNORMAL_EXIT].filtered >= 1);
}

/// The kernel's own word for a core is the bit that `wait` sees.
#[test]
fn the_core_flag_is_that_of_wait() {
    let mut agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let cgroup = Cgroup::new();
    let mut seen = Vec::new();
    for limit in [0, libc::RLIM_INFINITY] {
        let folder = TestFolder::new();
        let mut command = causer("die 6");
        command.current_dir(folder.path());
        let core = libc::rlimit {
            rlim_cur: limit,
            rlim_max: libc::RLIM_INFINITY,
        };
        // SAFETY: the closure makes one system call with a whole rlimit, and allocates nothing.
        unsafe {
            command.pre_exec(
                move || match libc::setrlimit(libc::RLIMIT_CORE, &raw const core) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                },
            );
        }
        let mut scene = Scene::play(&cgroup, Standing::Member, command);
        let dumped = scene.end().core_dumped();
        let event = agent.expect("abort", exit_of(scene.pid().into()));
        assert_eq!(event.fact("core_dumped"), dumped, "{event:?}");
        seen.push(dumped);
    }
    assert_eq!(seen, [false, true], "this machine writes no core files");
    agent.stop();
}

#[test]
fn two_hundred_processes_of_twenty_one_threads_are_two_hundred_exits() {
    let agent = TestAgent::observe(&container_config("all", &[]), &[]);
    let cgroup = Cgroup::new();
    let caused: BTreeMap<u64, u64> = Scene::root(&cgroup, "--comm the-leader crowd 200 21 5")
        .lines()
        .iter()
        .map(|line| (number(line, "pid"), number(line, "status")))
        .collect();
    assert_eq!(caused.len(), 200);
    assert!(
        caused.values().all(|status| *status == 5 << 8),
        "{caused:?}"
    );
    // A run that another exit on its CPU gets into is skipped by the kernel, which counts it.
    let skipped = skipped(agent.pid(), "sched_process_exit");
    let report = agent.stop();
    report.assert_whole(ABNORMAL_EXIT);
    let events = cgroup.events(&report);
    let mut pids: Vec<u64> = events
        .iter()
        .filter_map(|event| event.fact("pid").as_u64())
        .collect();
    pids.sort_unstable();
    let told = pids.len();
    pids.dedup();
    assert_eq!(pids.len(), told, "none twice");
    assert!(pids.iter().all(|pid| caused.contains_key(pid)), "{pids:?}");
    let untold = u64::try_from(caused.len() - told).expect("a count");
    let observer = report.ledger.observers.get("container");
    let missed = observer.and_then(|row| row.missed).unwrap_or(0);
    assert!(
        untold <= skipped && untold <= missed,
        "{untold} untold, {skipped} skipped, {missed} in the ledger"
    );
    for event in events {
        assert_eq!(event.fact("exit_code"), 5, "{event:?}");
        assert_eq!(event.fact("comm"), "the-leader", "{event:?}");
    }
}

/// Up to 5.16 the code of such a process is the leader's, from then on the last thread's.
#[test]
fn the_code_is_that_of_wait_when_every_thread_ends_alone() {
    for (words, either) in [
        ("leader-first 3 4", [3, 4]),
        ("leader-first 0 4", [0, 4]),
        ("leader-first 3 0", [3, 0]),
    ] {
        let code = code_of(words);
        assert!(either.contains(&code), "{words}: {code}");
    }
}

#[test]
fn a_zombie_leader_has_the_code_of_the_thread_that_ended_the_process() {
    assert_eq!(code_of("--comm a-zombie zombie-leader 6"), 6);
}

/// The code, on which `wait` and the agent agree; 0 is no abnormal exit at all.
#[track_caller]
fn code_of(words: &str) -> i32 {
    let agent = TestAgent::observe(&container_config("all", &[]), &[]);
    let cgroup = Cgroup::new();
    let mut scene = Scene::root(&cgroup, words);
    let code = scene.end().code().expect("it left with a code");
    let report = agent.stop();
    let found: Vec<_> = cgroup
        .events(&report)
        .iter()
        .map(|event| (event.fact("pid").clone(), event.fact("exit_code").clone()))
        .collect();
    let wanted = match code {
        0 => vec![],
        code => vec![(json!(scene.pid()), json!(code))],
    };
    assert_eq!(found, wanted, "{words}");
    code
}

#[test]
fn the_runtime_is_that_of_the_process() {
    let mut agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let cgroup = Cgroup::new();
    let before = Instant::now();
    let mut scene = Scene::root(&cgroup, "eat 1 0");
    scene.line();
    let alive = Instant::now();
    wait_until("a life to last", SOON, || alive.elapsed() >= LIFE_MIN);
    let lived_at_least = alive.elapsed();
    tapio_tests::process::signal(scene.pid(), libc::SIGKILL).expect("it is our child");
    scene.end();
    let lived_at_most = before.elapsed();
    let event = agent.expect("death", exit_of(scene.pid().into()));
    let runtime = u128::from(event.fact("runtime_ms").as_u64().expect("a runtime"));
    // Start times are kept in ticks of ten milliseconds by some kernels.
    assert!(
        runtime + 10 >= lived_at_least.as_millis() && runtime <= lived_at_most.as_millis() + 10,
        "{lived_at_least:?} ≤ {runtime} ms ≤ {lived_at_most:?}"
    );
    agent.stop();
}

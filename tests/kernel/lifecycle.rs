//! The agent as a process: what it needs, what it keeps, what it refuses, how it leaves.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;
use tapio_tests::agent::{TestAgent, container_config};
use tapio_tests::command::TestCommand;
use tapio_tests::deadline::{SOON, poll_for};
use tapio_tests::program::Program;

use crate::ABNORMAL_EXIT;
use crate::cgroup::Cgroup;
use crate::floods::share_of;
use crate::scene::{Scene, number};

const NOBODY: u32 = 65_534;
/// A stop is bounded by the design.
const STOP_MAX: Duration = Duration::from_secs(5);

/// Zero config is inert: attached, and silent.
#[test]
fn a_disabled_observer_says_nothing() {
    let mut config = container_config("all", &[]);
    config["container"]["enabled"] = json!(false);
    let agent = TestAgent::observe(&config, &[]);
    let cgroup = Cgroup::new();
    Scene::root(&cgroup, "die 9").end();
    let report = agent.stop();
    assert_eq!(report.events, []);
    assert!(
        !report.ledger.types.contains_key(ABNORMAL_EXIT),
        "{:?}",
        report.ledger
    );
}

/// Two agents see the same facts, and neither disturbs the other.
#[test]
fn two_agents_see_the_same() {
    let config = container_config("workloads", &[]);
    let (mut one, mut other) = (
        TestAgent::observe(&config, &[]),
        TestAgent::observe(&config, &[]),
    );
    let cgroup = Cgroup::new();
    let mut scene = Scene::root(&cgroup, "exit 5");
    scene.end();
    for agent in [&mut one, &mut other] {
        agent.expect("exit", |event| event.fact("pid") == scene.pid());
    }
    one.stop();
    other.stop();
}

#[test]
fn an_interrupt_in_a_flood_ends_it_in_time_and_in_balance() {
    let mut agent = TestAgent::observe(&container_config("all", &[]), &["--fair-share", "0"]);
    let cgroup = Cgroup::new();
    let words = format!("flood {} 0 2 kill", share_of(20_000));
    let mut crash_loop = Scene::root(&cgroup, &words);
    agent.expect("the flood", |event| cgroup.holds(event));
    agent.stop(); // asserts the time, the code and the sums
    number(&crash_loop.line(), "caused");
    crash_loop.end();
}

/// Nobody reads its stdout: it goes on, counts what it could not say, and leaves in time.
#[test]
fn a_reader_that_stalls_stalls_stdout_alone() {
    let folder = tapio_tests::folder::TestFolder::new();
    let config = folder.write("config.json", container_config("all", &[]).to_string());
    let errors = folder.join("stderr");
    let mut child = Command::new(Program::Agent.path())
        .args([
            "--sink",
            "stdout",
            "--observers",
            "container",
            "--fair-share",
            "0",
            "--config",
        ])
        .arg(config)
        .arg("--state-dir")
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(fs::File::create(&errors).expect("a file"))
        .spawn()
        .expect("the agent starts");
    let said = || fs::read_to_string(&errors).expect("its stderr");
    assert!(
        poll_for(SOON, || said().contains("observing").then_some(())).is_some(),
        "{}",
        said()
    );
    let cgroup = Cgroup::new();
    let mut crash_loop = Scene::root(&cgroup, "flood 20000 0 2 kill");
    crash_loop.line();
    crash_loop.end();
    tapio_tests::process::signal(child.id(), libc::SIGTERM).expect("it runs");
    let status = poll_for(STOP_MAX, || child.try_wait().expect("it is our child"));
    if status.is_none() {
        child.kill().expect("it is our child");
        child.wait().expect("it is our child");
    }
    assert!(
        status.is_some_and(|status| status.success()),
        "{status:?}: {}",
        said()
    );
    let ledger = tapio_tests::agent::ledger_in(&said());
    assert_eq!(ledger.check(), []);
    assert!(
        ledger.sinks["stdout"].dropped_total() > 0,
        "{:?}",
        ledger.sinks
    );
    let mut kept = Vec::new();
    let pipe = child.stdout.as_mut().expect("a pipe");
    pipe.read_to_end(&mut kept).expect("what it did say");
    assert!(kept.ends_with(b"\n"), "half a line was said");
}

/// After attach there is nothing left to abuse: no capability, now or by exec, and no socket.
#[test]
fn it_keeps_no_privilege_and_listens_nowhere() {
    let agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let status = fs::read_to_string(format!("/proc/{}/status", agent.pid())).expect("its status");
    let field = |name: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(name));
        value.expect("the kernel says it").trim()
    };
    for set in ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:", "CapBnd:"] {
        assert_eq!(field(set).trim_start_matches('0'), "", "{set}");
    }
    assert_eq!(field("NoNewPrivs:"), "1");
    let files = fs::read_dir(format!("/proc/{}/fd", agent.pid())).expect("its files");
    let networked = sockets_with_an_address();
    for file in files.flatten() {
        let target = fs::read_link(file.path()).expect("an open file");
        let target = target.to_string_lossy();
        let inode = target
            .strip_prefix("socket:[")
            .and_then(|rest| rest.strip_suffix(']'));
        assert!(
            !inode.is_some_and(|inode| networked.contains(inode)),
            "{target}"
        );
    }
    agent.stop();
}

/// The inodes of all sockets of this network namespace that anybody could speak to: those of the
/// internet families, and local ones with a name.
fn sockets_with_an_address() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for table in [
        "tcp", "tcp6", "udp", "udp6", "raw", "raw6", "packet", "unix",
    ] {
        // A kernel without IPv6 has no tables of it.
        let text = fs::read_to_string(format!("/proc/self/net/{table}")).unwrap_or_default();
        for fields in text
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
        {
            let inode = match table {
                "packet" => fields.get(8),
                "unix" => fields.get(7).and_then(|_| fields.get(6)),
                _ => fields.get(9),
            };
            found.extend(inode.map(ToString::to_string));
        }
    }
    found
}

/// One line that says what is missing, and the exit code of a failure.
#[test]
fn without_privileges_it_refuses_and_says_which() {
    let program = std::env::temp_dir().join(format!("tapio-agent-{}", std::process::id()));
    fs::copy(Program::Agent.path(), &program).expect("a copy that anyone may run");
    let output = Command::new(&program)
        .args(["--sink", "stdout", "--observers", "container"])
        .uid(NOBODY)
        .gid(NOBODY)
        .current_dir("/")
        .output()
        .expect("it starts");
    fs::remove_file(&program).expect("it was there");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("CAP_BPF") || said.contains("CAP_SYS_ADMIN"),
        "{said}"
    );
    assert!(output.stdout.is_empty(), "{output:?}");
}

/// Root in there holds every capability, and none of them counts: that is said, and no filter blamed.
#[test]
fn in_a_user_namespace_it_refuses_and_says_so() {
    let mut command = Command::new(Program::Agent.path());
    command.args(["--sink", "stdout", "--observers", "container"]);
    let become_root_of_a_namespace = || {
        // SAFETY: system calls alone, on strings that end in NUL and are as long as is said.
        let is_done = unsafe {
            libc::unshare(libc::CLONE_NEWUSER) == 0 && {
                let map = libc::open(c"/proc/self/uid_map".as_ptr(), libc::O_WRONLY);
                libc::write(map, c"0 0 1".as_ptr().cast(), 5) == 5
            }
        };
        is_done
            .then_some(())
            .ok_or_else(std::io::Error::last_os_error)
    };
    // SAFETY: the closure makes system calls, allocates nothing and takes no lock.
    unsafe { command.pre_exec(become_root_of_a_namespace) };
    let output = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("user namespace"), "{said}");
    assert!(output.stdout.is_empty(), "{output:?}");
}

#[test]
fn the_selftest_causes_and_finds_every_fact() {
    let finished = TestCommand::new(Program::Agent)
        .args(["selftest"])
        .run()
        .expect_code(0);
    let (left_out, tried): (Vec<&str>, Vec<&str>) = finished
        .stdout
        .lines()
        .partition(|line| line.starts_with("left out "));
    assert!(tried.len() >= 6, "{}", finished.stdout);
    assert!(
        tried.iter().all(|line| line.starts_with("right ")),
        "{}",
        finished.stdout
    );
    for anomaly in ["io_error", "cpu_stall"] {
        let is_named = left_out.iter().any(|line| line.contains(anomaly));
        assert!(is_named, "{}", finished.stdout);
    }
}

#[test]
fn the_probe_names_every_hook_of_every_observer() {
    let finished = TestCommand::new(Program::Agent)
        .args(["probe"])
        .run()
        .expect_code(0);
    for hook in [
        "sched_process_exit",
        "mark_victim",
        "signal_generate",
        "inet_sock_set_state",
        "tcp_retransmit_skb",
        "tcp_rcv_space_adjust",
        "block_rq_insert",
        "block_rq_issue",
        "block_rq_complete",
        "stalled_cycles",
    ] {
        assert!(finished.stdout.contains(hook), "{}", finished.stdout);
    }
}

//! `tapio-agent healthcheck` against agents that run, hang, left and were killed.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tapio_tests::agent::{EVENT_MAX, TestAgent, container_config};
use tapio_tests::deadline::wait_until;
use tapio_tests::folder::TestFolder;
use tapio_tests::program::Program;

const NOBODY: u32 = 65_534;

fn healthcheck(folder: &Path) -> Command {
    let mut command = Command::new(Program::Agent.path());
    // What a FROM scratch image has: no environment, no shell, no other file.
    command
        .arg("healthcheck")
        .arg("--state-dir")
        .arg(folder)
        .env_clear();
    command
}

#[track_caller]
fn expect(mut command: Command, code: i32, begins: &str) {
    let Output { status, stdout, .. } = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&stdout).into_owned();
    assert!(
        said.starts_with(begins) && said.lines().count() == 1,
        "{status}: {said}"
    );
    assert_eq!(status.code(), Some(code), "{said}");
}

/// The agent's state is kept apart from the test's own folder for it, which goes with the agent.
fn agent(state: &Path) -> TestAgent {
    let folder = TestFolder::new();
    let config = folder.write(
        "config.json",
        container_config("workloads", &[]).to_string(),
    );
    let mut command = Command::new(Program::Agent.path());
    command
        .args(["--observers", "container", "--config"])
        .arg(config);
    TestAgent::spawn_with_state(folder, command, state)
}

#[test]
fn an_agent_that_runs_answers_and_one_that_left_is_said_to_have_left() {
    let state = TestFolder::new();
    expect(healthcheck(state.path()), 1, "absent: there is no ");
    let agent = agent(state.path());
    for _ in 0..3 {
        expect(healthcheck(state.path()), 0, "observing since 2");
    }
    agent.stop();
    expect(healthcheck(state.path()), 1, "gone: the agent was stopped");
}

#[test]
fn an_agent_that_hangs_is_told_from_one_that_is_gone() {
    let state = TestFolder::new();
    let mut agent = agent(state.path());
    agent.signal(libc::SIGSTOP);
    expect(healthcheck(state.path()), 1, "hangs: process ");
    agent.signal(libc::SIGCONT);
    expect(healthcheck(state.path()), 0, "observing since 2");
    agent.signal(libc::SIGKILL);
    agent
        .wait_for_end(EVENT_MAX)
        .expect("nothing survives that");
    expect(
        healthcheck(state.path()),
        1,
        "gone: the agent ended without saying so",
    );
}

/// One thread of a process, held still until this is dropped.
struct Held(libc::pid_t);

impl Held {
    fn by_name(pid: u32, name: &str) -> Self {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
        let paths = threads.map(|thread| thread.expect("a thread").path());
        let is_it = |path: &PathBuf| {
            fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.trim_end() == name)
        };
        let path = paths
            .into_iter()
            .find(is_it)
            .expect("a thread of that name");
        let number = path
            .file_name()
            .and_then(|name| name.to_str()?.parse().ok());
        let thread = number.expect("a number");
        trace(libc::PTRACE_SEIZE.into(), thread);
        trace(libc::PTRACE_INTERRUPT.into(), thread);
        let mut status = 0;
        // SAFETY: `status` is a valid integer to write to.
        let stopped = unsafe { libc::waitpid(thread, &raw mut status, libc::__WALL) };
        assert_eq!(stopped, thread, "{}", std::io::Error::last_os_error());
        Self(thread)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        trace(libc::PTRACE_DETACH.into(), self.0);
    }
}

fn trace(request: libc::c_long, thread: libc::pid_t) {
    let nothing: libc::c_long = 0;
    let thread = libc::c_long::from(thread);
    // SAFETY: none of these requests reads or writes memory by its arguments.
    let answer = unsafe { libc::syscall(libc::SYS_ptrace, request, thread, nothing, nothing) };
    assert_eq!(answer, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn a_ring_thread_that_hangs_is_named() {
    let state = TestFolder::new();
    let agent = agent(state.path());
    expect(healthcheck(state.path()), 0, "observing since 2");
    let held = Held::by_name(agent.pid(), "ring-container");
    let mut check = healthcheck(state.path());
    let said = check.output().expect("it starts");
    drop(held);
    let words = String::from_utf8_lossy(&said.stdout);
    assert_eq!(said.status.code(), Some(1), "{words}");
    assert!(
        words.contains("and its threads for container have not answered"),
        "{words}"
    );
    expect(healthcheck(state.path()), 0, "observing since 2");
    agent.stop();
}

#[test]
fn who_may_not_ask_cannot_say() {
    let state = TestFolder::new();
    let program = state.join("tapio-agent");
    fs::copy(Program::Agent.path(), &program).expect("a copy that anyone may run");
    let agent = agent(state.path());
    let mut command = Command::new(&program);
    command
        .arg("healthcheck")
        .arg("--state-dir")
        .arg(state.path())
        .current_dir("/");
    command.uid(NOBODY).gid(NOBODY);
    expect(command, 3, "cannot say: process ");
    agent.stop();
}

/// The second of two that keep their state in one place observes all the same, and says whose
/// health is shown.
#[test]
fn a_second_agent_leaves_the_status_of_the_first_alone() {
    let state = TestFolder::new();
    let first = agent(state.path());
    let second = agent(state.path());
    let wanted = format!("another agent: process {} holds", first.pid());
    wait_until("the warning", EVENT_MAX, || {
        second.stderr().contains(&wanted)
    });
    second.stop();
    expect(healthcheck(state.path()), 0, "observing since 2");
    first.stop();
}

//! The agent's file and nothing else: an empty root, with the kernel's own views mounted.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;
use tapio_tests::folder::TestFolder;

use crate::dist;

/// In a mount namespace of its own: nothing is left mounted, whatever happens.
const INTO: &str = "mount -t proc proc $0/proc && mount --rbind /sys $0/sys && exec chroot $0 /tapio-agent \
    --state-dir /state --observers container";

#[test]
fn the_agent_alone_in_an_empty_root_prints_events() {
    let root = TestFolder::new();
    for folder in ["proc", "sys", "state"] {
        fs::create_dir(root.join(folder)).expect("a folder");
    }
    fs::copy(dist().join("tapio-agent"), root.join("tapio-agent")).expect("it is built");
    let mut agent = Command::new("unshare")
        .args(["--mount", "--propagation=private", "sh", "-c", INTO])
        .arg(root.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("unshare is there");
    let mut errors = BufReader::new(agent.stderr.take().expect("a pipe")).lines();
    let mut log = Vec::new();
    let observes = errors.by_ref().map_while(Result::ok).any(|line| {
        let is_ready = line.contains("observing");
        log.push(line);
        is_ready
    });
    assert!(observes, "{}", log.join("\n"));
    let mut crash = Command::new("setsid")
        .args(["--wait", "sh", "-c", "ulimit -c 0; kill -SEGV $$"])
        .spawn()
        .expect("setsid is there");
    crash.wait().expect("it is our child");
    let lines = BufReader::new(agent.stdout.take().expect("a pipe")).lines();
    let found = lines.map_while(Result::ok).any(|line| {
        let event: Value = serde_json::from_str(&line).expect("a line is JSON");
        event["error"]["code"] == "SIGSEGV"
    });
    tapio_tests::process::signal(agent.id(), libc::SIGTERM).expect("it runs");
    let status = agent.wait().expect("it is our child");
    assert!(found && status.success(), "{status}");
}

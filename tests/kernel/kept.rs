//! Evidence that lasts: the directory against kills, full disks and refusals, with deaths caused here.
//!
//! The causer's own log stands on the other side: every death caused is in the directory once, or
//! the directory itself says that it cannot vouch for that moment.

mod disks;
mod floods;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tapio_common::evidence::claim::{Coverage, Until};
use tapio_tests::agent::{EVENT_MAX, TestAgent, container_config};
use tapio_tests::deadline::{poll_for, wait_until};
use tapio_tests::folder::TestFolder;
use tapio_tests::program::Program;

use crate::deaths::{Death, coverage, now, stored};

/// An agent that keeps evidence there, of every abnormal exit.
fn keep(directory: &Path) -> TestAgent {
    let folder = TestFolder::new();
    let config = folder.write("config.json", container_config("all", &[]).to_string());
    let mut command = Command::new(Program::Agent.path());
    command.args([
        "--sink",
        "file",
        "--observers",
        "container",
        "--fair-share",
        "0",
    ]);
    command.args(["--segment-max-bytes", "64KiB", "--fsync", "0"]);
    command
        .arg("--config")
        .arg(config)
        .arg("--data-dir")
        .arg(directory);
    TestAgent::spawn(folder, command)
}

#[track_caller]
fn wait_for_stored(directory: &Path, death: &Death) {
    wait_until("the death in the directory", EVENT_MAX, || {
        stored(directory).contains_key(&death.pid)
    });
}

#[test]
fn what_was_not_seen_is_soon_covered_and_a_stop_ends_that() {
    let folder = TestFolder::new();
    let directory = folder.join("evidence");
    let agent = keep(&directory);
    let from = now();
    // The word is given every ten seconds at least while somebody dies on this machine, and that
    // nobody did is said within thirty.
    let covered = poll_for(Duration::from_secs(60), || {
        let coverage = Coverage {
            is_live: true,
            ..coverage(&directory)
        };
        let claim = coverage.claim(&["kernel.container.oom_kill"], from, Until::Now(now()));
        claim.doubts.is_empty().then_some(claim.to)
    });
    assert!(covered.is_some_and(|to| to > from), "{covered:?}");
    let report = agent.stop();
    assert!(report.ledger.sinks.contains_key("file"));
    let after = coverage(&directory);
    let claim = after.claim(&["kernel.container.oom_kill"], from, Until::Now(now()));
    assert!(!claim.doubts.is_empty(), "nobody looks any more");
}

#[test]
fn a_second_agent_is_refused() {
    let folder = TestFolder::new();
    let directory = folder.join("evidence");
    let first = keep(&directory);
    let output = Command::new(Program::Agent.path())
        .args(["--sink", "file", "--observers", "container", "--data-dir"])
        .arg(&directory)
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("another agent writes to "), "{said}");
    first.stop();
}

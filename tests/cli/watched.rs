//! `tapio watch` while a directory is written.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use tapio_common::evidence::Limits;
use tapio_tests::deadline::{SOON, wait_for};
use tapio_tests::folder::TestFolder;
use tapio_tests::process;
use tapio_tests::program::Program;

use crate::directory::{Directory, EXIT};

struct Watch {
    child: Child,
    lines: Receiver<String>,
    folder: TestFolder,
}

impl Watch {
    fn begin(directory: &Directory) -> Self {
        let folder = TestFolder::new();
        let errors = File::create(folder.join("stderr")).expect("a new file");
        let mut child = Command::new(Program::Cli.path())
            .args(["watch", "--json", "--data-dir"])
            .arg(directory.path())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .expect("it starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (send, lines) = channel();
        std::thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| send.send(line))
        });
        // It has set up its watch when it waits with the signals blocked.
        wait_for("the watch", SOON, || {
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
            let blocked = status
                .lines()
                .find_map(|line| line.strip_prefix("SigBlk:\t"))?;
            let state = status.lines().find(|line| line.starts_with("State:\tS"));
            (blocked != "0000000000000000" && state.is_some()).then_some(())
        });
        Self {
            child,
            lines,
            folder,
        }
    }

    fn next_pid(&self) -> u64 {
        let line = self.lines.recv_timeout(SOON).expect("a line in time");
        let event: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        event["data"]["pid"].as_u64().expect("a pid")
    }
}

fn put(directory: &mut Directory, pid: u64) {
    directory.put(
        EXIT,
        "warning",
        serde_json::json!({"pid": pid, "comm": "sh", "exit_code": 1}),
    );
}

#[test]
fn what_is_written_is_shown_across_segments_and_ctrl_c_is_no_failure() {
    let limits = Limits {
        segment_bytes_max: 600,
        ..Limits::default()
    };
    let mut directory = Directory::new("2026-11-21T09:59:00Z", limits);
    put(&mut directory, 1);
    let mut watch = Watch::begin(&directory);
    for pid in 2..30 {
        if pid == 15 {
            directory.pass_to("2026-11-21T10:02:00Z");
        }
        put(&mut directory, pid);
        assert_eq!(watch.next_pid(), pid);
    }
    process::signal(watch.child.id(), libc::SIGINT).expect("it runs");
    let ended = wait_for("its end", SOON, || {
        watch.child.try_wait().expect("our child")
    });
    assert_eq!(ended.code(), Some(0));
    let said = std::fs::read_to_string(watch.folder.join("stderr")).expect("text");
    assert!(
        said.starts_with("tapio: no agent writes to "),
        "silence would mean nothing: {said}"
    );
}

#[test]
fn a_reader_that_leaves_ends_the_watch() {
    let directory = Directory::new("2026-11-21T09:59:00Z", Limits::default());
    let mut child = Command::new(Program::Cli.path())
        .args(["watch", "--data-dir"])
        .arg(directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let ended = wait_for("its end", SOON, || child.try_wait().expect("our child"));
    assert_eq!(ended.code(), Some(0));
}

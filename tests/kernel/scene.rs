//! A scene: the causer at work in a cgroup, and its own log of what it caused.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tapio_tests::deadline::{SOON, poll_for, wait_for, wait_until};
use tapio_tests::folder::TestFolder;
use tapio_tests::program::BIN_DIR_VARIABLE;

use crate::cgroup::{Cgroup, Standing};

/// For one scene. A flood under emulation is the longest.
const SCENE_MAX: Duration = Duration::from_secs(120);

/// A running causer.
#[derive(Debug)]
pub struct Scene {
    child: Child,
    folder: TestFolder,
    lines_read: usize,
}

/// The causer with these words, not started yet.
pub fn causer(words: &str) -> Command {
    let mut command = Command::new(causer_path());
    command.args(words.split_whitespace());
    command
}

/// Beside the programs under test where those were built already.
pub fn causer_path() -> PathBuf {
    match std::env::var_os(BIN_DIR_VARIABLE) {
        Some(folder) => PathBuf::from(folder).join("causer"),
        None => PathBuf::from(env!("CARGO_BIN_EXE_causer")),
    }
}

impl Scene {
    /// Plays the scene as the root of a workload in this cgroup.
    #[track_caller]
    pub fn root(cgroup: &Cgroup, words: &str) -> Self {
        Self::play(cgroup, Standing::Root, causer(words))
    }

    /// Plays it in this cgroup, in the session of the test.
    #[track_caller]
    pub fn member(cgroup: &Cgroup, words: &str) -> Self {
        Self::play(cgroup, Standing::Member, causer(words))
    }

    #[track_caller]
    pub fn play(cgroup: &Cgroup, standing: Standing, mut command: Command) -> Self {
        let folder = TestFolder::new();
        cgroup.hold(&mut command, standing);
        let file = |name| fs::File::create(folder.join(name)).expect("a file for its log");
        let child = command
            .stdin(Stdio::piped())
            .stdout(file("log"))
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        Self {
            child,
            folder,
            lines_read: 0,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line of its log, waited for.
    #[track_caller]
    pub fn line(&mut self) -> Value {
        let at = self.lines_read;
        self.lines_read += 1;
        wait_for("a line of the causer", SCENE_MAX, || {
            let log = fs::read_to_string(self.folder.join("log")).expect("its log");
            let (whole, _) = log.rsplit_once('\n')?;
            let line = whole.lines().nth(at)?;
            Some(serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        })
    }

    /// The rest of its log, once it is gone.
    #[track_caller]
    pub fn lines(mut self) -> Vec<Value> {
        self.end();
        let log = fs::read_to_string(self.folder.join("log")).expect("its log");
        log.lines()
            .skip(self.lines_read)
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect()
    }

    /// Says the word it waits for.
    #[track_caller]
    pub fn go(&mut self) {
        let stdin = self.child.stdin.as_mut().expect("its input is a pipe");
        stdin.write_all(b"go\n").expect("it listens");
    }

    /// How it ended.
    #[track_caller]
    pub fn end(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the causer to end", SCENE_MAX, || {
            status = self.child.try_wait().expect("it is our child");
            status.is_some()
        });
        status.expect("it ended")
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        self.child.kill().ok();
        // One that waits for its own disk cannot be ended, and would hold up the test that failed.
        if poll_for(SOON, || self.child.try_wait().ok().flatten()).is_none() {
            eprintln!("left behind: the causer {}", self.child.id());
        }
    }
}

/// A number of the causer's log.
#[track_caller]
pub fn number(line: &Value, name: &str) -> u64 {
    line[name]
        .as_u64()
        .unwrap_or_else(|| panic!("no {name} in {line}"))
}

//! Running a program to its end, and saying what it should have said.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::deadline::poll_for;
use crate::folder::TestFolder;
use crate::program::Program;

/// A program that is to end by itself has this long, however busy the machine is.
const LIMIT: Duration = Duration::from_secs(60);

/// One run of one of our programs, with a clean environment as far as `TAPIO_…` goes.
#[derive(Debug)]
pub struct TestCommand {
    command: Command,
    input: Vec<u8>,
}

/// What the program left.
#[derive(Debug)]
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl TestCommand {
    pub fn new(program: Program) -> Self {
        Self {
            command: without_our_variables(Command::new(program.path())),
            input: Vec::new(),
        }
    }

    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it does not start, or has not ended after a minute.
    #[track_caller]
    pub fn run(mut self) -> Finished {
        let folder = TestFolder::new();
        let file = |name| fs::File::create(folder.join(name)).expect("a file for its output");
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .unwrap_or_else(|error| panic!("{:?} does not start: {error}", self.command));
        let mut stdin = child.stdin.take().expect("its input is a pipe");
        // It may end without reading; what it then says of its input is the test's to judge.
        stdin.write_all(&self.input).ok();
        drop(stdin);
        let ended = poll_for(LIMIT, || child.try_wait().expect("it is our child"));
        let Some(status) = ended else {
            child.kill().expect("it is our child");
            child.wait().expect("it is our child");
            panic!("{:?} did not end within {LIMIT:?}", self.command);
        };
        let read = |name| fs::read(folder.join(name)).expect("its output");
        Finished {
            status,
            stdout: String::from_utf8_lossy(&read("stdout")).into_owned(),
            stderr: String::from_utf8_lossy(&read("stderr")).into_owned(),
        }
    }
}

impl Finished {
    /// # Panics
    /// When it ended otherwise than with this code.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            self.status.code(),
            Some(code),
            "stdout: {}\nstderr: {}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// The one line a refusal may have.
    ///
    /// # Panics
    /// When stderr holds none, or more than one.
    #[track_caller]
    pub fn refusal(&self) -> &str {
        let mut lines = self.stderr.lines();
        let (first, more) = (lines.next(), lines.next());
        assert!(
            first.is_some_and(|line| !line.trim().is_empty()) && more.is_none(),
            "a refusal is one line on stderr, this was: {:?}",
            self.stderr
        );
        first.unwrap_or_default()
    }
}

/// Our variables of the person who runs the tests must not change what is tested.
pub(crate) fn without_our_variables(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TAPIO_") {
            command.env_remove(name);
        }
    }
    command
}

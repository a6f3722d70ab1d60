//! The agent under measurement: started with a pipe for its stdout, which somebody reads.

use std::fs;
use std::io::{self, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tapio_tests::agent::container_config;
use tapio_tests::deadline::poll_for;
use tapio_tests::folder::TestFolder;
use tapio_tests::process::{self, cpu_time};
use tapio_tests::program::Program;

const ALL: &str = "network,storage,container,node";
const START_MAX: Duration = Duration::from_secs(30);
const STOP_MAX: Duration = Duration::from_secs(10);

pub struct Probe {
    child: Child,
    folder: TestFolder,
}

impl Probe {
    /// The container observer started, and its stdout in the caller's hands.
    pub fn start(scope: &str, flags: &[&str]) -> io::Result<(Self, ChildStdout)> {
        Self::start_observing("container", &container_config(scope, &[]), flags)
    }

    /// All of them started, each looking as it does by default.
    pub fn start_all(flags: &[&str]) -> io::Result<(Self, ChildStdout)> {
        let mut config = container_config("workloads", &[]);
        for part in config.as_object_mut().into_iter().flatten() {
            part.1["enabled"] = true.into();
        }
        Self::start_observing(ALL, &config, flags)
    }

    /// These observers started under this config, and the agent's stdout in the caller's hands.
    pub fn start_observing(
        observers: &str,
        config: &Value,
        flags: &[&str],
    ) -> io::Result<(Self, ChildStdout)> {
        let folder = TestFolder::new();
        let config = folder.write("config.json", config.to_string());
        let mut child = Command::new(Program::Agent.path())
            .args(["--sink", "stdout", "--observers", observers, "--config"])
            .arg(config)
            .arg("--state-dir")
            .arg(folder.path())
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.join("stderr"))?)
            .spawn()?;
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let probe = Self { child, folder };
        let ready = poll_for(START_MAX, || {
            probe.said().contains("observing").then_some(())
        });
        if ready.is_none() {
            return Err(io::Error::other(format!(
                "the agent does not observe: {}",
                probe.said()
            )));
        }
        Ok((probe, stdout))
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn said(&self) -> String {
        fs::read_to_string(self.folder.join("stderr")).unwrap_or_default()
    }

    pub fn cpu(&self) -> io::Result<Duration> {
        cpu_time(self.pid())
    }

    pub fn resident_bytes(&self) -> io::Result<u64> {
        Ok(process::holdings(self.pid())?.resident_bytes)
    }

    /// Switches of all its threads, of their own will and not.
    pub fn switches(&self) -> io::Result<u64> {
        let mut total = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.pid()))? {
            let status = fs::read_to_string(thread?.path().join("status"))?;
            total += status
                .lines()
                .filter_map(|line| line.split_once("ctxt_switches:"))
                .filter_map(|(_, count)| count.trim().parse::<u64>().ok())
                .sum::<u64>();
        }
        Ok(total)
    }

    /// Ends it; its words with the ledger.
    pub fn stop(mut self) -> io::Result<String> {
        process::signal(self.pid(), libc::SIGTERM)?;
        match poll_for(STOP_MAX, || self.child.try_wait().transpose()) {
            Some(Ok(status)) if status.success() => Ok(self.said()),
            other => Err(io::Error::other(format!(
                "the agent's end: {other:?}: {}",
                self.said()
            ))),
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// Reads until the agent is gone: how many lines there were.
pub fn drain(mut stdout: ChildStdout) -> io::Result<u64> {
    let mut buffer = vec![0u8; 1 << 16];
    let mut lines = 0;
    loop {
        let length = stdout.read(&mut buffer)?;
        if length == 0 {
            return Ok(lines);
        }
        let ends = buffer[..length]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        lines += u64::try_from(ends).map_err(io::Error::other)?;
    }
}

/// The causer at work, to its end.
pub fn cause(words: &str) -> io::Result<()> {
    let folder = std::env::var_os("TAPIO_BIN_DIR").unwrap_or_else(|| "target/kernel-tests".into());
    let causer = std::path::Path::new(&folder).join("causer");
    let status = Command::new(&causer)
        .args(words.split_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .map_err(|error| io::Error::other(format!("{}: {error}", causer.display())))?;
    match status.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!("causer {words}: {status}"))),
    }
}

//! A controller of the test's own, on a port of its own.
//!
//! Started as a user would start it, spoken to over a socket, ended by its process id when dropped.
//! What it says on stderr and stdout is kept in files beside whatever else the test needs.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::command::without_our_variables;
use crate::deadline::{SOON, poll_for, wait_for};
use crate::folder::TestFolder;
use crate::http::{Answer, Connection, Request};
use crate::process::{self, Holdings};
use crate::program::Program;

/// What it says once it can be spoken to, before the address.
const READY: &str = "listening on ";

/// A running `tapio-controller`.
#[derive(Debug)]
pub struct TestController {
    child: Child,
    address: SocketAddr,
    folder: TestFolder,
}

impl TestController {
    /// With these flags beside `--listen`.
    ///
    /// # Panics
    /// When it does not come up.
    #[track_caller]
    pub fn start(args: &[&str]) -> Self {
        Self::start_in(TestFolder::new(), args)
    }

    /// With a folder that already holds what the flags name.
    ///
    /// # Panics
    /// When it does not come up.
    #[track_caller]
    pub fn start_in(folder: TestFolder, args: &[&str]) -> Self {
        let mut command = Command::new(Program::Controller.path());
        command.args(["--listen", "127.0.0.1:0"]).args(args);
        Self::spawn(folder, command)
    }

    /// With at most so many open files.
    ///
    /// # Panics
    /// When it does not come up.
    #[track_caller]
    pub fn start_with_open_files(limit: u64, args: &[&str]) -> Self {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\"")])
            .arg(Program::Controller.path())
            .args(["--listen", "127.0.0.1:0"])
            .args(args);
        Self::spawn(TestFolder::new(), command)
    }

    /// With a command of the test's making that becomes the controller.
    ///
    /// # Panics
    /// When it does not come up.
    #[track_caller]
    pub fn spawn(folder: TestFolder, command: Command) -> Self {
        Self::spawn_with_environment(folder, without_our_variables(command))
    }

    /// With a command whose `TAPIO_…` variables are part of the test.
    ///
    /// # Panics
    /// When it does not come up.
    #[track_caller]
    pub fn spawn_with_environment(folder: TestFolder, mut command: Command) -> Self {
        let file = |name| fs::File::create(folder.join(name)).expect("a file for its output");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .unwrap_or_else(|error| panic!("the controller does not start: {error}"));
        let address = wait_for_address(&mut child, &folder.join("stderr"));
        Self {
            child,
            address,
            folder,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn folder(&self) -> &TestFolder {
        &self.folder
    }

    pub fn stderr(&self) -> String {
        read_lossy(&self.folder.join("stderr"))
    }

    pub fn stdout(&self) -> String {
        read_lossy(&self.folder.join("stdout"))
    }

    /// # Panics
    /// When /proc does not know the process any more.
    #[track_caller]
    pub fn holdings(&self) -> Holdings {
        process::holdings(self.pid()).expect("the controller runs")
    }

    /// # Panics
    /// When there is no answer.
    #[track_caller]
    pub fn send(&self, request: &Request) -> Answer {
        request
            .send(self.address)
            .unwrap_or_else(|error| panic!("no answer: {error}\nits stderr: {}", self.stderr()))
    }

    #[track_caller]
    pub fn get(&self, target: &str) -> Answer {
        self.send(&Request::get(target))
    }

    #[track_caller]
    pub fn post(&self, target: &str, body: &Value) -> Answer {
        self.send(&Request::post_json(target, body))
    }

    /// # Panics
    /// When no connection comes about.
    #[track_caller]
    pub fn connect(&self) -> Connection {
        Connection::open(self.address).unwrap_or_else(|error| panic!("no connection: {error}"))
    }

    /// What `/v1/status` says now.
    #[track_caller]
    pub fn status(&self) -> Value {
        self.get("/v1/status").ok()
    }

    /// What `/v1/status` says of one agent now; null when it does not know it.
    #[track_caller]
    pub fn agent(&self, agent_id: &str) -> Value {
        let status = self.status();
        let agents = status["agents"].as_array().expect("a list of agents");
        agents
            .iter()
            .find(|agent| agent["agent_id"] == agent_id)
            .cloned()
            .unwrap_or(Value::Null)
    }

    /// # Panics
    /// When it has ended already.
    #[track_caller]
    pub fn signal(&self, number: i32) {
        process::signal(self.pid(), number).expect("the controller runs");
    }

    /// How it ended, if it did so in time.
    pub fn wait_for_end(&mut self, limit: Duration) -> Option<ExitStatus> {
        poll_for(limit, || self.child.try_wait().expect("it is our child"))
    }
}

impl Drop for TestController {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("left running: {}: {error}", self.child.id());
        }
    }
}

fn read_lossy(path: &Path) -> String {
    match fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => format!("({error})"),
    }
}

#[track_caller]
fn wait_for_address(child: &mut Child, stderr: &Path) -> SocketAddr {
    let found: io::Result<SocketAddr> = wait_for("the controller's address", SOON, || {
        let said = read_lossy(stderr);
        if let Some(address) = said.lines().find_map(ready_address) {
            return Some(Ok(address));
        }
        let status = child.try_wait().expect("it is our child")?;
        let said = read_lossy(stderr);
        Some(Err(io::Error::other(format!("{status}: {said}"))))
    });
    found.unwrap_or_else(|error| panic!("the controller did not come up: {error}"))
}

fn ready_address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(READY)?;
    rest.split([' ', '"']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_the_line_that_says_it() {
        assert_eq!(
            ready_address("12:00:00 [INFO] listening on 127.0.0.1:4711 with 4 workers"),
            Some(SocketAddr::from(([127, 0, 0, 1], 4711)))
        );
        assert_eq!(
            ready_address(r#"{"level":"info","message":"listening on 127.0.0.1:4711"}"#),
            Some(SocketAddr::from(([127, 0, 0, 1], 4711)))
        );
        assert_eq!(ready_address("listening on nothing"), None);
        assert_eq!(ready_address("starting"), None);
    }
}

//! An agent that is led by a controller, with folders that outlive it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use tapio_tests::agent::TestAgent;
use tapio_tests::folder::TestFolder;
use tapio_tests::namespace::Namespace;
use tapio_tests::program::Program;

/// What stays when an agent is killed, and what the next one is started with.
#[derive(Debug)]
pub struct Managed {
    folder: TestFolder,
    endpoint: SocketAddr,
    namespace: Option<Namespace>,
}

/// The sinks of an agent that keeps evidence, and delivers it where that is what the test is about.
pub fn sinks(delivers: bool) -> &'static [&'static str] {
    if delivers {
        &["file", "controller"]
    } else {
        &["file"]
    }
}

impl Managed {
    pub fn new(endpoint: SocketAddr) -> Self {
        Self {
            folder: TestFolder::new(),
            endpoint,
            namespace: None,
        }
    }

    /// With agents that live in a namespace of their own.
    pub fn inside(namespace: Namespace, endpoint: SocketAddr) -> Self {
        Self {
            namespace: Some(namespace),
            ..Self::new(endpoint)
        }
    }

    /// The wire between the agent and everybody else.
    #[track_caller]
    pub fn wire(&self) -> &Namespace {
        self.namespace.as_ref().expect("it has a namespace")
    }

    /// From the next agent on.
    pub fn lead_to(&mut self, endpoint: SocketAddr) {
        self.endpoint = endpoint;
    }

    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    pub fn evidence(&self) -> PathBuf {
        self.folder.join("evidence")
    }

    /// The next agent in these folders, once it observes.
    #[track_caller]
    pub fn start(&self, sinks: &[&str]) -> TestAgent {
        self.start_with(sinks, &[])
    }

    /// The same, with these flags besides; of a flag given twice the last counts.
    #[track_caller]
    pub fn start_with(&self, sinks: &[&str], flags: &[&str]) -> TestAgent {
        let mut command = Command::new(Program::Agent.path());
        command
            .arg("--controller-endpoint")
            .arg(format!("http://{}", self.endpoint))
            .args(["--config-poll-interval", "1", "--heartbeat-interval", "1"])
            .args(["--observers", "container", "--fair-share", "0"])
            .args([
                "--log-level",
                "debug",
                "--agent-id",
                "a",
                "--node-name",
                "n",
            ])
            .arg("--data-dir")
            .arg(self.evidence());
        for sink in sinks {
            command.args(["--sink", sink]);
        }
        command.args(flags);
        if let Some(namespace) = &self.namespace {
            namespace.enter(&mut command);
        }
        TestAgent::spawn_with_state(TestFolder::new(), command, &self.state())
    }
}

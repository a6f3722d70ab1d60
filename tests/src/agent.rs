//! An agent of the test's own, and what it has said.
//!
//! Started as a user would start it, with the stdout sink; its lines are read as they come, its
//! ledger is read from what it says when it stops. Whatever else happens on the machine meanwhile is
//! in there too: a test looks for its own cgroup, pids and ports.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tapio_common::ledger::{Ledger, SinkCounts};

use crate::command::without_our_variables;
use crate::deadline::{poll_for, wait_for};
use crate::folder::TestFolder;
use crate::process;
use crate::program::Program;

/// What it says once everything is attached and its threads run.
const READY: &str = "observing";
/// What stands before the ledger when it stops.
const LEDGER: &str = "ledger {";
/// Loading takes a quarter of a second, and two to ten under emulation; a busy machine makes that worse.
const START_MAX: Duration = Duration::from_secs(60);
/// For a fact to come out. The agent needs a millisecond; emulated machines have their pauses.
pub const EVENT_MAX: Duration = Duration::from_secs(20);
/// A stop is bounded by the design.
const STOP_MAX: Duration = Duration::from_secs(5);

/// A running `tapio-agent`.
#[derive(Debug)]
pub struct TestAgent {
    child: Child,
    folder: TestFolder,
    read_to: u64,
    events: Vec<Event>,
}

/// One line of the stdout sink.
#[derive(Debug, Clone, PartialEq)]
pub struct Event(pub Value);

/// What an agent left.
#[derive(Debug)]
pub struct Report {
    pub events: Vec<Event>,
    pub ledger: Ledger,
    pub stderr: String,
}

impl Event {
    pub fn is(&self, event_type: &str) -> bool {
        self.0["type"] == event_type
    }

    /// A fact; null when it is absent.
    pub fn fact(&self, name: &str) -> &Value {
        &self.0["data"][name]
    }

    /// Why a fact is absent; null when nothing is said of it.
    pub fn not_observed(&self, name: &str) -> &Value {
        &self.0["data"]["not_observed"][name]
    }
}

impl Report {
    /// Every record of this type came out: nothing was without room on its way.
    ///
    /// # Panics
    /// When something was lost on the way.
    #[track_caller]
    pub fn assert_whole(&self, event_type: &str) {
        let row = self
            .ledger
            .types
            .get(event_type)
            .copied()
            .unwrap_or_default();
        let sinks = &self.ledger.sinks;
        let dropped: u64 = sinks.values().map(SinkCounts::dropped_total).sum();
        assert_eq!(
            (row.lost, row.queue_drops, dropped),
            (0, 0, 0),
            "{row:?} {sinks:?}"
        );
    }
}

/// A compiled config in which the container observer alone looks.
pub fn container_config(exits: &str, ignored_codes: &[i32]) -> Value {
    json!({
        "network": {"enabled": false, "rtt_spike_ratio": 2, "rtt_spike_abs_us": 500_000,
            "rtt_min_baseline_samples": 5, "conn_refused_window_ns": 0, "conn_refused_min_count": 0},
        "storage": {"enabled": false, "slow_io_warning_ns": 50_000_000, "slow_io_critical_ns": 200_000_000},
        "container": {"enabled": true, "ignore_exit_codes": ignored_codes, "exits": exits},
        "node_pmc": {"enabled": false, "stall_warning_permille": 200, "stall_critical_permille": 400,
            "ipc_degradation_milli": 1000},
    })
}

/// A compiled config in which the network observer alone looks; `network` are its fields that
/// differ from the defaults.
pub fn network_config(network: &Value) -> Value {
    let mut config = container_config("workloads", &[]);
    config["container"]["enabled"] = false.into();
    config["network"]["enabled"] = true.into();
    for (name, value) in network.as_object().into_iter().flatten() {
        config["network"][name] = value.clone();
    }
    config
}

/// A compiled config in which the storage observer alone looks, with these limits.
pub fn storage_config(warning_ns: u64, critical_ns: u64) -> Value {
    let mut config = container_config("workloads", &[]);
    config["container"]["enabled"] = false.into();
    config["storage"] = json!({"enabled": true,
        "slow_io_warning_ns": warning_ns, "slow_io_critical_ns": critical_ns});
    config
}

impl TestAgent {
    /// The container observer under this config, with these flags besides.
    ///
    /// # Panics
    /// When it does not come up.
    #[track_caller]
    pub fn observe(config: &Value, flags: &[&str]) -> Self {
        Self::observe_with("container", config, flags)
    }

    /// The network observer with these fields of its config, and these flags besides.
    ///
    /// # Panics
    /// When it does not come up.
    #[track_caller]
    pub fn observe_network(network: &Value, flags: &[&str]) -> Self {
        Self::observe_with("network", &network_config(network), flags)
    }

    /// The storage observer with these limits, and these flags besides.
    ///
    /// # Panics
    /// When it does not come up.
    #[track_caller]
    pub fn observe_storage(warning_ns: u64, critical_ns: u64, flags: &[&str]) -> Self {
        Self::observe_with("storage", &storage_config(warning_ns, critical_ns), flags)
    }

    /// These observers under this config, with these flags besides.
    ///
    /// # Panics
    /// When it does not come up.
    #[track_caller]
    pub fn observe_with(observers: &str, config: &Value, flags: &[&str]) -> Self {
        let folder = TestFolder::new();
        let config = folder.write("config.json", config.to_string());
        let mut command = Command::new(Program::Agent.path());
        command.args(["--sink", "stdout", "--observers", observers]);
        command.arg("--config").arg(config).args(flags);
        Self::spawn(folder, command)
    }

    /// A command that becomes the agent.
    ///
    /// # Panics
    /// When it does not come up.
    #[track_caller]
    pub fn spawn(folder: TestFolder, command: Command) -> Self {
        let state = folder.path().to_owned();
        Self::spawn_with_state(folder, command, &state)
    }

    /// The same, its state kept in a folder that outlives it.
    ///
    /// # Panics
    /// When it does not come up.
    #[track_caller]
    pub fn spawn_with_state(folder: TestFolder, command: Command, state: &Path) -> Self {
        let file = |name| fs::File::create(folder.join(name)).expect("a file for its output");
        let child = without_our_variables(command)
            .arg("--state-dir")
            .arg(state)
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .unwrap_or_else(|error| panic!("the agent does not start: {error}"));
        let mut agent = Self {
            child,
            folder,
            read_to: 0,
            events: Vec::new(),
        };
        let early = wait_for("the agent to observe", START_MAX, || {
            if agent.stderr().contains(READY) {
                return Some(None);
            }
            agent.child.try_wait().expect("it is our child").map(Some)
        });
        if let Some(status) = early {
            panic!("the agent left with {status}:\n{}", agent.stderr());
        }
        agent
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn stderr(&self) -> String {
        fs::read_to_string(self.folder.join("stderr")).unwrap_or_else(|error| format!("({error})"))
    }

    /// Everything said up to now.
    ///
    /// # Panics
    /// When a line is no JSON.
    #[track_caller]
    pub fn events(&mut self) -> &[Event] {
        let mut file = fs::File::open(self.folder.join("stdout")).expect("its output");
        file.seek(SeekFrom::Start(self.read_to))
            .expect("its output");
        let mut fresh = Vec::new();
        file.read_to_end(&mut fresh).expect("its output");
        let whole = fresh
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        for line in fresh[..whole]
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            let value = serde_json::from_slice(line)
                .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(line)));
            self.events.push(Event(value));
        }
        self.read_to += u64::try_from(whole).expect("a length");
        &self.events
    }

    /// The first event that matches, waited for.
    ///
    /// # Panics
    /// When none comes in time, with what came instead.
    #[track_caller]
    pub fn expect(&mut self, what: &str, matches: impl Fn(&Event) -> bool) -> Event {
        let found = poll_for(EVENT_MAX, || {
            self.events().iter().find(|event| matches(event)).cloned()
        });
        found.unwrap_or_else(|| {
            let said: Vec<String> = self
                .events
                .iter()
                .rev()
                .take(10)
                .map(|e| e.0.to_string())
                .collect();
            let count = self.events.len();
            panic!(
                "no {what} among {count} events, the last of them:\n{}\nits stderr:\n{}",
                said.join("\n"),
                self.stderr()
            )
        })
    }

    /// # Panics
    /// When it has ended already.
    #[track_caller]
    pub fn signal(&self, number: i32) {
        process::signal(self.pid(), number).expect("the agent runs");
    }

    /// How it ended, if it did so in time.
    pub fn wait_for_end(&mut self, limit: Duration) -> Option<ExitStatus> {
        poll_for(limit, || self.child.try_wait().expect("it is our child"))
    }

    /// Ends it with SIGTERM and takes everything it said; its ledger must balance.
    ///
    /// # Panics
    /// When it does not leave in time and with 0, or one of its sums does not add up.
    #[track_caller]
    pub fn stop(mut self) -> Report {
        self.signal(libc::SIGTERM);
        let status = self
            .wait_for_end(STOP_MAX)
            .unwrap_or_else(|| panic!("still there after {STOP_MAX:?}:\n{}", self.stderr()));
        self.events();
        let stderr = self.stderr();
        assert!(status.success(), "the agent left with {status}:\n{stderr}");
        let ledger = ledger_in(&stderr);
        let wrong: Vec<String> = ledger.check().iter().map(ToString::to_string).collect();
        assert!(wrong.is_empty(), "{}\n{stderr}", wrong.join("\n"));
        Report {
            events: std::mem::take(&mut self.events),
            ledger,
            stderr,
        }
    }
}

impl Drop for TestAgent {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("left running: {}: {error}", self.child.id());
        }
    }
}

/// The ledger an agent said when it stopped.
///
/// # Panics
/// When it said none.
#[track_caller]
pub fn ledger_in(stderr: &str) -> Ledger {
    let text = stderr
        .lines()
        .rev()
        .find_map(|line| line.split_once(LEDGER))
        .unwrap_or_else(|| panic!("no ledger was said:\n{stderr}"));
    serde_json::from_str(&format!("{{{}", text.1))
        .unwrap_or_else(|error| panic!("{error}: {{{}", text.1))
}

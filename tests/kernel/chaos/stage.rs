//! The agent, its controller and what is between them, each replaced as often as it is struck.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;
use tapio_common::time::Timestamp;
use tapio_tests::agent::TestAgent;
use tapio_tests::controller::TestController;
use tapio_tests::deadline::{wait_for_moment, wait_until};
use tapio_tests::folder::TestFolder;
use tapio_tests::namespace::Namespace;
use tapio_tests::place::free_place_at;
use tapio_tests::proxy::{Fault, Proxy};

use super::blow::Blow;
use crate::deaths::{cause, now, segments, stored};
use crate::managed::{Managed, sinks};

/// Between two deaths of the causer.
pub const BETWEEN_DEATHS: Duration = Duration::from_millis(50);
/// Between a blow and the next.
const CALM: Duration = Duration::from_secs(2);
/// For what was kept to arrive once all is well: as long as an agent may pause, and more.
const REST_MAX: Duration = Duration::from_secs(90);
/// For a profile to be seen, polled, applied and reported.
const APPLIED_MAX: Duration = Duration::from_secs(20);
/// Of the accounts at the end.
const LAST_DEATHS: usize = 40;

pub struct Stage {
    pub managed: Managed,
    pub proxy: Proxy,
    folder: TestFolder,
    controller: TestController,
    agent: Option<TestAgent>,
    profiles: u32,
    /// When an agent was struck, and when the next one looked.
    pub absences: Vec<(Timestamp, Timestamp)>,
    /// Since a config that looks was in force, up to the one that does not.
    pub looked: (Timestamp, Timestamp),
    /// What controllers that are gone had counted.
    pub gaps_and_regressions: u64,
    /// Everything either side has logged.
    pub logs: String,
}

impl Stage {
    /// Both sides are there, and the agent has the controller's config.
    #[track_caller]
    pub fn open() -> Self {
        let folder = TestFolder::new();
        write_profile(&folder, 0, true);
        let controller = start_controller(&folder);
        let namespace = Namespace::make();
        let place = free_place_at(namespace.near()).expect("a port");
        let proxy = Proxy::start_at(place, controller.address());
        let managed = Managed::inside(namespace, place.into());
        let mut stage = Self {
            agent: Some(managed.start(sinks(true))),
            managed,
            proxy,
            folder,
            controller,
            profiles: 0,
            absences: Vec::new(),
            looked: (Timestamp(0), Timestamp(0)),
            gaps_and_regressions: 0,
            logs: String::new(),
        };
        stage.wait_for_config();
        let first = cause();
        wait_until("the first death", REST_MAX, || {
            stored(&stage.managed.evidence()).contains_key(&first.pid)
        });
        stage.looked.0 = first.after;
        stage
    }

    pub fn suffer(&mut self, blow: Blow) {
        let end = Instant::now() + blow.lasts();
        match blow {
            Blow::ControllerKilled => self.while_answers_are_lost(end, |stage| {
                stage.leave_controller(libc::SIGKILL);
                stage.next_controller();
            }),
            Blow::ControllerReprofiled => {
                self.profiles += 1;
                write_profile(&self.folder, self.profiles, true);
                self.leave_controller(libc::SIGTERM);
                self.next_controller();
            }
            Blow::ControllerStopped => {
                self.controller.signal(libc::SIGSTOP);
                wait_for_moment(end);
                self.controller.signal(libc::SIGCONT);
            }
            Blow::AgentKilled => {
                self.while_answers_are_lost(end, |stage| stage.replace_agent(libc::SIGKILL));
            }
            Blow::AgentTerminated => self.replace_agent(libc::SIGTERM),
            Blow::BlackHole => {
                self.managed.wire().cut();
                wait_for_moment(end);
                self.managed.wire().mend();
            }
            Blow::Between(fault) => {
                self.proxy.misbehave(fault);
                wait_for_moment(end);
                self.proxy.misbehave(Fault::None);
            }
        }
        wait_for_moment(Instant::now() + CALM);
    }

    /// For a while the controller takes what the agent has no answer to; then this.
    fn while_answers_are_lost(&mut self, end: Instant, then: impl FnOnce(&mut Self)) {
        self.proxy.misbehave(Fault::CutInHalf);
        wait_for_moment(end);
        then(self);
        self.proxy.misbehave(Fault::None);
    }

    fn leave_controller(&mut self, signal: i32) {
        self.gaps_and_regressions += self.gaps_and_regressions_now();
        self.controller.signal(signal);
        let ended = self.controller.wait_for_end(REST_MAX);
        assert!(ended.is_some(), "the controller survives {signal}");
        self.logs.push_str(&self.controller.stderr());
    }

    fn next_controller(&mut self) {
        self.controller = start_controller(&self.folder);
        self.proxy.lead_to(self.controller.address());
    }

    fn replace_agent(&mut self, signal: i32) {
        let mut agent = self.agent.take().expect("there is one");
        let from = now();
        agent.signal(signal);
        let ended = agent.wait_for_end(REST_MAX);
        assert!(ended.is_some(), "the agent survives {signal}");
        self.logs.push_str(&agent.stderr());
        drop(agent);
        self.agent = Some(self.managed.start(sinks(true)));
        self.absences.push((from, now()));
    }

    fn row(&self) -> Value {
        self.controller.agent("a")
    }

    pub fn gaps_and_regressions_now(&self) -> u64 {
        let sequence = &self.row()["sequence"];
        let count = |name: &str| sequence[name].as_u64().unwrap_or_default();
        count("gaps_total") + count("regressions_total")
    }

    /// Until the agent reports the config that is served; how long that took.
    fn wait_for_config(&self) -> Duration {
        let since = Instant::now();
        wait_until("the config to be reported", APPLIED_MAX, || {
            let served = &self.controller.status()["config"]["config_hash"];
            let row = self.row();
            row["reported_config_hash"] == *served
                && row["degraded_reasons"] == Value::Array(vec![])
        });
        since.elapsed()
    }

    /// The next profile: one that looks for every death, or for none.
    fn reprofile(&mut self, looks: bool) {
        self.profiles += 1;
        let before = self.controller.status()["config"]["config_hash"].clone();
        write_profile(&self.folder, self.profiles, looks);
        wait_until("the profile to be read", APPLIED_MAX, || {
            self.controller.status()["config"]["config_hash"] != before
        });
        let took = self.wait_for_config();
        eprintln!("the agent reports the new config after {took:.2?}");
    }

    pub fn accepted(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.accepted_path()).expect("the copy");
        let whole = text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        whole
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect()
    }

    fn accepted_path(&self) -> PathBuf {
        self.folder.join("accepted.jsonl")
    }

    /// Nothing is looked for any more, and everything that was kept has arrived.
    #[track_caller]
    pub fn come_to_rest(&mut self) {
        self.looked.1 = now();
        self.reprofile(false);
        let since = Instant::now();
        self.wait_for_rest();
        eprintln!("at rest after {:.2?}", since.elapsed());
    }

    #[track_caller]
    fn wait_for_rest(&self) {
        let counts = || {
            let kept: usize = segments(&self.managed.evidence())
                .values()
                .map(Vec::len)
                .sum();
            (kept, self.accepted().len())
        };
        let mut last = (0, 0);
        let end = Instant::now() + REST_MAX;
        while Instant::now() < end {
            last = counts();
            let pending = &self.row()["ledger"]["sinks"]["controller"]["pending"];
            // A zero is left out of a ledger.
            if last.0 <= last.1 && pending.as_u64().unwrap_or_default() == 0 {
                return;
            }
            wait_for_moment(Instant::now() + BETWEEN_DEATHS * 4);
        }
        let agent = self
            .agent
            .as_ref()
            .map(TestAgent::stderr)
            .unwrap_or_default();
        panic!("kept and arrived {last:?} after {REST_MAX:?}\n{agent}");
    }

    /// A whole run at whose end the agent's ledger is the controller's count, to the event.
    #[track_caller]
    pub fn account_to_the_event(mut self) {
        self.replace_agent(libc::SIGTERM);
        self.leave_controller(libc::SIGTERM);
        self.next_controller();
        let before = self.accepted().len();
        self.reprofile(true);
        for _ in 0..LAST_DEATHS {
            cause();
        }
        self.reprofile(false);
        self.wait_for_rest();
        let arrived = u64::try_from(self.accepted().len() - before).expect("a count");
        let count = |value: &Value| value.as_u64().unwrap_or_default();
        wait_until("the heartbeat that says so", APPLIED_MAX, || {
            count(&self.row()["ledger"]["sinks"]["controller"]["delivered"]) == arrived
        });
        let totals = &self.controller.status()["totals"];
        assert_eq!(count(&totals["accepted_events_total"]), arrived, "{totals}");
        assert!(arrived >= LAST_DEATHS as u64, "{arrived}");
        let report = self.agent.take().expect("there is one").stop();
        let sink = &report.ledger.sinks["controller"];
        let counted = (sink.delivered, sink.pending, sink.dropped_total());
        assert_eq!(counted, (arrived, 0, 0), "{sink:?}");
        let emitted: u64 = report.ledger.types.values().map(|row| row.emitted).sum();
        assert_eq!(emitted, arrived, "everything emitted was delivered");
    }

    /// What both sides have said so far, those that run included.
    pub fn all_logs(&self) -> String {
        let agent = self
            .agent
            .as_ref()
            .map(TestAgent::stderr)
            .unwrap_or_default();
        [&self.logs[..], &agent, &self.controller.stderr()].concat()
    }
}

fn start_controller(folder: &TestFolder) -> TestController {
    let path = |name| folder.join(name).display().to_string();
    let (accepted, profile) = (path("accepted.jsonl"), path("profile.yaml"));
    TestController::start(&[
        "--accepted",
        &accepted,
        "--profile",
        &profile,
        "--log-level",
        "debug",
    ])
}

/// Every profile differs from the one before, and only in what no death is about.
fn write_profile(folder: &TestFolder, number: u32, looks: bool) {
    let ratio = 2 + number % 90;
    folder.write(
        "profile.yaml",
        format!(
            "apiVersion: tapio.false.systems/v0\nkind: EvidenceProfile\nbase: production-default\n\
             overrides:\n  network: {{rtt_spike: {{ratio: {ratio}}}}}\n  \
             container: {{enabled: {looks}, exits: all}}\n"
        ),
    );
}

//! `tapio-agent selftest`: causes failures on purpose and sees whether they are reported.
//!
//! The agent runs as it would, privileges dropped, with a sink of its own that keeps what happened
//! in the groups of this test. Every fact is caused in a group by itself, is marked `synthetic` by
//! the group's name for whoever else is looking, and must be reported right within two seconds.

mod cause;
mod connect;
mod scene;
mod wanted;

use std::fmt::Write as _;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use serde_json::Value;
use tapio_common::catalogue::Observer;
use tapio_common::sink::{Sink, Written};
use tapio_common::time::Now;
use tapio_wire::CompiledConfig;

use self::cause::Caused;
use self::scene::{Scene, SceneError};
use self::wanted::{Case, differences};
use crate::accounts::Accounts;
use crate::config::{self, FIRST_GENERATION, NamedConfig};
use crate::crew::{Crew, joined};
use crate::identity::Identity;
use crate::roll_call::RollCall;
use crate::run::Run;
use crate::settings::Settings;
use crate::signals::Signals;
use crate::stop::Stop;
use crate::{Failure, Verdict, clock, journal};

/// How long a fact may take to be reported.
const REPORTED_WITHIN: Duration = Duration::from_secs(2);

/// More than all cases together report; what does not fit was not ours.
const LINES_MAX: usize = 64;

/// Runs every case, and says on standard output what came of each.
pub fn selftest(settings: &Settings) -> Result<Verdict, Failure> {
    journal::begin(settings.log_level, settings.log_format);
    let identity =
        Identity::of(settings).map_err(|error| Failure::System("who this node is", error))?;
    let signals = Signals::register().map_err(|error| Failure::System("signals", error))?;
    let roll =
        RollCall::of(&settings.observers).map_err(|error| Failure::System("eventfd", error))?;
    let settings = Settings {
        fair_share_per_second: None,
        ..settings.clone()
    };
    let accounts = Accounts::new(
        &identity.boot_id,
        clock::now().wall,
        &settings.observers,
        &[],
    );
    let (lines, reported) = bounded(LINES_MAX);
    let config = CompiledConfig::default();
    let run = Run {
        settings: &settings,
        identity,
        config: Some(NamedConfig {
            hash: config::hash_of(&config),
            generation: FIRST_GENERATION,
            config,
        }),
        managed: None,
        signals: &signals,
        roll: &roll,
        accounts: &accounts,
        fronts: vec![Box::new(Witness { lines })],
        tasks: Vec::new(),
    };
    // Making and removing the folder of groups takes privileges that a run gives up. They are a
    // thread's own, so the run has a thread of its own and this one keeps them until the end.
    let scene = Scene::set();
    let outcomes = thread::scope(|threads| {
        let run = Crew::new(threads).spawn("selftest", || {
            run.carry_out(|stop| try_all(&scene, &settings.observers, &reported, stop))
        })?;
        joined(run).map(|(outcomes, _)| outcomes)
    })?;
    // The run is over, and with it the time it had to leave in.
    // SAFETY: the call takes an integer only.
    unsafe { libc::alarm(0) };
    drop(scene);
    let mut page = String::new();
    for (case, outcome) in &outcomes {
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "{:<10} {} ({}){}",
            outcome.word(),
            case.says,
            case.names(),
            outcome.why()
        );
    }
    write_left_out(&mut page, &settings.observers);
    crate::print(&page)?;
    Ok(verdict(outcomes.iter().map(|(_, outcome)| outcome)))
}

/// What was not even to be tried is said, and is nobody's fault.
fn write_left_out(page: &mut String, observers: &[Observer]) {
    for (observer, why) in wanted::LEFT_OUT {
        if observers.contains(observer) {
            let names: Vec<_> = observer.anomalies().map(|anomaly| anomaly.name()).collect();
            // Writing to a String cannot fail.
            let _ = writeln!(page, "{:<10} {}: {why}", "left out", names.join(", "));
        }
    }
}

/// What came of one case.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Right { after_ms: u64 },
    Wrong { why: String },
    NotTried { why: String },
}

impl Outcome {
    fn not_tried(why: &str) -> Self {
        let why = why.to_owned();
        Self::NotTried { why }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Right { .. } => "right",
            Self::Wrong { .. } => "WRONG",
            Self::NotTried { .. } => "not tried",
        }
    }

    fn why(&self) -> String {
        match self {
            Self::Right { after_ms } => format!(", after {after_ms} ms"),
            Self::Wrong { why } | Self::NotTried { why } => format!(": {why}"),
        }
    }
}

fn verdict<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> Verdict {
    let worst = outcomes.map(|outcome| match outcome {
        Outcome::Right { .. } => Verdict::Right,
        Outcome::NotTried { .. } => Verdict::CannotSay,
        Outcome::Wrong { .. } => Verdict::Wrong,
    });
    worst.max().unwrap_or(Verdict::CannotSay)
}

/// Every case in its turn, until a signal asks to leave.
fn try_all(
    scene: &Result<Scene, SceneError>,
    observers: &[Observer],
    reported: &Receiver<Value>,
    stop: &Stop,
) -> Vec<(&'static Case, Outcome)> {
    let scene = match scene {
        Ok(scene) => scene,
        Err(error) => {
            let why = error.to_string();
            let not_tried = |case| (case, Outcome::NotTried { why: why.clone() });
            return wanted::CASES.iter().map(not_tried).collect();
        }
    };
    wanted::CASES
        .iter()
        .map(|case| {
            if stop.is_closed() {
                return (case, Outcome::not_tried("the test was ended"));
            }
            if !case.is_seen_by(observers) {
                return (case, Outcome::not_tried("its observer was not asked for"));
            }
            (case, try_one(case, scene, reported))
        })
        .collect()
}

fn try_one(case: &Case, scene: &Scene, reported: &Receiver<Value>) -> Outcome {
    let caused = match cause::cause(case.act, scene, case.group) {
        Ok(caused) => caused,
        Err(error) => {
            let why = error.to_string();
            return Outcome::NotTried { why };
        }
    };
    let since = clock::boot_nanos();
    let mut missing: Vec<_> = case.events.iter().collect();
    while let Some(left) = time_left(since) {
        let Ok(line) = reported.recv_timeout(left) else {
            break;
        };
        if !scene.is_of(case.group, &line) {
            continue;
        }
        let Some(at) = missing.iter().position(|event| event.is_kind_of(&line)) else {
            let why = format!(
                "reported more than once, or what was not caused: {}",
                line["type"]
            );
            return Outcome::Wrong { why };
        };
        let event = missing.remove(at);
        let wrong = differences(&line, &event.facts(&caused, scene));
        if !wrong.is_empty() {
            let why = wrong.join(", ");
            return Outcome::Wrong { why };
        }
        if missing.is_empty() {
            let after_ms = (clock::boot_nanos() - since) / 1_000_000;
            return Outcome::Right { after_ms };
        }
    }
    let names: Vec<_> = missing
        .iter()
        .map(|event| event.anomaly.event_type())
        .collect();
    let why = format!("not reported within 2 s: {}", names.join(", "));
    Outcome::Wrong { why }
}

fn time_left(since_boot_ns: u64) -> Option<Duration> {
    let passed = Duration::from_nanos(clock::boot_nanos().saturating_sub(since_boot_ns));
    REPORTED_WITHIN.checked_sub(passed)
}

/// A sink that keeps what is marked as caused on purpose.
struct Witness {
    lines: Sender<Value>,
}

impl Sink for Witness {
    fn take(&mut self, written: &Written<'_>) {
        let Ok(line) = serde_json::from_slice::<Value>(written.line) else {
            return;
        };
        if line["data"]["synthetic"] == true {
            // A full channel means that far more was reported than was caused: the test fails.
            let _ = self.lines.try_send(line);
        }
    }

    fn flush(&mut self, _: Now) -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_said_of_those_that_were_asked_for() {
        let mut page = String::new();
        write_left_out(&mut page, &[Observer::Container, Observer::Storage]);
        assert_eq!(
            page,
            "left out   io_error, latency_spike: no disk fails or takes long because it is asked to\n"
        );
    }

    #[test]
    fn the_worst_outcome_is_the_verdict() {
        let right = Outcome::Right { after_ms: 1 };
        let skipped = Outcome::NotTried { why: "x".into() };
        let wrong = Outcome::Wrong { why: "x".into() };
        assert_eq!(verdict([&right, &right].into_iter()), Verdict::Right);
        assert_eq!(verdict([&right, &skipped].into_iter()), Verdict::CannotSay);
        assert_eq!(verdict([&wrong, &skipped].into_iter()), Verdict::Wrong);
        assert_eq!(verdict([].into_iter()), Verdict::CannotSay);
    }
}

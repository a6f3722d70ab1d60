//! The writer against a model of what it promises, on a disk that fails in every way it can.
//!
//! Any sequence of events (some late, some of an hour to come), pauses, steps of the clock, full
//! and read-only disks, crashes and losses of power: every event that was produced is stored once,
//! or its refusal was answered, or a crash or retention accounts for it, and the chain holds.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::simulated::{Crash, SimulatedDisk};
use super::verify::verify;
use super::{Limits, Writer};
use crate::coverage::{Entry, Looking};
use crate::ledger::Ledger;
use crate::time::{NANOS_PER_HOUR, NANOS_PER_SECOND, Now, Timestamp};

const LIMITS: Limits = Limits {
    segment_bytes_max: 700,
    retain_bytes_max: 6_000,
    retain_age_nanos: 48 * NANOS_PER_HOUR,
    sync_within_nanos: NANOS_PER_SECOND,
};

#[derive(Debug, Clone)]
enum Step {
    /// So many events, each so old when it is written.
    Events {
        count: u8,
        age_seconds: i16,
    },
    Pass {
        seconds: u16,
    },
    SetClock {
        by_seconds: i32,
    },
    Room {
        bytes: Option<u16>,
    },
    ReadOnly(bool),
    RefuseCuts(bool),
    Account,
    StopAndStart,
    /// The process ends within the events that follow.
    Crash {
        calls: u8,
        torn_bytes: u8,
        how: Crash,
        events: u8,
    },
}

fn crashes() -> impl Strategy<Value = Crash> {
    let power = (0usize..200, any::<bool>());
    prop_oneof![
        Just(Crash::Process),
        power.prop_map(|(kept, zeroed)| Crash::Power { kept, zeroed }),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1u8..8, prop_oneof![Just(0i16), -10i16..4_000])
            .prop_map(|(count, age_seconds)| Step::Events { count, age_seconds }),
        6 => prop_oneof![0u16..3, 0u16..4_000].prop_map(|seconds| Step::Pass { seconds }),
        1 => (-8_000i32..8_000).prop_map(|by_seconds| Step::SetClock { by_seconds }),
        2 => proptest::option::of(0u16..2_000).prop_map(|bytes| Step::Room { bytes }),
        1 => any::<bool>().prop_map(Step::ReadOnly),
        1 => any::<bool>().prop_map(Step::RefuseCuts),
        1 => Just(Step::Account),
        1 => Just(Step::StopAndStart),
        2 => (1u8..30, any::<u8>(), crashes(), 0u8..10).prop_map(
            |(calls, torn_bytes, how, events)| Step::Crash { calls, torn_bytes, how, events }
        ),
    ]
}

/// What became of an event, as far as the writer's answers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Taken, at this boot time.
    Stored(u64),
    Refused,
    /// The process ended while it was written, or had ended before.
    Unknown,
}

struct Model {
    disk: SimulatedDisk,
    /// `None` while the disk refuses even to open the directory.
    writer: Option<Writer<SimulatedDisk>>,
    now: Now,
    fates: Vec<Fate>,
    cut_lines: u64,
    crashes: u64,
    refused_cuts: bool,
    /// Boot time; what a run does not live to settle waits for the next one.
    settled_at: u64,
    /// Events that a loss of power may have taken: stored and not yet synced then.
    at_risk: Vec<usize>,
}

impl Model {
    fn new() -> Self {
        let mut model = Self {
            disk: SimulatedDisk::default(),
            writer: None,
            now: Now {
                wall: Timestamp::from_rfc3339("2026-11-21T14:30:00Z").expect("a moment"),
                boot_nanos: 1_000 * NANOS_PER_SECOND,
            },
            fates: Vec::new(),
            cut_lines: 0,
            crashes: 0,
            refused_cuts: false,
            settled_at: 0,
            at_risk: Vec::new(),
        };
        model.open();
        model
    }

    fn open(&mut self) {
        let Ok((mut writer, recovered)) =
            Writer::open(self.disk.clone(), LIMITS, Some(self.now.wall), self.now)
        else {
            return;
        };
        self.cut_lines += recovered.cut_lines;
        writer.cover(looking(self.now.wall), self.now);
        self.writer = Some(writer);
    }

    fn settle(&mut self) {
        if self.writer.is_none() {
            self.open();
        }
        if let Some(writer) = &mut self.writer {
            writer.settle(self.now);
            writer.take_notices();
            self.settled_at = self.now.boot_nanos;
        }
    }

    fn pass(&mut self, nanos: u64) {
        self.now.wall.0 += nanos;
        self.now.boot_nanos += nanos;
    }

    fn produce(&mut self, count: u8, age_seconds: i16) {
        for _ in 0..count {
            self.pass(1_000);
            let age = i64::from(age_seconds) * 1_000_000_000;
            let moment = Timestamp(self.now.wall.0.saturating_add_signed(-age));
            let number = self.fates.len();
            let line = format!("{{\"timestamp\":\"{moment}\",\"n\":{number}}}\n");
            let answer = self
                .writer
                .as_mut()
                .map(|writer| writer.append(moment, line.as_bytes(), self.now));
            self.fates.push(match answer {
                Some(Ok(())) => Fate::Stored(self.now.boot_nanos),
                Some(Err(_)) if self.disk.has_ended() => Fate::Unknown,
                Some(Err(_)) | None => Fate::Refused,
            });
        }
        self.settle();
    }

    fn take(&mut self, step: &Step) {
        match step.clone() {
            Step::Events { count, age_seconds } => self.produce(count, age_seconds),
            Step::Pass { seconds } => {
                self.pass(u64::from(seconds) * NANOS_PER_SECOND);
                self.settle();
            }
            Step::SetClock { by_seconds } => {
                let by = i64::from(by_seconds) * 1_000_000_000;
                self.now.wall.0 = self.now.wall.0.saturating_add_signed(by);
                self.settle();
            }
            Step::Room { bytes } => {
                let used = self.disk.bytes_used();
                self.disk
                    .limit(bytes.map(|bytes| used + usize::from(bytes)));
            }
            Step::ReadOnly(read_only) => self.disk.set_read_only(read_only),
            Step::RefuseCuts(refuses) => {
                self.refused_cuts |= refuses;
                self.disk.refuse_cuts(refuses);
            }
            Step::Account => {
                if let Some(writer) = &mut self.writer {
                    let since_unix_nanos = self.now.wall.0;
                    let ledger = Ledger {
                        since_unix_nanos,
                        ..Ledger::default()
                    };
                    writer.account(&ledger, self.now);
                }
            }
            Step::StopAndStart => {
                if let Some(mut writer) = self.writer.take() {
                    writer.finish(self.now);
                }
                self.open();
            }
            Step::Crash {
                calls,
                torn_bytes,
                how,
                events,
            } => {
                self.disk
                    .end_after(u64::from(calls), usize::from(torn_bytes));
                self.produce(events, 0);
                self.crash(how);
            }
        }
    }

    fn crash(&mut self, how: Crash) {
        self.writer = None;
        if how != Crash::Process {
            let safe_until = self.settled_at.saturating_sub(LIMITS.sync_within_nanos);
            let at_risk = |fate: &Fate| matches!(fate, Fate::Stored(at) if *at > safe_until);
            let found = self
                .fates
                .iter()
                .enumerate()
                .filter(|(_, fate)| at_risk(fate));
            self.at_risk.extend(found.map(|(number, _)| number));
        }
        self.crashes += 1;
        self.disk.restart(how);
        self.open();
    }

    /// How often each event stands in the directory.
    fn stored(&self) -> BTreeMap<usize, u32> {
        let mut stored = BTreeMap::new();
        let names = self.disk.names();
        for name in names
            .iter()
            .filter(|name| super::name::SegmentName::from_file(name).is_some())
        {
            for line in self.disk.text(name).lines() {
                let event: serde_json::Value = serde_json::from_str(line).expect("a whole line");
                let number = event["n"].as_u64().expect("our number") as usize;
                *stored.entry(number).or_insert(0) += 1;
            }
        }
        stored
    }

    fn events_expired(&self) -> u64 {
        let text = self.disk.text("coverage.jsonl");
        let mut events = 0;
        for line in text.lines() {
            let entry: Entry = serde_json::from_str(line).expect("an entry");
            if let Entry::Expired(expired) = entry {
                events = expired.events;
            }
        }
        events
    }

    /// Brings the disk back in order, and compares.
    fn check(&mut self) -> Result<(), TestCaseError> {
        self.disk.limit(None);
        self.disk.set_read_only(false);
        self.disk.refuse_cuts(false);
        self.writer = None;
        self.open();
        prop_assert!(self.writer.is_some(), "a disk in order can be opened");
        let verdict = verify(&self.disk, None, &mut |_| ()).expect("it can be read");
        prop_assert!(
            verdict.fault.is_none(),
            "{}",
            verdict.fault.expect("a fault")
        );
        let stored = self.stored();
        let (mut missing, mut unknown_stored) = (0, 0);
        for (number, fate) in self.fates.iter().enumerate() {
            let times = stored.get(&number).copied().unwrap_or(0);
            prop_assert!(times <= 1, "event {number} is there {times} times");
            match fate {
                Fate::Stored(_) if times == 0 && !self.at_risk.contains(&number) => missing += 1,
                Fate::Stored(_) => {}
                Fate::Refused => prop_assert_eq!(times, 0, "event {} was refused", number),
                Fate::Unknown => unknown_stored += u64::from(times),
            }
        }
        let expired = self.events_expired();
        prop_assert!(missing <= expired, "{missing} missing, {expired} expired");
        prop_assert!(
            unknown_stored <= self.crashes,
            "more than one line in the making"
        );
        let taken = self
            .fates
            .iter()
            .filter(|fate| matches!(fate, Fate::Stored(_)))
            .count() as u64;
        let here = stored.len() as u64;
        prop_assert!(here + expired <= taken + unknown_stored + self.crashes);
        if self.at_risk.is_empty() {
            // Exactly: what was taken is here or has expired, and of a line in the making at a
            // crash the directory says itself whether it was cut.
            prop_assert!(
                here + expired >= taken,
                "{here} here, {expired} expired, {taken} taken"
            );
            // Only where the disk took back nothing either is a line refused and cut as well.
            prop_assert!(self.cut_lines <= self.crashes || self.refused_cuts);
        }
        Ok(())
    }
}

fn looking(from: Timestamp) -> Entry {
    Entry::Looking(Looking {
        from,
        boot_id: "b".into(),
        config_generation: 1,
        config_hash: String::new(),
        scope: serde_json::Value::Null,
        types: Vec::new(),
        types_missing: BTreeMap::new(),
        hooks: Vec::new(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_produced_is_stored_or_counted(steps in proptest::collection::vec(steps(), 1..60)) {
        let mut model = Model::new();
        for step in &steps {
            model.take(step);
        }
        model.check()?;
    }
}

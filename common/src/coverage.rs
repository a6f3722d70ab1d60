//! Coverage: when the agent was looking, at what, and what it lost meanwhile.
//!
//! A sequence of entries, one JSON line each. A [`Entry::Looking`] holds until the next one, a
//! stop or a gap; with the losses in between, a query can answer *seen*, *not seen, fully covered*
//! or *cannot say, and why*. Nothing here decides; the readers do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::evidence::seal::Sha;
use crate::ledger::Ledger;
use crate::time::Timestamp;

/// One line of coverage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// From here on, this is what is looked at. Written at start and whenever it changes.
    Looking(Looking),
    /// Some facts of this interval were lost, and these are their counts.
    Lost(Lost),
    /// Nobody looked: the run before ended without saying so.
    Gap(Gap),
    /// The agent left in good order.
    Stopped(Stopped),
    /// Evidence of this interval was kept and is no longer: retention removed it.
    Expired(Expired),
    /// The system's clock was set while the agent looked.
    ClockSet(ClockSet),
}

impl Entry {
    /// Reads one line. First its kind, then that kind's fields: reading them as one tagged value
    /// would keep every field in a tree in between, and cost each binary 40 kB.
    pub fn from_line(line: &[u8]) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Kind<'a> {
            #[serde(borrow)]
            kind: std::borrow::Cow<'a, str>,
        }
        Ok(
            match serde_json::from_slice::<Kind<'_>>(line)?.kind.as_ref() {
                "looking" => Self::Looking(serde_json::from_slice(line)?),
                "lost" => Self::Lost(serde_json::from_slice(line)?),
                "gap" => Self::Gap(serde_json::from_slice(line)?),
                "stopped" => Self::Stopped(serde_json::from_slice(line)?),
                "expired" => Self::Expired(serde_json::from_slice(line)?),
                "clock_set" => Self::ClockSet(serde_json::from_slice(line)?),
                other => return Err(serde::de::Error::custom(format_args!("kind {other:?}"))),
            },
        )
    }

    /// When it begins to hold.
    pub fn from(&self) -> Timestamp {
        match self {
            Self::Looking(looking) => looking.from,
            Self::Lost(lost) => lost.from,
            Self::Gap(gap) => gap.from,
            Self::Stopped(stopped) => stopped.at,
            Self::Expired(expired) => expired.at,
            Self::ClockSet(set) => set.at,
        }
    }

    /// When it no longer holds, where it says so itself; else the moment it begins.
    pub fn to(&self) -> Timestamp {
        match self {
            Self::Lost(lost) => lost.to,
            Self::Gap(gap) => gap.to,
            Self::Looking(_) | Self::Stopped(_) | Self::Expired(_) | Self::ClockSet(_) => {
                self.from()
            }
        }
    }
}

/// What the agent looks at, and with what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Looking {
    pub from: Timestamp,
    pub boot_id: String,
    pub config_generation: u32,
    /// Empty until a config is in force.
    pub config_hash: String,
    /// The compiled config in force, as the wire has it: thresholds, codes left out, scope.
    pub scope: Value,
    /// The event types that are looked for, all of them.
    pub types: Vec<String>,
    /// The event types that are not, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub types_missing: BTreeMap<String, String>,
    pub hooks: Vec<Hook>,
}

/// One place in the kernel, attached or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    pub observer: String,
    pub name: String,
    pub attached: bool,
    /// Why not, where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Facts that were lost between two readings of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    pub from: Timestamp,
    pub to: Timestamp,
    pub losses: Vec<Loss>,
}

/// How many, of what, and at which stage of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The event type, the observer or the sink whose row it is.
    pub of: String,
    pub stage: String,
    pub events: u64,
}

/// An interval in which nobody looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub from: Timestamp,
    pub to: Timestamp,
    pub reason: String,
    /// Unfinished lines that the start after it found at the end of segments, and cut off.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cut_lines: u64,
}

fn is_zero(lines: &u64) -> bool {
    *lines == 0
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    pub at: Timestamp,
    pub boot_id: String,
}

/// Segments that retention removed, all of them since the directory began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expired {
    pub at: Timestamp,
    /// The moments of the earliest and of the latest event among them.
    pub from: Timestamp,
    pub to: Timestamp,
    pub segments: u64,
    pub events: u64,
    /// The seal that was removed last, and its hash: what the oldest seal kept names as previous.
    pub last_seal: String,
    pub last_sha256: Sha,
}

/// A step of the system's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockSet {
    /// By the clock as it was set.
    pub at: Timestamp,
    /// Forwards, or backwards if negative.
    pub by_nanos: i64,
}

/// What was lost from one reading of a run's ledger to a later one.
pub fn losses_between(before: &Ledger, after: &Ledger) -> Vec<Loss> {
    let mut found = Vec::new();
    let mut compare = |of: &str, stage: &str, before: u64, after: u64| {
        if after > before {
            found.push(Loss {
                of: of.to_owned(),
                stage: stage.to_owned(),
                events: after - before,
            });
        }
    };
    for (name, row) in &after.types {
        let old = before.types.get(name).copied().unwrap_or_default();
        compare(name, "ambiguous", old.ambiguous, row.ambiguous);
        compare(name, "lost", old.lost, row.lost);
        compare(name, "queue_drops", old.queue_drops, row.queue_drops);
    }
    for (name, row) in &after.observers {
        let old = before.observers.get(name).copied().unwrap_or_default();
        let missed = |counts: Option<u64>| counts.unwrap_or(0);
        compare(name, "missed", missed(old.missed), missed(row.missed));
        compare(name, "malformed", old.malformed, row.malformed);
    }
    for (name, row) in &after.sinks {
        let old = before.sinks.get(name);
        for (reason, events) in &row.dropped {
            let counted = old.and_then(|old| old.dropped.get(reason)).copied();
            compare(name, reason, counted.unwrap_or(0), *events);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{ObserverCounts, SinkCounts, TypeCounts};

    fn ledger(lost: u64, missed: u64, full: u64) -> Ledger {
        let mut ledger = Ledger::default();
        let row = TypeCounts {
            seen: 9 + lost,
            aggregated: 9,
            lost,
            ..TypeCounts::default()
        };
        ledger.types.insert("kernel.x.y".into(), row);
        let observer = ObserverCounts {
            missed: Some(missed),
            ..ObserverCounts::default()
        };
        ledger.observers.insert("x".into(), observer);
        let sink = SinkCounts {
            dropped: [("queue_full".to_owned(), full)].into(),
            ..SinkCounts::default()
        };
        ledger.sinks.insert("stdout".into(), sink);
        ledger
    }

    #[test]
    fn only_what_grew_is_a_loss_and_folding_is_none() {
        assert_eq!(losses_between(&ledger(1, 2, 3), &ledger(1, 2, 3)), []);
        let found = losses_between(&ledger(1, 2, 3), &ledger(4, 2, 8));
        let found: Vec<_> = found
            .iter()
            .map(|loss| (loss.of.as_str(), loss.stage.as_str(), loss.events))
            .collect();
        assert_eq!(
            found,
            [("kernel.x.y", "lost", 3), ("stdout", "queue_full", 5)]
        );
    }

    #[test]
    fn rows_that_are_new_count_from_zero() {
        let found = losses_between(&Ledger::default(), &ledger(1, 2, 3));
        assert_eq!(found.iter().map(|loss| loss.events).sum::<u64>(), 6);
    }

    #[test]
    fn every_kind_is_read_from_its_line() {
        let at = Timestamp(1);
        let gap = Gap {
            from: at,
            to: at,
            reason: "r".into(),
            cut_lines: 1,
        };
        let looking = Looking {
            from: at,
            boot_id: "b".into(),
            config_generation: 1,
            config_hash: String::new(),
            scope: Value::Null,
            types: vec!["kernel.x.y".into()],
            types_missing: BTreeMap::new(),
            hooks: Vec::new(),
        };
        let expired = Expired {
            at,
            from: at,
            to: at,
            segments: 1,
            events: 2,
            last_seal: "s".into(),
            last_sha256: Sha::of(b""),
        };
        let losses = Vec::new();
        for entry in [
            Entry::Looking(looking),
            Entry::Lost(Lost {
                from: at,
                to: at,
                losses,
            }),
            Entry::Gap(gap),
            Entry::Stopped(Stopped {
                at,
                boot_id: "b".into(),
            }),
            Entry::Expired(expired),
            Entry::ClockSet(ClockSet { at, by_nanos: -1 }),
        ] {
            let line = serde_json::to_vec(&entry).expect("serialises");
            assert_eq!(Entry::from_line(&line).expect("reads back"), entry);
        }
        assert!(Entry::from_line(br#"{"kind":"later"}"#).is_err());
    }

    #[test]
    fn an_entry_is_one_line_that_names_its_kind() {
        let entry = Entry::Stopped(Stopped {
            at: Timestamp(0),
            boot_id: "b".into(),
        });
        let line = serde_json::to_string(&entry).expect("serialises");
        assert_eq!(
            line,
            r#"{"kind":"stopped","at":"1970-01-01T00:00:00.000000000Z","boot_id":"b"}"#
        );
        assert_eq!(
            serde_json::from_str::<Entry>(&line).expect("reads back"),
            entry
        );
    }
}

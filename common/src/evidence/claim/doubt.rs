//! Why a claim cannot be made, each reason with its interval and the types it is about.

use std::collections::BTreeSet;
use std::fmt;

use super::{LOSS_SLACK_NANOS, OWN_SINK};
use crate::catalogue::Anomaly;
use crate::coverage::{Entry, Expired, Looking, Loss};
use crate::time::Timestamp;

/// One reason, and when it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    pub from: Timestamp,
    pub to: Timestamp,
    /// The types it is about; none means all.
    pub types: BTreeSet<String>,
    pub why: Why,
}

/// The reasons there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The coverage begins later, or has forgotten.
    Unrecorded,
    /// A type was not looked for.
    NotLookedFor {
        reason: String,
    },
    Gap {
        reason: String,
        cut_lines: u64,
    },
    Stopped,
    /// The writer runs and has not given its word.
    SilentAlive,
    /// The writer is gone and has not said when it went.
    SilentDead,
    Lost {
        of: String,
        stage: String,
        events: u64,
    },
    Expired {
        events: u64,
    },
    ClockSetBack {
        seconds: u64,
    },
    /// Moments the clock jumped over: what happened then has an earlier one.
    ClockSetForward {
        seconds: u64,
    },
    Unreadable {
        lines: u64,
    },
    /// Events that can be what was asked for, and do not say so.
    Unowned {
        events: u64,
    },
    /// Lines of evidence that are no events, each of which may have been one.
    Damaged {
        lines: u64,
    },
}

impl Doubt {
    pub fn new(from: Timestamp, to: Timestamp, why: Why) -> Self {
        let types = BTreeSet::new();
        Self {
            from,
            to,
            types,
            why,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unrecorded => out.write_str("nothing is recorded of who looked then"),
            Self::NotLookedFor { reason } => write!(out, "not looked for: {reason}"),
            Self::Gap {
                reason,
                cut_lines: 0,
            } => write!(out, "nobody looked: {reason}"),
            Self::Gap { reason, cut_lines } => {
                write!(
                    out,
                    "nobody looked: {reason}; unfinished lines cut off: {cut_lines}"
                )
            }
            Self::Stopped => out.write_str("nobody looked: the agent had been stopped"),
            Self::SilentAlive => out.write_str("the agent runs and has not given its word yet"),
            Self::SilentDead => out.write_str("the agent ended without saying so"),
            // The types are named beside it.
            Self::Lost { of, stage, events } if Anomaly::from_event_type(of).is_some() => {
                write!(out, "{events} {stage}")
            }
            Self::Lost { of, stage, events } => write!(out, "{events} {stage} of {of}"),
            Self::Expired { events } => {
                write!(out, "retention removed evidence ({events} events so far)")
            }
            Self::ClockSetBack { seconds } => {
                write!(
                    out,
                    "the clock was set back by {seconds} s: these moments came twice"
                )
            }
            Self::Unowned { events: 1 } => out.write_str("1 event does not say whose it is"),
            Self::Unowned { events } => {
                write!(out, "{events} events do not say whose they are")
            }
            Self::Damaged { lines: 1 } => {
                out.write_str("1 line of evidence is damaged, see tapio verify")
            }
            Self::Damaged { lines } => {
                write!(
                    out,
                    "{lines} lines of evidence are damaged, see tapio verify"
                )
            }
            Self::ClockSetForward { seconds } => {
                write!(
                    out,
                    "the clock was set forward by {seconds} s: what happened then has earlier moments"
                )
            }
            Self::Unreadable { lines } => {
                write!(
                    out,
                    "{lines} lines of coverage cannot be read by this version"
                )
            }
        }
    }
}

/// What was lost of these types, if that is what the entry tells of.
pub(super) fn of_losses(entry: &Entry, types: &[&str]) -> Vec<Doubt> {
    let Entry::Lost(lost) = entry else {
        return Vec::new();
    };
    let from = Timestamp(lost.from.0.saturating_sub(LOSS_SLACK_NANOS));
    let concerning = lost.losses.iter().filter(|loss| concerns(loss, types));
    let doubt = |loss: &Loss| {
        let why = Why::Lost {
            of: loss.of.clone(),
            stage: loss.stage.clone(),
            events: loss.events,
        };
        let mut concerned = BTreeSet::new();
        if loss.of != OWN_SINK {
            let is_concerned = |name: &&&str| concerns(loss, &[**name]);
            let names = types.iter().filter(is_concerned);
            concerned.extend(names.map(|name| (*name).to_owned()));
        }
        Doubt {
            types: concerned,
            ..Doubt::new(from, lost.to, why)
        }
    };
    concerning.map(doubt).collect()
}

pub(super) fn of_expired(expired: &Expired) -> Doubt {
    let events = expired.events;
    Doubt::new(expired.from, expired.to, Why::Expired { events })
}

/// A loss at an observer can have been of any of its types; one at another sink is not ours.
fn concerns(loss: &Loss, types: &[&str]) -> bool {
    let observer_of = |name: &&str| {
        Anomaly::from_event_type(name).is_some_and(|anomaly| anomaly.observer().name() == loss.of)
    };
    loss.of == OWN_SINK || types.contains(&loss.of.as_str()) || types.iter().any(observer_of)
}

/// The types asked for that were not looked for, by reason.
pub(super) fn of_missing_types(
    looking: &Looking,
    types: &[&str],
    from: Timestamp,
    to: Timestamp,
) -> Vec<Doubt> {
    let is_missing = |name: &&&str| !looking.types.iter().any(|known| known == **name);
    let doubt = |name: &&str| {
        let reason = looking.types_missing.get(*name).cloned();
        let reason = reason.unwrap_or_else(|| "this agent does not know it".to_owned());
        let types = BTreeSet::from([(*name).to_owned()]);
        Doubt {
            types,
            ..Doubt::new(from, to, Why::NotLookedFor { reason })
        }
    };
    types.iter().filter(is_missing).map(doubt).collect()
}

/// The same reason for several types, or in several stretches that touch, is one doubt.
pub(super) fn merged(doubts: Vec<Doubt>) -> Vec<Doubt> {
    let mut found: Vec<Doubt> = Vec::new();
    for doubt in doubts {
        let same_time = |known: &&mut Doubt| {
            known.why == doubt.why && known.from == doubt.from && known.to == doubt.to
        };
        if let Some(known) = found.iter_mut().find(same_time) {
            known.types.extend(doubt.types);
            continue;
        }
        let touches = |known: &&mut Doubt| {
            known.why == doubt.why
                && known.types == doubt.types
                && known.to.0.saturating_add(1) >= doubt.from.0
                && known.from <= doubt.to
        };
        match found.iter_mut().find(touches) {
            Some(known) => {
                known.from = known.from.min(doubt.from);
                known.to = known.to.max(doubt.to);
            }
            None => found.push(doubt),
        }
    }
    found.sort_by_key(|doubt| (doubt.from, doubt.to));
    found
}

//! Lines of evidence as the body of one batch.
//!
//! An occurrence's facts are its `data` as it stands, with `outcome`, `error` and `id` put in front
//! of its closing brace: nothing is parsed further than to find those. The same lines with the
//! same sequence and moment make the same bytes, on any later day.

use serde::Deserialize;
use serde_json::value::RawValue;
use tapio_common::time::Timestamp;
use tapio_wire::events::{EventType, Facts};
use tapio_wire::names::EventSeverity;
use tapio_wire::values::WireVersion;
use tapio_wire::{EventBatch, WireEvent};

use crate::managed::Link;

/// What makes a batch this one and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub sequence: u64,
    pub sent_at_unix_nanos: u64,
}

/// A body, and how many of the lines it holds.
#[derive(Debug, Default)]
pub struct Body {
    pub json: Vec<u8>,
    pub events: u64,
    /// Lines that are no occurrences.
    pub unreadable: u64,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    id: &'a str,
    timestamp: Timestamp,
    #[serde(borrow, rename = "type")]
    event_type: &'a str,
    #[serde(borrow)]
    severity: &'a str,
    #[serde(borrow)]
    outcome: &'a RawValue,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    data: &'a RawValue,
}

impl Body {
    /// `lines` are whole ones, each with its newline.
    pub fn of(link: &Link, stamp: Stamp, lines: &[u8]) -> Self {
        let mut body = Self::default();
        let mut events = Vec::new();
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            match event_of(line) {
                Some(event) => events.push(event),
                None => body.unreadable += 1,
            }
        }
        body.events = u64::try_from(events.len()).unwrap_or(u64::MAX);
        let batch = EventBatch {
            wire_version: WireVersion,
            agent_id: link.agent_id.as_str().into(),
            node_name: link.node_name.as_str().into(),
            sequence: stamp.sequence,
            sent_at_unix_nanos: stamp.sent_at_unix_nanos,
            events,
        };
        match serde_json::to_vec(&batch) {
            Ok(json) => body.json = json,
            // Facts are what was read as JSON a moment ago; if they are not, nothing is claimed.
            Err(_) => {
                body.unreadable += body.events;
                body.events = 0;
            }
        }
        body
    }
}

/// `None` if the line is no occurrence.
fn event_of(line: &[u8]) -> Option<WireEvent<'_>> {
    let line: Line<'_> = serde_json::from_slice(line).ok()?;
    Some(WireEvent {
        event_type: EventType(line.event_type.into()),
        timestamp_unix_nanos: line.timestamp.0,
        observer: observer_of(line.event_type)?.into(),
        severity: EventSeverity::from(line.severity),
        facts: Facts::from_json(facts_of(&line)?),
        id: Some(line.id.into()),
    })
}

/// The word between the dots of `kernel.<observer>.<anomaly>`.
fn observer_of(event_type: &str) -> Option<&str> {
    let rest = event_type.strip_prefix("kernel.")?;
    rest.split_once('.').map(|(observer, _)| observer)
}

fn facts_of(line: &Line<'_>) -> Option<String> {
    let data = line.data.get().strip_suffix('}')?.trim_end();
    let mut facts = String::with_capacity(data.len() + 128);
    facts.push_str(data);
    if !data.ends_with('{') {
        facts.push(',');
    }
    let error = line.error.map(|error| (",\"error\":", error.get()));
    let id = (",\"id\":\"", line.id);
    facts.push_str("\"outcome\":");
    facts.push_str(line.outcome.get());
    for (name, value) in error.into_iter().chain([id]) {
        facts.push_str(name);
        facts.push_str(value);
    }
    facts.push_str("\"}");
    Some(facts)
}

#[cfg(test)]
mod tests;

//! `POST /v1/events`: a batch of evidence, taken whole or refused whole.
//!
//! An event's facts stay the text they came as: checked for grammar and for reasoning keys in the
//! one pass that reads the batch, and never made into a tree.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use crate::error::WireError;
use crate::json::{Fault, Kind, Reader, read_body};
use crate::names::EventSeverity;
use crate::payload::{Read, payload};
use crate::raw;
use crate::reasoning::pass_facts;
use crate::values::{Generation, Text, WireVersion};

/// What the type of every event begins with.
pub const EVENT_TYPE_PREFIX: &str = "kernel.";

payload! {
    pub struct EventBatch<'a> Part {
        wire_version: WireVersion, required;
        agent_id: Text<'a>, required;
        node_name: Text<'a>, required;
        sequence: u64, required;
        sent_at_unix_nanos: u64, required;
        events: Vec<WireEvent<'a>>, required;
    }
}

payload! {
    pub struct WireEvent<'a> Part {
        event_type as "type": EventType<'a>, required;
        timestamp_unix_nanos: u64, required;
        observer: Text<'a>, required;
        severity: EventSeverity, required;
        facts: Facts<'a>, required;
        /// The occurrence's id.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<Text<'a>>, optional;
    }
}

payload! {
    pub struct EventsResponse Body {
        wire_version: WireVersion, required;
        accepted: u64, required;
        rejected: u64, required;
        next_config_version: Generation, required;
    }
}

impl<'a> EventBatch<'a> {
    /// Reads and checks a whole body, of 1 to `events_max` events.
    pub fn parse(body: &'a [u8], events_max: u64) -> Result<Self, WireError> {
        let batch: Self = read_body(body, Kind::Body, Self::read)?;
        let len = u64::try_from(batch.events.len()).unwrap_or(u64::MAX);
        if (1..=events_max).contains(&len) {
            return Ok(batch);
        }
        let what = format!("must hold 1 to {events_max} events, not {len}");
        Err(Fault::invalid(what).at_field("events").into())
    }

    /// How many events a refused body held; none if that cannot be told.
    pub fn count_events(body: &[u8]) -> u64 {
        let count = |reader: &mut Reader<'_>| {
            let mut events = 0;
            reader.object(|reader, key| match &*key {
                "events" => reader.array(|reader, _| {
                    events += 1;
                    reader.skip()
                }),
                _ => reader.skip(),
            })?;
            Ok(events)
        };
        read_body(body, Kind::Unversioned, count).unwrap_or(0)
    }
}

impl<'a> Read<'a> for Vec<WireEvent<'a>> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let mut events = Vec::new();
        reader.array(|reader, _| {
            events.push(WireEvent::read(reader)?);
            Ok(())
        })?;
        Ok(events)
    }
}

/// `kernel.<observer>.<anomaly>`; the anomaly may be one this build does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventType<'a>(pub Text<'a>);

impl<'a> Read<'a> for EventType<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        Text::read(reader).map(Self)
    }

    fn is_blank(&self) -> bool {
        self.0.is_blank()
    }

    fn check(&self) -> Result<(), Fault> {
        if !self.0.starts_with(EVENT_TYPE_PREFIX) {
            return Err(Fault::invalid("must begin with \"kernel.\""));
        }
        self.0.check()
    }
}

/// The facts of one event: any JSON, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts<'a>(Cow<'a, str>);

impl<'a> Facts<'a> {
    /// Facts to be sent. That `text` is JSON is checked when it is written.
    pub fn from_json(text: impl Into<Cow<'a, str>>) -> Self {
        Self(text.into())
    }

    /// As received, white space between the tokens included.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Appends the facts to a line of JSON. A line break in them can only be white space between
    /// tokens, and becomes a blank.
    pub fn write_on_one_line(&self, line: &mut Vec<u8>) {
        let from = line.len();
        line.extend_from_slice(self.0.as_bytes());
        for byte in &mut line[from..] {
            if matches!(*byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }
}

impl Serialize for Facts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        raw::serialize(self.0.as_bytes(), serializer)
    }
}

impl<'a> Read<'a> for Facts<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let text = reader.raw(pass_facts)?;
        Ok(Self(text.into()))
    }
}

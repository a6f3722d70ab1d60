//! The occurrence: one claim about one failure, as every sink gets it and every reader finds it.
//!
//! A field that was not seen is absent and named in `data.not_observed`, never zero. There is no
//! reasoning field, here or anywhere. The agent writes a line straight to bytes ([`write_line`],
//! about a microsecond each); who reads evidence gets the same line as an [`Occurrence`].

mod json;
mod line;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalogue::{Anomaly, Outcome, Severity};
use crate::time::Timestamp;

pub use line::{Facts, Head, Members, NOT_OBSERVED_MAX, write_line};

/// Who says so, in every occurrence.
pub const SOURCE: &str = "tapio";
/// The version of the occurrence's own shape.
pub const PROTOCOL_VERSION: &str = "1.0";

/// The error as the kernel named it: `ECONNREFUSED` and what that means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorFact<'a> {
    pub code: Cow<'a, str>,
    pub message: Cow<'a, str>,
}

/// Where it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    pub node: String,
}

/// One occurrence as a reader finds it, in the order in which it is written.
///
/// The type is text: evidence of a newer agent may hold types this build does not know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Occurrence {
    pub id: String,
    pub timestamp: Timestamp,
    pub source: String,
    #[serde(rename = "type")]
    pub event_type: String,
    pub protocol_version: String,
    pub severity: Severity,
    pub outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorFact<'static>>,
    pub context: Context,
    pub data: Map<String, Value>,
}

impl Occurrence {
    pub fn anomaly(&self) -> Option<Anomaly> {
        Anomaly::from_event_type(&self.event_type)
    }
}

#[cfg(test)]
mod tests;

//! The occurrence: one claim about one failure, as every sink gets it.
//!
//! A field that was not seen is absent and named in `not_observed`, never zero. There is no
//! reasoning field, here or anywhere. Building one needs an id, a moment and the facts; this
//! module asks no clock and no kernel.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::catalogue::{Anomaly, Outcome, Severity};
use crate::time::Timestamp;

/// Who says so, in every occurrence.
pub const SOURCE: &str = "tapio";
/// The version of the occurrence's own shape.
pub const PROTOCOL_VERSION: &str = "1.0";

/// The error as the kernel named it: `ECONNREFUSED` and what that means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorFact {
    pub code: String,
    pub message: String,
}

/// Where it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Context {
    pub node: String,
}

/// One occurrence, in the order in which it is written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Occurrence {
    pub id: String,
    pub timestamp: Timestamp,
    pub source: &'static str,
    #[serde(rename = "type")]
    pub event_type: &'static str,
    pub protocol_version: &'static str,
    pub severity: Severity,
    pub outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorFact>,
    pub context: Context,
    pub data: Map<String, Value>,
}

impl Occurrence {
    pub fn anomaly(&self) -> Option<Anomaly> {
        Anomaly::from_event_type(self.event_type)
    }
}

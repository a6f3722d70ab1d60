//! What of a line decides whether it is chosen: read without building a tree of it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};
use tapio_common::catalogue::Severity;
use tapio_common::time::Timestamp;

/// The fields that questions are about.
#[derive(Debug, Deserialize)]
pub struct Event<'a> {
    pub timestamp: Timestamp,
    #[serde(rename = "type", borrow)]
    pub event_type: Cow<'a, str>,
    #[serde(borrow)]
    severity: Cow<'a, str>,
    #[serde(borrow, default)]
    pub data: Data<'a>,
}

/// Of its facts, whose it was.
#[derive(Debug, Default, Deserialize)]
pub struct Data<'a> {
    pub pid: Option<u64>,
    #[serde(borrow)]
    pub container_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub pod_uid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub systemd_unit: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub cgroup_path: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub comm: Option<Cow<'a, str>>,
}

impl<'a> Event<'a> {
    /// `None` for a line that is no occurrence.
    pub fn of(line: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// `None` for one this build does not know.
    pub fn severity(&self) -> Option<Severity> {
        Severity::from_name(&self.severity)
    }

    pub fn observer(&self) -> &str {
        self.event_type.split('.').nth(1).unwrap_or("")
    }
}

/// A whole occurrence, for the few that are shown.
#[derive(Debug)]
pub struct Shown {
    pub timestamp: Timestamp,
    pub event_type: String,
    pub severity: Option<Severity>,
    /// Its code and its message.
    pub error: Option<(String, String)>,
    pub data: Map<String, Value>,
}

impl Shown {
    /// `None` for a line that is no occurrence.
    pub fn of(line: &[u8]) -> Option<Self> {
        let mut tree: Value = serde_json::from_slice(line).ok()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let error = tree.get("error");
        let error = error.and_then(|error| Some((text(&error["code"])?, text(&error["message"])?)));
        let Value::Object(data) = tree["data"].take() else {
            return None;
        };
        Some(Self {
            timestamp: Timestamp::from_rfc3339(tree["timestamp"].as_str()?)?,
            event_type: text(&tree["type"])?,
            severity: tree["severity"].as_str().and_then(Severity::from_name),
            error,
            data,
        })
    }
}

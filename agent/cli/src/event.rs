//! What of a line decides whether it is chosen: read without building a tree of it.

use std::borrow::Cow;

use serde::Deserialize;
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

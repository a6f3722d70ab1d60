//! What the controller keeps of a heartbeat, in the form in which it is echoed.
//!
//! A heartbeat is kept as the very members it will be in `/v1/status`: one allocation for each
//! agent, shared rather than copied into a snapshot, and written out as it is. A status of ten
//! thousand agents is then mostly memory copied.

use std::sync::Arc;

use serde::Serialize;

use super::{SequenceStatus, Status};
use crate::heartbeat::Heartbeat;

/// The members `reported_config_version` to `evidence_head` of one agent, as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo(Arc<[u8]>);

/// The same members of an agent that has sent no heartbeat yet.
const NOTHING_REPORTED: &[u8] = concat!(
    r#""reported_config_version":null,"reported_config_hash":null,"reported_counters":null,"#,
    r#""observers":{},"degraded_reasons":[]"#
)
.as_bytes();

impl Echo {
    pub fn of(heartbeat: &Heartbeat<'_>) -> serde_json::Result<Self> {
        let ledger_len = heartbeat
            .ledger
            .as_ref()
            .map_or(0, |ledger| ledger.as_str().len());
        let mut json = Vec::with_capacity(1_024 + ledger_len);
        let out = &mut json;
        member(out, "reported_config_version", &heartbeat.config_version)?;
        member(out, "reported_config_hash", &heartbeat.config_hash)?;
        member(out, "reported_counters", &heartbeat.counters)?;
        member(out, "observers", &heartbeat.observers)?;
        member(out, "degraded_reasons", &heartbeat.degraded_reasons)?;
        if !heartbeat.observer_reasons.is_empty() {
            member(out, "observer_reasons", &heartbeat.observer_reasons)?;
        }
        if let Some(failure) = &heartbeat.config_last_failed {
            member(out, "config_last_failed", failure)?;
        }
        if let Some(ledger) = &heartbeat.ledger {
            name(out, "ledger");
            out.extend_from_slice(ledger.as_str().as_bytes());
        }
        if let Some(head) = &heartbeat.evidence_head {
            member(out, "evidence_head", head)?;
        }
        Ok(Self(json.into()))
    }

    /// The members as they will stand in the status.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

fn name(json: &mut Vec<u8>, name: &str) {
    if !matches!(json.last(), None | Some(b'{')) {
        json.push(b',');
    }
    json.push(b'"');
    json.extend_from_slice(name.as_bytes());
    json.extend_from_slice(b"\":");
}

fn member(json: &mut Vec<u8>, key: &str, value: &impl Serialize) -> serde_json::Result<()> {
    name(json, key);
    serde_json::to_writer(json, value)
}

/// One agent, as the controller knows it: an [`super::AgentStatus`] about to be written.
#[derive(Debug, Clone)]
pub struct AgentRow<'a> {
    pub agent_id: &'a str,
    pub node_name: &'a str,
    pub tapio_version: &'a str,
    pub registered_at_unix: u64,
    pub last_heartbeat_age_seconds: Option<u64>,
    pub reported: Option<&'a Echo>,
    pub sequence: SequenceStatus,
}

impl AgentRow<'_> {
    pub fn write(&self, json: &mut Vec<u8>) -> serde_json::Result<()> {
        json.push(b'{');
        member(json, "agent_id", &self.agent_id)?;
        member(json, "node_name", &self.node_name)?;
        member(json, "tapio_version", &self.tapio_version)?;
        member(json, "registered_at_unix", &self.registered_at_unix)?;
        let age = &self.last_heartbeat_age_seconds;
        member(json, "last_heartbeat_age_seconds", age)?;
        json.push(b',');
        json.extend_from_slice(self.reported.map_or(NOTHING_REPORTED, Echo::as_bytes));
        member(json, "sequence", &self.sequence)?;
        json.push(b'}');
        Ok(())
    }
}

/// Writes a status up to the bracket that opens its agents; those of `head` itself are left out.
pub fn write_status_head(json: &mut Vec<u8>, head: &Status<'_>) -> serde_json::Result<()> {
    json.push(b'{');
    member(json, "wire_version", &head.wire_version)?;
    member(json, "controller_id", &head.controller_id)?;
    member(json, "started_at_unix", &head.started_at_unix)?;
    member(json, "config", &head.config)?;
    member(json, "totals", &head.totals)?;
    name(json, "agents");
    json.push(b'[');
    Ok(())
}

/// What follows the last agent.
pub const STATUS_END: &[u8] = b"]}";

/// Writes a whole status: `head` and then the rows, in the order in which they are to stand. For
/// a fleet, the three parts are written one by one as they are sent.
pub fn write_status<'a>(
    head: &Status<'_>,
    rows: impl IntoIterator<Item = AgentRow<'a>>,
) -> serde_json::Result<Vec<u8>> {
    let mut json = Vec::new();
    write_status_head(&mut json, head)?;
    for (at, row) in rows.into_iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        row.write(&mut json)?;
    }
    json.extend_from_slice(STATUS_END);
    Ok(json)
}

#[cfg(test)]
mod tests;

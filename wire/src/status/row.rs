//! The status as it is written: a head, a row for each agent, and an end.
//!
//! A fleet's status is sent while it is made, so the three are written one by one; a test holds
//! them equal to what the table of the payload serialises.

use serde::Serialize;

use super::{Echo, SequenceStatus, Status};
use crate::pack::write_text;

/// What an echo says, of an agent that has sent no heartbeat yet.
const NOTHING_REPORTED: &[u8] = concat!(
    r#""reported_config_version":null,"reported_config_hash":null,"reported_counters":null,"#,
    r#""observers":{},"degraded_reasons":[]"#
)
.as_bytes();

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
        json.extend_from_slice(b"{\"agent_id\":");
        write_text(json, self.agent_id);
        json.extend_from_slice(b",\"node_name\":");
        write_text(json, self.node_name);
        json.extend_from_slice(b",\"tapio_version\":");
        write_text(json, self.tapio_version);
        json.extend_from_slice(b",\"registered_at_unix\":");
        serde_json::to_writer(&mut *json, &self.registered_at_unix)?;
        json.extend_from_slice(b",\"last_heartbeat_age_seconds\":");
        serde_json::to_writer(&mut *json, &self.last_heartbeat_age_seconds)?;
        json.push(b',');
        match self.reported {
            Some(echo) => echo.write(json),
            None => json.extend_from_slice(NOTHING_REPORTED),
        }
        json.extend_from_slice(b",\"sequence\":");
        serde_json::to_writer(&mut *json, &self.sequence)?;
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
    json.extend_from_slice(b",\"agents\":[");
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

fn member(json: &mut Vec<u8>, name: &str, value: &impl Serialize) -> serde_json::Result<()> {
    if json.last() != Some(&b'{') {
        json.push(b',');
    }
    json.push(b'"');
    json.extend_from_slice(name.as_bytes());
    json.extend_from_slice(b"\":");
    serde_json::to_writer(json, value)
}

#[cfg(test)]
mod tests;

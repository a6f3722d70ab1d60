//! What the controller keeps of a heartbeat, in the form in which it is echoed.
//!
//! A heartbeat is kept as the very members it will be in `/v1/status`, packed: one allocation for
//! each agent, shared rather than copied into a snapshot. A status of ten thousand agents is then
//! mostly memory copied.

use std::sync::Arc;

use serde::Serialize;

use crate::error::WireError;
use crate::heartbeat::Heartbeat;
use crate::json::Fault;
use crate::ledger::PackedLedger;
use crate::limits::ECHO_BYTES_MAX;
use crate::pack::{unpack, write_name};

/// The members `reported_config_version` to `evidence_head` of one agent, as packed JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo(Arc<[u8]>);

impl Echo {
    /// Refuses a heartbeat of which more than [`ECHO_BYTES_MAX`] would have to be kept.
    pub fn of(heartbeat: &Heartbeat<'_>) -> Result<Self, WireError> {
        let packed = pack(heartbeat).map_err(|_| WireError::internal())?;
        if packed.len() > ECHO_BYTES_MAX {
            let what = format!("says more than the {ECHO_BYTES_MAX} bytes that are kept of one");
            return Err(Fault::invalid(what).at_field("heartbeat").into());
        }
        Ok(Self(packed.into()))
    }

    /// Appends the members as they stand in the status, without a comma before or behind.
    pub fn write(&self, json: &mut Vec<u8>) {
        unpack(&self.0, json);
    }

    /// Bytes that keeping it takes.
    pub fn bytes(&self) -> usize {
        self.0.len()
    }
}

/// The members as they are kept.
fn pack(heartbeat: &Heartbeat<'_>) -> serde_json::Result<Vec<u8>> {
    let ledger = heartbeat.ledger.as_ref().map(PackedLedger::packed);
    let mut packed = Vec::with_capacity(1_024 + ledger.map_or(0, <[u8]>::len));
    let out = &mut packed;
    member(out, "reported_config_version", &heartbeat.config_version)?;
    member(out, "reported_config_hash", &heartbeat.config_hash)?;
    object(out, "reported_counters", heartbeat.counters.rows())?;
    object(out, "observers", heartbeat.observers.0.iter())?;
    member(out, "degraded_reasons", &heartbeat.degraded_reasons)?;
    if !heartbeat.observer_reasons.is_empty() {
        object(out, "observer_reasons", heartbeat.observer_reasons.iter())?;
    }
    if let Some(failure) = &heartbeat.config_last_failed {
        member(out, "config_last_failed", failure)?;
    }
    if let Some(ledger) = ledger {
        write_name(out, "ledger");
        out.extend_from_slice(ledger);
    }
    if let Some(head) = &heartbeat.evidence_head {
        let members = [("seal", &head.seal), ("sha256", &head.sha256)];
        object(out, "evidence_head", members)?;
    }
    Ok(packed)
}

/// A member of which only the name is packed.
fn member(packed: &mut Vec<u8>, name: &str, value: &impl Serialize) -> serde_json::Result<()> {
    write_name(packed, name);
    serde_json::to_writer(packed, value)
}

/// A member that is an object, the names in which are packed too.
fn object<'n, V: Serialize>(
    packed: &mut Vec<u8>,
    name: &str,
    members: impl IntoIterator<Item = (&'n str, V)>,
) -> serde_json::Result<()> {
    write_name(packed, name);
    packed.push(b'{');
    for (name, value) in members {
        member(packed, name, &value)?;
    }
    packed.push(b'}');
    Ok(())
}

//! `GET /v1/status`: what the controller knows, as facts: ages and counters, no verdicts.

mod echo;
mod row;

pub use echo::Echo;
pub use row::{AgentRow, STATUS_END, write_status, write_status_head};

use crate::heartbeat::{ConfigFailure, Counters, EvidenceHead};
use crate::json::{Fault, Reader};
use crate::ledger::PackedLedger;
use crate::names::ObserverStatus;
use crate::payload::{Read, payload};
use crate::values::{Generation, Names, Pairs, Text, WireVersion};

payload! {
    pub struct Status<'a> Body {
        wire_version: WireVersion, required;
        controller_id: Text<'a>, required;
        started_at_unix: u64, required;
        config: StatusConfig<'a>, required;
        totals: Totals, required;
        /// Sorted by `agent_id`.
        agents: Vec<AgentStatus<'a>>, required;
    }
}

payload! {
    /// The config that is served now.
    #[derive(Eq)]
    pub struct StatusConfig<'a> Part {
        version: Generation, required;
        config_hash: Text<'a>, required;
    }
}

payload! {
    /// Since the controller started, over all agents.
    #[derive(Copy, Default, Eq)]
    pub struct Totals Part {
        accepted_events_total: u64, required;
        rejected_events_total: u64, required;
        batches_accepted_total: u64, required;
        batches_rejected_total: u64, required;
    }
}

payload! {
    /// One agent: its registration, what its newest heartbeat said, and its batches. What no
    /// heartbeat has said yet is null.
    pub struct AgentStatus<'a> Unversioned {
        agent_id: Text<'a>, required;
        node_name: Text<'a>, required;
        tapio_version: Text<'a>, required;
        registered_at_unix: u64, required;
        last_heartbeat_age_seconds: Option<u64>, optional;
        reported_config_version: Option<Text<'a>>, optional;
        reported_config_hash: Option<Text<'a>>, optional;
        reported_counters: Option<Counters>, optional;
        observers: Pairs<'a, ObserverStatus>, optional;
        degraded_reasons: Names<'a>, optional;
        #[serde(skip_serializing_if = "Pairs::is_empty")]
        observer_reasons: Pairs<'a, Text<'a>>, optional;
        #[serde(skip_serializing_if = "Option::is_none")]
        config_last_failed: Option<ConfigFailure<'a>>, optional;
        #[serde(skip_serializing_if = "Option::is_none")]
        ledger: Option<PackedLedger>, optional;
        #[serde(skip_serializing_if = "Option::is_none")]
        evidence_head: Option<EvidenceHead<'a>>, optional;
        sequence: SequenceStatus, required;
    }
}

payload! {
    /// The batches of one agent since the controller knows it.
    #[derive(Copy, Default, Eq)]
    pub struct SequenceStatus Part {
        last_seen: Option<u64>, optional;
        gaps_total: u64, required;
        regressions_total: u64, required;
        duplicates_total: u64, optional;
    }
}

impl<'a> Read<'a> for Vec<AgentStatus<'a>> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let mut agents = Vec::new();
        reader.array(|reader, _| {
            agents.push(AgentStatus::read(reader)?);
            Ok(())
        })?;
        Ok(agents)
    }
}

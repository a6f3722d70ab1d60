//! `POST /v1/agents/heartbeat`: what an agent runs with, how it fares and what it lost.
//!
//! The ledger is packed while it is read: the controller checks its shape, keeps it and echoes it,
//! and only those who ask for its rows unpack it.

use crate::json::{Fault, Reader};
use crate::ledger::PackedLedger;
use crate::names::ObserverStatus;
use crate::payload::{Read, payload};
use crate::values::{Generation, Names, Pairs, Text, WireVersion};

/// The reason an agent gives for being degraded before it has applied any config.
pub const REASON_UNCONFIGURED: &str = "unconfigured";
/// The reason while it runs on the config it kept from an earlier run.
pub const REASON_CACHED_CONFIG: &str = "cached_config";

payload! {
    pub struct Heartbeat<'a> Body {
        wire_version: WireVersion, required;
        agent_id: Text<'a>, required;
        node_name: Text<'a>, required;
        /// Generation of the config applied; "0" before any.
        config_version: Text<'a>, required;
        /// Hash of the config applied, not of the one last fetched; "" before any.
        config_hash: Text<'a>, optional;
        uptime_seconds: u64, required;
        observers: Observers<'a>, required;
        counters: Counters, required;
        degraded_reasons: Names<'a>, optional;
        #[serde(skip_serializing_if = "Option::is_none")]
        ledger: Option<PackedLedger>, optional;
        #[serde(skip_serializing_if = "Option::is_none")]
        evidence_head: Option<EvidenceHead<'a>>, optional;
        #[serde(skip_serializing_if = "Option::is_none")]
        config_last_failed: Option<ConfigFailure<'a>>, optional;
        /// Why an observer is degraded or failed.
        #[serde(skip_serializing_if = "Pairs::is_empty")]
        observer_reasons: Pairs<'a, Text<'a>>, optional;
    }
}

payload! {
    pub struct HeartbeatResponse Body {
        wire_version: WireVersion, required;
        /// False: this controller does not know the agent, which says hello again at once.
        accepted: bool, required;
        next_config_version: Generation, required;
    }
}

payload! {
    /// Totals since the agent started.
    #[derive(Copy, Default, Eq)]
    pub struct Counters Part {
        events_total: u64, required;
        malformed_events_total: u64, required;
        lost_events_total: u64, required;
        correlation_drops_total: u64, required;
        sink_drops_total: u64, required;
        controller_send_failures_total: u64, required;
    }
}

impl Counters {
    /// Every counter with its name.
    pub fn rows(&self) -> [(&'static str, u64); 6] {
        [
            ("events_total", self.events_total),
            ("malformed_events_total", self.malformed_events_total),
            ("lost_events_total", self.lost_events_total),
            ("correlation_drops_total", self.correlation_drops_total),
            ("sink_drops_total", self.sink_drops_total),
            (
                "controller_send_failures_total",
                self.controller_send_failures_total,
            ),
        ]
    }
}

payload! {
    /// Name and SHA-256 of the newest seal of the agent's evidence directory.
    #[derive(Eq)]
    pub struct EvidenceHead<'a> Part {
        seal: Text<'a>, required;
        sha256: Text<'a>, required;
    }
}

payload! {
    /// A config that was fetched and could not be applied.
    #[derive(Eq)]
    pub struct ConfigFailure<'a> Part {
        config_hash: Text<'a>, required;
        reason: Text<'a>, required;
    }
}

/// The status of each observer; there is at least one.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Observers<'a>(pub Pairs<'a, ObserverStatus>);

impl<'a> Read<'a> for Observers<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        Pairs::read(reader).map(Self)
    }

    fn check(&self) -> Result<(), Fault> {
        if self.0.is_empty() {
            return Err(Fault::invalid("must name at least one observer"));
        }
        Ok(())
    }
}

//! The heartbeat's content, from what the agent counts and runs with. Pure.

use tapio_common::evidence::seal::Head;
use tapio_common::ledger::Ledger;
use tapio_wire::Heartbeat;
use tapio_wire::heartbeat::{
    ConfigFailure, Counters, EvidenceHead, Observers, REASON_CACHED_CONFIG, REASON_UNCONFIGURED,
};
use tapio_wire::ledger::PackedLedger;
use tapio_wire::limits::IDENTIFIER_BYTES_MAX;
use tapio_wire::names::ObserverStatus;
use tapio_wire::values::{Names, Pairs, Text, WireVersion};

use super::link::Link;
use crate::config::NamedConfig;
use crate::kernel::{LoadedObserver, Status};
use crate::looking::is_enabled;

/// What a heartbeat is made of.
pub struct Report<'a> {
    pub link: &'a Link,
    pub uptime_seconds: u64,
    pub observers: &'a [LoadedObserver],
    pub named: Option<&'a NamedConfig>,
    /// The config is an earlier run's, and no controller has confirmed it in this one.
    pub is_cached: bool,
    /// Hash and reason of a config that was kept out.
    pub failed: Option<&'a (String, String)>,
    pub head: Option<&'a Head>,
    pub ledger: &'a Ledger,
    pub send_failures: u64,
}

impl<'a> Report<'a> {
    pub fn heartbeat(&self) -> Heartbeat<'a> {
        let reason = match (self.named, self.is_cached) {
            (None, _) => Some(REASON_UNCONFIGURED),
            (Some(_), true) => Some(REASON_CACHED_CONFIG),
            (Some(_), false) => None,
        };
        Heartbeat {
            wire_version: WireVersion,
            agent_id: self.link.agent_id.as_str().into(),
            node_name: self.link.node_name.as_str().into(),
            config_version: self
                .named
                .map_or(0, |named| named.generation)
                .to_string()
                .into(),
            config_hash: self.named.map_or("", |named| named.hash.as_str()).into(),
            uptime_seconds: self.uptime_seconds,
            observers: Observers(Pairs(
                self.each(|loaded| Some(status_of(loaded, self.named))),
            )),
            counters: counters(self.ledger, self.send_failures),
            degraded_reasons: Names(reason.into_iter().map(Text::from).collect()),
            // It is of our own making; what the wire would refuse of it is left out, not sent.
            ledger: PackedLedger::try_from(self.ledger).ok(),
            evidence_head: self.head.map(|head| EvidenceHead {
                seal: head.seal.clone().into(),
                sha256: head.sha256.to_string().into(),
            }),
            config_last_failed: self.failed.map(|(hash, reason)| ConfigFailure {
                config_hash: hash.as_str().into(),
                reason: reason.as_str().into(),
            }),
            observer_reasons: Pairs(self.each(|loaded| match &loaded.status {
                Status::Running => None,
                Status::Degraded(reason) | Status::Failed(reason) => {
                    Some(identifier(reason).into())
                }
            })),
        }
    }

    fn each<V>(&self, of: impl Fn(&LoadedObserver) -> Option<V>) -> Vec<(Text<'a>, V)> {
        self.observers
            .iter()
            .filter_map(|loaded| Some((loaded.observer.name().into(), of(loaded)?)))
            .collect()
    }
}

fn status_of(loaded: &LoadedObserver, named: Option<&NamedConfig>) -> ObserverStatus {
    let is_on = named.is_some_and(|named| is_enabled(loaded.observer, &named.config));
    match &loaded.status {
        Status::Failed(_) => ObserverStatus::Failed,
        Status::Running | Status::Degraded(_) if !is_on => ObserverStatus::Disabled,
        Status::Degraded(_) => ObserverStatus::Degraded,
        Status::Running => ObserverStatus::Running,
    }
}

fn counters(ledger: &Ledger, send_failures: u64) -> Counters {
    let mut counters = Counters {
        controller_send_failures_total: send_failures,
        ..Counters::default()
    };
    for row in ledger.types.values() {
        counters.events_total += row.received;
        counters.lost_events_total += row.lost + row.queue_drops;
        counters.correlation_drops_total += row.ambiguous;
    }
    for row in ledger.observers.values() {
        counters.malformed_events_total += row.malformed;
    }
    for row in ledger.sinks.values() {
        counters.sink_drops_total += row.dropped_total();
    }
    counters
}

/// A reason as the wire takes it: on one line, and not too long.
pub fn identifier(reason: &str) -> String {
    let mut text: String = reason
        .chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect();
    let mut end = text.len().min(IDENTIFIER_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests;

//! Payloads of tapio-wire/v1, written from its page and not from our structs.
//!
//! Each is valid as it stands; a test bends the field it is about. The full heartbeat is the one
//! our own agent sends: every type has a row in the ledger and there is evidence to anchor.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tapio_common::catalogue::{Anomaly, Observer};
use tapio_common::ledger::{FORMAT, Ledger, ObserverCounts, SinkCounts, TypeCounts};

pub const HELLO: &str = "/v1/agents/hello";
pub const CONFIG: &str = "/v1/agents/config";
pub const HEARTBEAT: &str = "/v1/agents/heartbeat";
pub const EVENTS: &str = "/v1/events";
pub const STATUS: &str = "/v1/status";

pub const VERSION: &str = "tapio-wire/v1";

/// The hash of the production-default config, as deployed controllers serve it.
pub const DEFAULT_HASH: &str =
    "sha256:845b719f50052b222e79a6f0a9e091e4fe5cc62f8049f7a9089cf20175f5ddef";

pub fn hello(agent_id: &str) -> Value {
    json!({
        "wire_version": VERSION,
        "agent_id": agent_id,
        "node_name": format!("node-of-{agent_id}"),
        "tapio_version": "0.1.0",
        "kernel_release": "6.12.0-1-amd64",
        "arch": "x86_64",
        "capabilities": ["network", "container"],
        "object_sizes": {"network": 20480},
        "map_counts": {"network": 7},
    })
}

/// Only what v1 requires.
pub fn heartbeat(agent_id: &str) -> Value {
    json!({
        "wire_version": VERSION,
        "agent_id": agent_id,
        "node_name": format!("node-of-{agent_id}"),
        "config_version": "1",
        "uptime_seconds": 4711,
        "observers": {"network": "running", "storage": "running"},
        "counters": {
            "events_total": 6,
            "malformed_events_total": 5,
            "lost_events_total": 4,
            "correlation_drops_total": 3,
            "sink_drops_total": 2,
            "controller_send_failures_total": 1,
        },
    })
}

/// All that our agent says, with every type of the catalogue in its ledger.
///
/// # Panics
/// When the ledger is no JSON, which it is.
pub fn full_heartbeat(agent_id: &str) -> Value {
    let mut payload = heartbeat(agent_id);
    payload["config_hash"] = DEFAULT_HASH.into();
    payload["observers"] = json!({
        "network": "running", "storage": "running", "container": "running", "node": "degraded",
    });
    payload["observer_reasons"] = json!({"node": "no_pmu"});
    payload["degraded_reasons"] = json!(["cached_config"]);
    payload["ledger"] = serde_json::to_value(ledger()).expect("a ledger is JSON");
    payload["evidence_head"] = json!({
        "seal": "2026-11-21T10.jsonl.seal",
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    });
    payload
}

/// A ledger at rest of an agent that has seen every type: each has the rows of a working day, a
/// few have been folded, and one ring was too small once. What is zero is left out, as always.
pub fn ledger() -> Ledger {
    let row = |scale: u64| TypeCounts {
        seen: 1_000 * scale,
        filtered: 350 * scale,
        submitted: 650 * scale,
        received: 650 * scale,
        emitted: 650 * scale,
        ..TypeCounts::default()
    };
    let folded = |scale: u64| TypeCounts {
        summaries: scale,
        aggregated: 300 * scale,
        lost: 51 * scale,
        filtered: 0,
        ..row(scale)
    };
    let types: BTreeMap<String, TypeCounts> = Anomaly::ALL
        .iter()
        .zip(1..)
        .map(|(anomaly, scale)| {
            let counts = if scale % 5 == 0 {
                folded(scale)
            } else {
                row(scale)
            };
            (anomaly.event_type().to_owned(), counts)
        })
        .collect();
    let emitted = types.values().map(|counts| counts.emitted).sum::<u64>();
    let observers = Observer::ALL
        .iter()
        .map(|observer| {
            let counts = ObserverCounts {
                missed: Some(3),
                ..ObserverCounts::default()
            };
            (observer.name().to_owned(), counts)
        })
        .collect();
    let sink = |dropped: u64| SinkCounts {
        delivered: emitted - dropped,
        dropped: [("queue_full".to_owned(), dropped)].into(),
        ..SinkCounts::default()
    };
    Ledger {
        format: FORMAT,
        boot_id: "2f1d5a0e-6c0b-4f7e-9d57-0a3b8f1e5c42".to_owned(),
        since_unix_nanos: 1_795_258_800_000_000_000,
        observers,
        types,
        sinks: [
            ("file".to_owned(), sink(1)),
            ("controller".to_owned(), sink(17)),
        ]
        .into(),
    }
}

/// A batch of `count` events.
pub fn batch(agent_id: &str, sequence: u64, count: usize) -> Value {
    let events: Vec<Value> = (0..count).map(event).collect();
    json!({
        "wire_version": VERSION,
        "agent_id": agent_id,
        "node_name": format!("node-of-{agent_id}"),
        "sequence": sequence,
        "sent_at_unix_nanos": 1_795_258_801_000_000_000_u64,
        "events": events,
    })
}

/// One event of some 390 bytes, as an abnormal exit is told: 256 of them make 100 kB.
pub fn event(number: usize) -> Value {
    json!({
        "type": "kernel.container.abnormal_exit",
        "timestamp_unix_nanos": 1_795_258_800_123_456_789_u64,
        "observer": "container",
        "severity": "error",
        "id": format!("01JD6Y5Z8K{number:016}"),
        "facts": {
            "pid": 4711 + number,
            "comm": "worker",
            "exit_code": 1,
            "cgroup_id": 7190,
            "cgroup_path": "/system.slice/worker-pool.slice/worker-4711.service",
            "runtime_ms": 20 + number,
            "cause": "exit_code",
            "config_generation": 1,
            "is_workload_root": true,
            "outcome": "failure",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_of_the_full_heartbeat_is_at_rest() {
        assert_eq!(ledger().check(), []);
        assert_eq!(ledger().types.len(), Anomaly::ALL.len());
        let sent = full_heartbeat("a");
        assert_eq!(
            sent["ledger"]["types"]
                .as_object()
                .map(serde_json::Map::len),
            Some(14)
        );
    }

    #[test]
    fn a_full_batch_is_as_large_as_the_bench_says() {
        let bytes = batch("a", 1, 256).to_string().len();
        assert!((95_000..=105_000).contains(&bytes), "{bytes} bytes");
    }
}

//! `GET /v1/status`: facts and counters, every field of the page, in a fixed order.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tapio_tests::controller::TestController;
use tapio_tests::payload::{self, DEFAULT_HASH};

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970")
        .as_secs()
}

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn a_fresh_controller_has_nothing_to_report() {
    let before = now();
    let controller = TestController::start(&["--controller-id", "c-1"]);
    let status = controller.status();
    let started = status["started_at_unix"].as_u64().expect("seconds");
    assert!((before..=now()).contains(&started), "{started}");
    assert_eq!(
        status,
        json!({
            "wire_version": payload::VERSION,
            "controller_id": "c-1",
            "started_at_unix": started,
            "config": {"version": "1", "config_hash": DEFAULT_HASH},
            "totals": {
                "accepted_events_total": 0, "rejected_events_total": 0,
                "batches_accepted_total": 0, "batches_rejected_total": 0,
            },
            "agents": [],
        })
    );
}

#[test]
fn an_agent_is_told_as_it_told_itself() {
    let before = now();
    let controller = TestController::start(&[]);
    controller.post(payload::HELLO, &payload::hello("a")).ok();
    let mut heartbeat = payload::full_heartbeat("a");
    heartbeat["config_last_failed"] = json!({"config_hash": "sha256:00", "reason": "map_update"});
    controller.post(payload::HEARTBEAT, &heartbeat).ok();
    controller
        .post(payload::EVENTS, &payload::batch("a", 9, 2))
        .ok();
    let agent = controller.agent("a");
    let registered = agent["registered_at_unix"].as_u64().expect("seconds");
    assert!((before..=now()).contains(&registered), "{registered}");
    for (field, wanted) in [
        ("agent_id", json!("a")),
        ("node_name", json!("node-of-a")),
        ("tapio_version", json!("0.1.0")),
        ("reported_config_version", json!("1")),
        ("reported_config_hash", json!(DEFAULT_HASH)),
        ("reported_counters", heartbeat["counters"].clone()),
        ("observers", heartbeat["observers"].clone()),
        ("degraded_reasons", heartbeat["degraded_reasons"].clone()),
        (
            "config_last_failed",
            heartbeat["config_last_failed"].clone(),
        ),
        ("ledger", heartbeat["ledger"].clone()),
        ("evidence_head", heartbeat["evidence_head"].clone()),
    ] {
        assert_eq!(agent[field], wanted, "{field}");
    }
    assert_eq!(agent["sequence"]["last_seen"], 9);
    assert!(agent["last_heartbeat_age_seconds"].is_u64(), "{agent}");
}

#[test]
fn before_the_first_heartbeat_the_fields_of_v1_are_there() {
    let controller = TestController::start(&[]);
    controller.post(payload::HELLO, &payload::hello("a")).ok();
    let agent = controller.agent("a");
    let present = keys(&agent);
    for field in [
        "agent_id",
        "node_name",
        "tapio_version",
        "registered_at_unix",
        "last_heartbeat_age_seconds",
        "reported_config_version",
        "reported_counters",
        "observers",
        "sequence",
    ] {
        assert!(present.contains(&field), "{field} in {agent}");
    }
    let sequence = &agent["sequence"];
    assert_eq!(sequence.get("last_seen"), Some(&Value::Null));
    assert_eq!(
        (&sequence["gaps_total"], &sequence["regressions_total"]),
        (&0.into(), &0.into())
    );
}

#[test]
fn agents_are_sorted_by_their_id_in_bytes() {
    let controller = TestController::start(&[]);
    let mut ids = [
        "b",
        "a",
        "B",
        "a1",
        "a 2",
        "ä",
        "Z",
        "10",
        "9",
        "a-1",
        "\u{10000}",
        "\u{ffff}",
    ];
    for id in ids {
        controller.post(payload::HELLO, &payload::hello(id)).ok();
    }
    ids.sort_unstable();
    let status = controller.status();
    let told: Vec<&str> = status["agents"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|agent| agent["agent_id"].as_str())
        .collect();
    assert_eq!(told, ids);
}

#[test]
fn no_verdict_is_told() {
    let controller = TestController::start(&[]);
    controller.post(payload::HELLO, &payload::hello("a")).ok();
    controller
        .post(payload::HEARTBEAT, &payload::heartbeat("a"))
        .ok();
    let status = controller.status();
    for level in [
        &status,
        &status["agents"][0],
        &status["totals"],
        &status["config"],
    ] {
        for key in keys(level) {
            for verdict in [
                "health",
                "stale",
                "alive",
                "ok",
                "state",
                "converged",
                "verdict",
                "score",
            ] {
                assert!(!key.contains(verdict), "{key} is a verdict");
            }
        }
    }
}

#[test]
fn event_payloads_are_not_retained() {
    let controller = TestController::start(&[]);
    controller.post(payload::HELLO, &payload::hello("a")).ok();
    let mut batch = payload::batch("a", 1, 1);
    batch["events"][0]["facts"]["comm"] = "find-me-again".into();
    controller.post(payload::EVENTS, &batch).ok();
    for target in [payload::STATUS, "/metrics"] {
        assert!(
            !controller.get(target).text().contains("find-me-again"),
            "{target}"
        );
    }
}

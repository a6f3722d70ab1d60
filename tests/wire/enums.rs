//! A newer sender's variant fails nothing, and is echoed as it was received.

use serde_json::json;
use tapio_tests::controller::TestController;
use tapio_tests::payload;

use crate::refusal::{self, MALFORMED};

#[test]
fn observer_states_are_echoed_as_received() {
    let controller = TestController::start(&[]);
    controller.post(payload::HELLO, &payload::hello("a")).ok();
    let observers = json!({
        "network": "running",
        "storage": "disabled",
        "container": "degraded",
        "node": "failed",
        "gpu": "warming_up",
        "disk": "RUNNING",
        "later": "unknown",
    });
    let mut body = payload::heartbeat("a");
    body["observers"] = observers.clone();
    assert_eq!(
        controller.post(payload::HEARTBEAT, &body).ok()["accepted"],
        true
    );
    assert_eq!(controller.agent("a")["observers"], observers);
}

#[test]
fn severities_known_or_not_fail_no_batch() {
    let controller = TestController::start(&[]);
    for (sequence, severity) in [
        "debug", "info", "warning", "error", "critical", "fatal", "ERROR",
    ]
    .into_iter()
    .enumerate()
    {
        let mut batch = payload::batch("a", u64::try_from(sequence).expect("small"), 2);
        batch["events"][0]["severity"] = severity.into();
        assert_eq!(
            controller.post(payload::EVENTS, &batch).ok()["accepted"],
            2,
            "{severity}"
        );
    }
}

#[test]
fn degraded_reasons_are_echoed_as_received() {
    let controller = TestController::start(&[]);
    controller.post(payload::HELLO, &payload::hello("a")).ok();
    let mut body = payload::heartbeat("a");
    body["degraded_reasons"] = json!(["unconfigured", "cached_config", "from_the_future"]);
    controller.post(payload::HEARTBEAT, &body).ok();
    assert_eq!(
        controller.agent("a")["degraded_reasons"],
        body["degraded_reasons"]
    );
}

#[test]
fn an_enum_is_text_all_the_same() {
    let controller = TestController::start(&[]);
    for state in [
        json!(1),
        json!(true),
        json!(["running"]),
        json!({"running": 1}),
        json!(null),
    ] {
        let mut body = payload::heartbeat("a");
        body["observers"]["network"] = state;
        refusal::expect(&controller.post(payload::HEARTBEAT, &body), MALFORMED, "");
    }
    let mut batch = payload::batch("a", 1, 1);
    batch["events"][0]["severity"] = json!(3);
    refusal::expect(&controller.post(payload::EVENTS, &batch), MALFORMED, "");
}

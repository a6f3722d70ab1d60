//! `POST /v1/agents/heartbeat`: what is stored, for whom, and how its age is told.

use serde_json::{Value, json};
use tapio_tests::controller::TestController;
use tapio_tests::deadline::{SOON, wait_for};
use tapio_tests::payload;

use crate::refusal::{self, INVALID};

#[test]
fn the_answer_says_which_config_is_next() {
    let controller = TestController::start(&[]);
    controller.post(payload::HELLO, &payload::hello("a")).ok();
    assert_eq!(
        controller
            .post(payload::HEARTBEAT, &payload::heartbeat("a"))
            .ok(),
        json!({"wire_version": payload::VERSION, "accepted": true, "next_config_version": "1"})
    );
}

#[test]
fn an_agent_that_never_said_hello_is_answered_so_and_not_stored() {
    let controller = TestController::start(&[]);
    let answer = controller
        .post(payload::HEARTBEAT, &payload::full_heartbeat("a"))
        .ok();
    assert_eq!(answer["accepted"], false);
    assert_eq!(answer["next_config_version"], "1");
    assert_eq!(controller.status()["agents"], json!([]));
}

#[test]
fn the_page_of_an_unconfigured_agent_is_taken() {
    let controller = TestController::start(&[]);
    controller.post(payload::HELLO, &payload::hello("a")).ok();
    let mut body = payload::heartbeat("a");
    body["config_version"] = "0".into();
    body["config_hash"] = "".into();
    body["degraded_reasons"] = json!(["unconfigured"]);
    assert_eq!(
        controller.post(payload::HEARTBEAT, &body).ok()["accepted"],
        true
    );
    let agent = controller.agent("a");
    assert_eq!(agent["reported_config_version"], "0");
    assert_eq!(agent["reported_config_hash"], "");
    assert_eq!(agent["degraded_reasons"], json!(["unconfigured"]));
}

#[test]
fn at_least_one_observer_is_named() {
    let controller = TestController::start(&[]);
    let mut body = payload::heartbeat("a");
    body["observers"] = json!({});
    refusal::expect(
        &controller.post(payload::HEARTBEAT, &body),
        INVALID,
        "observers",
    );
}

#[test]
fn a_heartbeat_replaces_the_one_before_whole() {
    let controller = TestController::start(&[]);
    controller.post(payload::HELLO, &payload::hello("a")).ok();
    controller
        .post(payload::HEARTBEAT, &payload::full_heartbeat("a"))
        .ok();
    let mut minimal = payload::heartbeat("a");
    minimal["counters"]["events_total"] = 0.into();
    controller.post(payload::HEARTBEAT, &minimal).ok();
    let agent = controller.agent("a");
    assert_eq!(agent["reported_counters"]["events_total"], 0);
    assert_eq!(agent["observers"], minimal["observers"]);
    for field in ["ledger", "evidence_head", "config_last_failed"] {
        assert!(
            agent.get(field).is_none_or(Value::is_null),
            "{field} is of the heartbeat before"
        );
    }
}

#[test]
fn hello_alone_has_no_heartbeat_age_and_a_heartbeat_has() {
    let controller = TestController::start(&[]);
    controller.post(payload::HELLO, &payload::hello("a")).ok();
    let agent = controller.agent("a");
    assert_eq!(agent.get("last_heartbeat_age_seconds"), Some(&Value::Null));
    controller
        .post(payload::HEARTBEAT, &payload::heartbeat("a"))
        .ok();
    let age = || controller.agent("a")["last_heartbeat_age_seconds"].as_u64();
    assert!(age().is_some_and(|age| age <= 5), "{:?}", age());
    let grown = wait_for("the age to grow", SOON, || age().filter(|age| *age >= 1));
    assert!(grown <= 10, "{grown} seconds");
}

#[test]
fn one_that_says_more_than_is_kept_is_refused_and_the_one_before_stays() {
    let controller = TestController::start(&[]);
    controller.post(payload::HELLO, &payload::hello("a")).ok();
    let full = payload::full_heartbeat("a");
    controller.post(payload::HEARTBEAT, &full).ok();
    let mut talkative = full.clone();
    talkative["degraded_reasons"] = vec!["r".repeat(256); 128].into();
    let answer = controller.post(payload::HEARTBEAT, &talkative);
    refusal::expect(&answer, INVALID, "heartbeat");
    assert_eq!(controller.agent("a")["ledger"], full["ledger"]);
}

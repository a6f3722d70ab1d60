//! `POST /v1/events`: a batch is taken whole or refused whole.

use serde_json::{Value, json};
use tapio_tests::controller::TestController;
use tapio_tests::payload;

use crate::refusal::{self, INVALID, MISSING};

fn totals(controller: &TestController) -> [u64; 4] {
    let totals = &controller.status()["totals"];
    [
        "accepted_events_total",
        "rejected_events_total",
        "batches_accepted_total",
        "batches_rejected_total",
    ]
    .map(|name| {
        totals[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name} in {totals}"))
    })
}

#[test]
fn the_answer_counts_and_says_which_config_is_next() {
    let controller = TestController::start(&[]);
    controller.post(payload::HELLO, &payload::hello("a")).ok();
    assert_eq!(
        controller
            .post(payload::EVENTS, &payload::batch("a", 1, 7))
            .ok(),
        json!({
            "wire_version": payload::VERSION, "accepted": 7, "rejected": 0, "next_config_version": "1",
        })
    );
    assert_eq!(totals(&controller), [7, 0, 1, 0]);
}

#[test]
fn a_batch_has_one_event_at_least_and_the_operators_number_at_most() {
    let controller = TestController::start(&[]);
    let post = |count| controller.post(payload::EVENTS, &payload::batch("a", 1, count));
    refusal::expect(&post(0), INVALID, "events");
    refusal::expect(&post(257), INVALID, "events");
    assert_eq!(post(256).ok()["accepted"], 256);
    let small = TestController::start(&["--max-batch-events", "3"]);
    assert_eq!(
        small.post(payload::EVENTS, &payload::batch("a", 1, 3)).ok()["accepted"],
        3
    );
    refusal::expect(
        &small.post(payload::EVENTS, &payload::batch("a", 2, 4)),
        INVALID,
        "events",
    );
}

#[test]
fn one_bad_event_refuses_its_whole_batch() {
    let controller = TestController::start(&[]);
    for (bent, wanted, named) in [
        (
            json!({"type": "user.process.exit"}),
            INVALID,
            "events[2].type",
        ),
        (json!({"type": "Kernel.x"}), INVALID, "events[2].type"),
        (json!({"type": "kernel"}), INVALID, "events[2].type"),
        (json!({"type": "kernelx.a.b"}), INVALID, "events[2].type"),
        (json!({"type": ""}), MISSING, "events[2].type"),
        (json!({"observer": " "}), MISSING, "events[2].observer"),
        (json!({"severity": ""}), MISSING, "events[2].severity"),
    ] {
        let mut batch = payload::batch("a", 1, 4);
        for (key, value) in bent.as_object().expect("an object") {
            batch["events"][2][key] = value.clone();
        }
        refusal::expect(&controller.post(payload::EVENTS, &batch), wanted, named);
    }
    assert_eq!(totals(&controller), [0, 28, 0, 7]);
    assert_eq!(controller.status()["agents"], json!([]));
}

#[test]
fn facts_may_be_any_json() {
    let controller = TestController::start(&[]);
    for (sequence, facts) in [
        json!({}),
        json!([]),
        json!(null),
        json!(false),
        json!(-1.5e-300),
        json!("text"),
        json!({"": {"a.b": [[], {}, null]}, "\u{0}": "\u{1b}[2J", "ä": "\u{10ffff}"}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut batch = payload::batch("a", u64::try_from(sequence).expect("small"), 1);
        batch["events"][0]["facts"] = facts.clone();
        assert_eq!(
            controller.post(payload::EVENTS, &batch).ok()["accepted"],
            1,
            "{facts}"
        );
    }
    // Numbers no type of ours could hold are somebody's facts all the same.
    let text = payload::batch("a", 100, 1).to_string();
    let body = text.replace(
        "\"exit_code\":1",
        "\"exit_code\":123456789012345678901234567890",
    );
    assert_ne!(body, text);
    controller
        .send(&tapio_tests::http::Request::post(payload::EVENTS, body))
        .ok();
}

#[test]
fn types_and_observers_of_a_newer_agent_are_taken() {
    let controller = TestController::start(&[]);
    let mut batch = payload::batch("a", 1, 1);
    batch["events"][0]["type"] = "kernel.gpu.ecc_error".into();
    batch["events"][0]["observer"] = "gpu".into();
    assert_eq!(controller.post(payload::EVENTS, &batch).ok()["accepted"], 1);
}

#[test]
fn an_agent_that_never_said_hello_is_heard_and_counted() {
    let controller = TestController::start(&[]);
    for sequence in [5, 6] {
        let answer = controller
            .post(payload::EVENTS, &payload::batch("stranger", sequence, 2))
            .ok();
        assert_eq!(
            (&answer["accepted"], &answer["rejected"]),
            (&2.into(), &0.into())
        );
    }
    assert_eq!(totals(&controller), [4, 0, 2, 0]);
}

#[test]
fn an_occurrences_id_is_optional() {
    let controller = TestController::start(&[]);
    let mut batch = payload::batch("a", 1, 1);
    let removed = batch["events"][0]
        .as_object_mut()
        .and_then(|event| event.remove("id"));
    assert!(removed.as_ref().is_some_and(Value::is_string));
    assert_eq!(controller.post(payload::EVENTS, &batch).ok()["accepted"], 1);
}

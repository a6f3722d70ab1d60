//! `POST /v1/agents/hello`: registering, again, and when there is no more room.

use serde_json::json;
use tapio_tests::controller::TestController;
use tapio_tests::deadline::{SOON, wait_until};
use tapio_tests::payload;

#[test]
fn the_answer_says_what_an_agent_needs() {
    let controller = TestController::start(&["--controller-id", "test-controller"]);
    assert_eq!(
        controller.post(payload::HELLO, &payload::hello("a")).ok(),
        json!({
            "wire_version": payload::VERSION,
            "accepted": true,
            "controller_id": "test-controller",
            "config_version": "1",
            "send_interval_ms": 1000,
            "max_batch_events": 256,
        })
    );
}

#[test]
fn capabilities_sizes_and_counts_may_be_left_out() {
    let controller = TestController::start(&[]);
    let mut body = payload::hello("a");
    for field in ["capabilities", "object_sizes", "map_counts"] {
        body.as_object_mut().expect("an object").remove(field);
    }
    assert_eq!(
        controller.post(payload::HELLO, &body).ok()["accepted"],
        true
    );
}

#[test]
fn hello_again_refreshes_the_registration_and_keeps_the_totals() {
    let controller = TestController::start(&[]);
    controller.post(payload::HELLO, &payload::hello("a")).ok();
    controller
        .post(payload::HEARTBEAT, &payload::heartbeat("a"))
        .ok();
    for sequence in [1, 4, 2] {
        controller
            .post(payload::EVENTS, &payload::batch("a", sequence, 1))
            .ok();
    }
    let mut again = payload::hello("a");
    again["tapio_version"] = "0.2.0".into();
    again["node_name"] = "moved".into();
    controller.post(payload::HELLO, &again).ok();
    let agent = controller.agent("a");
    assert_eq!(
        (&agent["tapio_version"], &agent["node_name"]),
        (&"0.2.0".into(), &"moved".into())
    );
    let sequence = &agent["sequence"];
    assert_eq!(
        (&sequence["gaps_total"], &sequence["regressions_total"]),
        (&2.into(), &1.into())
    );
    assert_eq!(controller.status()["totals"]["batches_accepted_total"], 3);
    assert_eq!(
        controller.status()["agents"].as_array().map(Vec::len),
        Some(1)
    );
}

#[test]
fn a_full_registry_accepts_nobody_new_and_forgets_nobody_old() {
    let controller = TestController::start(&["--max-agents", "2"]);
    let accepted =
        |id: &str| controller.post(payload::HELLO, &payload::hello(id)).ok()["accepted"].clone();
    assert_eq!(
        [accepted("a"), accepted("b"), accepted("c"), accepted("a")],
        [true, true, false, true]
    );
    let heartbeat = |id: &str| {
        controller
            .post(payload::HEARTBEAT, &payload::heartbeat(id))
            .ok()
    };
    assert_eq!(heartbeat("b")["accepted"], true);
    assert_eq!(heartbeat("c")["accepted"], false);
    // Evidence is not turned away because there is no row for its sender.
    let batch = controller
        .post(payload::EVENTS, &payload::batch("c", 1, 3))
        .ok();
    assert_eq!(batch["accepted"], 3);
    let status = controller.status();
    assert_eq!(status["totals"]["accepted_events_total"], 3);
    assert_eq!(status["agents"].as_array().map(Vec::len), Some(2));
}

#[test]
fn an_agent_that_was_not_heard_for_long_is_forgotten_and_makes_room() {
    let controller = TestController::start(&["--max-agents", "1", "--forget-after", "1s"]);
    controller.post(payload::HELLO, &payload::hello("a")).ok();
    wait_until("the agent to be forgotten", SOON, || {
        controller.agent("a").is_null()
    });
    let heartbeat = controller
        .post(payload::HEARTBEAT, &payload::heartbeat("a"))
        .ok();
    assert_eq!(heartbeat["accepted"], false);
    assert_eq!(
        controller.post(payload::HELLO, &payload::hello("b")).ok()["accepted"],
        true
    );
}

#[test]
fn an_agent_that_is_heard_is_not_forgotten() {
    let controller = TestController::start(&["--forget-after", "2s"]);
    controller
        .post(payload::HELLO, &payload::hello("quiet"))
        .ok();
    controller
        .post(payload::HELLO, &payload::hello("loud"))
        .ok();
    wait_until("the quiet agent to be forgotten", SOON, || {
        let heartbeat = controller
            .post(payload::HEARTBEAT, &payload::heartbeat("loud"))
            .ok();
        assert_eq!(heartbeat["accepted"], true);
        controller.agent("quiet").is_null()
    });
}

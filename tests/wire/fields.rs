//! Required fields, their types, their bounds, and what wins when several things are wrong.

use serde_json::{Value, json};
use tapio_tests::controller::TestController;
use tapio_tests::payload;

use crate::refusal::{self, INVALID, MALFORMED, MISSING, VERSION};

type Payload = fn() -> Value;

const OPERATIONS: [(&str, Payload); 3] = [
    (payload::HELLO, || payload::hello("a")),
    (payload::HEARTBEAT, || payload::heartbeat("a")),
    (payload::EVENTS, || payload::batch("a", 1, 3)),
];

/// Target, field as it is named in the message, where it is in the payload, whether it is text.
const REQUIRED: [(&str, &str, &str, bool); 29] = [
    (payload::HELLO, "wire_version", "/wire_version", true),
    (payload::HELLO, "agent_id", "/agent_id", true),
    (payload::HELLO, "node_name", "/node_name", true),
    (payload::HELLO, "tapio_version", "/tapio_version", true),
    (payload::HELLO, "kernel_release", "/kernel_release", true),
    (payload::HELLO, "arch", "/arch", true),
    (payload::HEARTBEAT, "wire_version", "/wire_version", true),
    (payload::HEARTBEAT, "agent_id", "/agent_id", true),
    (payload::HEARTBEAT, "node_name", "/node_name", true),
    (
        payload::HEARTBEAT,
        "config_version",
        "/config_version",
        true,
    ),
    (
        payload::HEARTBEAT,
        "uptime_seconds",
        "/uptime_seconds",
        false,
    ),
    (payload::HEARTBEAT, "observers", "/observers", false),
    (payload::HEARTBEAT, "counters", "/counters", false),
    (
        payload::HEARTBEAT,
        "counters.events_total",
        "/counters/events_total",
        false,
    ),
    (
        payload::HEARTBEAT,
        "counters.malformed_events_total",
        "/counters/malformed_events_total",
        false,
    ),
    (
        payload::HEARTBEAT,
        "counters.lost_events_total",
        "/counters/lost_events_total",
        false,
    ),
    (
        payload::HEARTBEAT,
        "counters.correlation_drops_total",
        "/counters/correlation_drops_total",
        false,
    ),
    (
        payload::HEARTBEAT,
        "counters.sink_drops_total",
        "/counters/sink_drops_total",
        false,
    ),
    (
        payload::HEARTBEAT,
        "counters.controller_send_failures_total",
        "/counters/controller_send_failures_total",
        false,
    ),
    (payload::EVENTS, "wire_version", "/wire_version", true),
    (payload::EVENTS, "agent_id", "/agent_id", true),
    (payload::EVENTS, "node_name", "/node_name", true),
    (payload::EVENTS, "sequence", "/sequence", false),
    (
        payload::EVENTS,
        "sent_at_unix_nanos",
        "/sent_at_unix_nanos",
        false,
    ),
    (payload::EVENTS, "events", "/events", false),
    (payload::EVENTS, "events[1].type", "/events/1/type", true),
    (
        payload::EVENTS,
        "events[1].timestamp_unix_nanos",
        "/events/1/timestamp_unix_nanos",
        false,
    ),
    (
        payload::EVENTS,
        "events[2].observer",
        "/events/2/observer",
        true,
    ),
    (
        payload::EVENTS,
        "events[0].severity",
        "/events/0/severity",
        true,
    ),
];

fn payload_of(target: &str) -> Value {
    let (_, payload) = OPERATIONS
        .into_iter()
        .find(|(known, _)| *known == target)
        .expect("an operation with a body");
    payload()
}

/// The payload without the field at `pointer`.
fn without(mut payload: Value, pointer: &str) -> Value {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let removed = payload
        .pointer_mut(parent)
        .and_then(Value::as_object_mut)
        .and_then(|object| object.remove(key));
    assert!(removed.is_some(), "{pointer} was not there");
    payload
}

fn with(mut payload: Value, pointer: &str, value: Value) -> Value {
    *payload.pointer_mut(pointer).expect("the field is there") = value;
    payload
}

#[test]
fn a_required_field_that_is_absent_is_named() {
    let controller = TestController::start(&[]);
    for (target, name, pointer, _) in REQUIRED {
        let answer = controller.post(target, &without(payload_of(target), pointer));
        refusal::expect(&answer, MISSING, name);
    }
    let answer = controller.post(
        payload::EVENTS,
        &without(payload_of(payload::EVENTS), "/events/1/facts"),
    );
    refusal::expect(&answer, MISSING, "events[1].facts");
}

#[test]
fn a_required_text_of_nothing_but_space_is_absent() {
    let controller = TestController::start(&[]);
    for (target, name, pointer, _) in REQUIRED.into_iter().filter(|(.., text)| *text) {
        for blank in ["", " ", "\t \n", "\u{2003}"] {
            let answer = controller.post(target, &with(payload_of(target), pointer, blank.into()));
            refusal::expect(&answer, MISSING, name);
        }
    }
}

#[test]
fn a_field_of_the_wrong_type_is_malformed() {
    let controller = TestController::start(&[]);
    for (target, _, pointer, text) in REQUIRED {
        let object = matches!(pointer, "/observers" | "/counters");
        let list = pointer == "/events";
        let wrong = [
            json!(null),
            json!(true),
            json!(-1),
            json!(1.5),
            json!("x"),
            json!([1]),
            json!({"a": 1}),
        ];
        let fits = |value: &Value| {
            (text && value.is_string())
                || (object && value.is_object())
                || (list && value.is_array())
        };
        for value in wrong.into_iter().filter(|value| !fits(value)) {
            // Null is the one value for which "absent" and "of the wrong type" are both honest.
            let null = value.is_null();
            let answer = controller.post(target, &with(payload_of(target), pointer, value.clone()));
            match null {
                true => assert_eq!(answer.status, 400, "{pointer} {value}: {}", answer.text()),
                false => refusal::expect(&answer, MALFORMED, ""),
            }
        }
    }
}

#[test]
fn counts_are_whole_and_fit_sixty_four_bits() {
    let controller = TestController::start(&[]);
    controller.post(payload::HELLO, &payload::hello("a")).ok();
    let largest = with(
        payload::heartbeat("a"),
        "/counters/events_total",
        u64::MAX.into(),
    );
    assert_eq!(
        controller.post(payload::HEARTBEAT, &largest).ok()["accepted"],
        true
    );
    assert_eq!(
        controller.agent("a")["reported_counters"]["events_total"],
        u64::MAX
    );
    for number in [
        "18446744073709551616",
        "-1",
        "1.0",
        "1e3",
        "\"1\"",
        "01",
        "+1",
        "NaN",
    ] {
        let text = payload::heartbeat("a").to_string();
        let body = text.replace(
            "\"uptime_seconds\":4711",
            &format!("\"uptime_seconds\":{number}"),
        );
        assert_ne!(body, text, "the number was not put in");
        let answer = controller.send(&tapio_tests::http::Request::post(payload::HEARTBEAT, body));
        refusal::expect(&answer, MALFORMED, "");
    }
}

#[test]
fn identifiers_have_at_most_256_bytes() {
    let controller = TestController::start(&[]);
    for (target, _) in OPERATIONS {
        for field in ["/agent_id", "/node_name"] {
            for (id, fits) in [
                ("x".repeat(255), true),
                ("x".repeat(256), true),
                ("x".repeat(257), false),
                ("ä".repeat(128), true),
                (format!("{}x", "ä".repeat(128)), false),
            ] {
                let answer =
                    controller.post(target, &with(payload_of(target), field, id.clone().into()));
                match fits {
                    true => assert_eq!(answer.status, 200, "{} bytes: {}", id.len(), answer.text()),
                    false => refusal::expect(&answer, INVALID, &field[1..]),
                }
            }
        }
    }
}

#[test]
fn identifiers_have_no_control_characters() {
    let controller = TestController::start(&[]);
    for (target, _) in OPERATIONS {
        for field in ["/agent_id", "/node_name"] {
            for id in [
                "a\u{0}b",
                "a\nb",
                "\u{1b}[31mred",
                "a\u{7f}",
                "a\u{9b}31m",
                "tab\there",
            ] {
                let answer = controller.post(target, &with(payload_of(target), field, id.into()));
                refusal::expect(&answer, INVALID, &field[1..]);
            }
        }
    }
}

#[test]
fn another_version_wins_over_every_other_complaint() {
    let controller = TestController::start(&["--max-batch-events", "2"]);
    let wrong = json!({"wire_version": "tapio-wire/v2"});
    let cases = |target: &str| {
        let whole = with(payload_of(target), "/wire_version", "tapio-wire/v2".into());
        let mut cases = vec![wrong.clone(), whole.clone()];
        cases.push(with(whole.clone(), "/agent_id", json!(7)));
        cases.push(with(whole.clone(), "/agent_id", json!("x".repeat(1_000))));
        cases.push(with(whole.clone(), "/node_name", json!("")));
        if target == payload::EVENTS {
            cases.push(with(
                whole.clone(),
                "/events/0/facts",
                json!({"root_cause": "x"}),
            ));
            cases.push(with(whole.clone(), "/events", json!("none")));
            cases.push(with(whole, "/events", json!([{}, 1, null, []])));
        }
        cases
    };
    for (target, _) in OPERATIONS {
        for body in cases(target) {
            refusal::expect(&controller.post(target, &body), VERSION, "");
        }
        for version in [
            "tapio-wire/v0",
            "tapio-wire/v10",
            "TAPIO-WIRE/V1",
            "v1",
            "tapio-wire/v1 ",
        ] {
            let body = with(payload_of(target), "/wire_version", version.into());
            refusal::expect(&controller.post(target, &body), VERSION, "");
        }
    }
}

#[test]
fn the_version_is_found_wherever_it_stands_in_the_body() {
    let controller = TestController::start(&[]);
    for (target, _) in OPERATIONS {
        for body in [
            r#"{"agent_id": 7, "events": "x", "counters": [], "wire_version": "tapio-wire/v2"}"#,
            r#"{"agent_id": "a", "agent_id": "b", "wire_version": "tapio-wire/v2"}"#,
            r#"{"events":[{"facts":{"reasoning":1}}],"wire_version":"tapio-wire\/v2"}"#,
        ] {
            let answer = controller.send(&tapio_tests::http::Request::post(target, body));
            refusal::expect(&answer, VERSION, "");
        }
        // A version deeper down is somebody's unknown field.
        let mut nested = payload_of(target);
        nested["extra"] = json!({"wire_version": "tapio-wire/v2"});
        controller.post(target, &nested).ok();
    }
}

#[test]
fn unknown_fields_are_ignored_at_every_depth() {
    let controller = TestController::start(&[]);
    let extra = json!({"deep": [{"er": [null, 1.5e300, "x"]}]});
    for (target, _) in OPERATIONS {
        let mut body = payload_of(target);
        body["from_the_future"] = extra.clone();
        for inner in ["counters", "evidence_head", "ledger", "config_last_failed"] {
            if let Some(object) = body.get_mut(inner).and_then(Value::as_object_mut) {
                object.insert("from_the_future".to_owned(), extra.clone());
            }
        }
        if let Some(events) = body.get_mut("events").and_then(Value::as_array_mut) {
            for event in events {
                event["from_the_future"] = extra.clone();
            }
        }
        controller.post(target, &body).ok();
    }
}

#[test]
fn what_is_additive_is_optional_and_tolerates_more() {
    let controller = TestController::start(&[]);
    controller.post(payload::HELLO, &payload::hello("a")).ok();
    let mut body = payload::full_heartbeat("a");
    body["config_last_failed"] = json!({"config_hash": "sha256:00", "reason": "x", "future": 1});
    for pointer in [
        "/ledger",
        "/ledger/types/kernel.container.oom_kill",
        "/evidence_head",
    ] {
        body.pointer_mut(pointer).expect("it is there")["from_the_future"] = json!(7);
    }
    assert_eq!(
        controller.post(payload::HEARTBEAT, &body).ok()["accepted"],
        true
    );
    for field in [
        "ledger",
        "evidence_head",
        "config_last_failed",
        "observer_reasons",
        "degraded_reasons",
        "config_hash",
    ] {
        let answer = controller.post(
            payload::HEARTBEAT,
            &without(body.clone(), &format!("/{field}")),
        );
        assert_eq!(answer.ok()["accepted"], true, "{field}");
    }
}

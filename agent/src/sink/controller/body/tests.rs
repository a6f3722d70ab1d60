use tapio_common::catalogue::{Anomaly, Outcome, Severity};
use tapio_common::ident::UlidSource;
use tapio_common::occurrence::{ErrorFact, Head, write_line};

use super::*;
use crate::http::Endpoint;

const STAMP: Stamp = Stamp {
    sequence: 7,
    sent_at_unix_nanos: 11,
};

fn link() -> Link {
    let endpoint = Endpoint::parse("http://127.0.0.1:1").expect("a URL");
    Link::new(endpoint, "agent-1".into(), "node-1".into()).expect("an eventfd")
}

fn line(error: Option<ErrorFact<'_>>, comm: &str) -> Vec<u8> {
    let mut line = Vec::new();
    let head = Head {
        id: UlidSource::new([7; 10]).next(5),
        at: Timestamp(1_795_258_799_999_999_999),
        anomaly: Anomaly::ConnectionRefused,
        severity: Severity::Warning,
        outcome: Outcome::Failure,
        error,
        node: "edge-7",
    };
    write_line(&mut line, &head, |facts| {
        if !comm.is_empty() {
            facts.text("comm", comm);
        }
    });
    line
}

fn refused() -> Option<ErrorFact<'static>> {
    Some(ErrorFact {
        code: "ECONNREFUSED".into(),
        message: "a \"no\"".into(),
    })
}

fn facts(event: &WireEvent<'_>) -> serde_json::Value {
    serde_json::from_str(event.facts.as_str()).expect("facts are JSON")
}

#[test]
fn a_line_of_the_agents_becomes_an_event_with_all_it_says() {
    let (with_error, bare) = (line(refused(), "ba}sh\""), line(None, ""));
    let body = Body::of(&link(), STAMP, &[with_error, bare].concat());
    assert_eq!((body.events, body.unreadable), (2, 0));
    let batch = EventBatch::parse(&body.json, 2).expect("what is sent can be read");
    assert_eq!((&*batch.agent_id, &*batch.node_name), ("agent-1", "node-1"));
    assert_eq!((batch.sequence, batch.sent_at_unix_nanos), (7, 11));
    let event = &batch.events[0];
    assert_eq!(&*event.event_type.0, "kernel.network.connection_refused");
    assert_eq!(event.timestamp_unix_nanos, 1_795_258_799_999_999_999);
    assert_eq!(
        (&*event.observer, event.severity.as_str()),
        ("network", "warning")
    );
    let id = event.id.as_deref().expect("an id");
    assert_eq!(
        facts(event),
        serde_json::json!({
            "comm": "ba}sh\"",
            "outcome": "failure",
            "error": {"code": "ECONNREFUSED", "message": "a \"no\""},
            "id": id,
        })
    );
    assert_eq!(
        facts(&batch.events[1]),
        serde_json::json!({"outcome": "failure", "id": id})
    );
}

#[test]
fn a_line_that_another_hand_has_formatted_is_read_as_well() {
    let line = br#" { "type": "kernel.x.y", "id": "1", "timestamp": "1970-01-01T00:00:01Z",
        "severity": "info", "outcome": "unknown", "more": [1], "data": { "a": 1 } }"#;
    let line: Vec<u8> = line
        .iter()
        .map(|byte| if *byte == b'\n' { b' ' } else { *byte })
        .collect();
    let body = Body::of(&link(), STAMP, &line);
    let batch = EventBatch::parse(&body.json, 1).expect("what is sent can be read");
    assert_eq!(
        facts(&batch.events[0]),
        serde_json::json!({"a": 1, "outcome": "unknown", "id": "1"})
    );
}

#[test]
fn what_is_no_occurrence_is_left_out_and_counted() {
    let good = line(refused(), "sh");
    let lines = [b"garbage\n".as_slice(), &good, b"{}\n", &good[..40], b"\n"].concat();
    let body = Body::of(&link(), STAMP, &lines);
    assert_eq!((body.events, body.unreadable), (1, 3));
    assert_eq!(
        EventBatch::parse(&body.json, 9)
            .expect("a batch")
            .events
            .len(),
        1
    );
    assert_eq!(Body::of(&link(), STAMP, b"\n\n").events, 0);
}

#[test]
fn the_same_lines_under_the_same_stamp_are_the_same_bytes() {
    let lines = [line(refused(), "sh"), line(None, "x")].concat();
    assert_eq!(
        Body::of(&link(), STAMP, &lines).json,
        Body::of(&link(), STAMP, &lines).json
    );
}

//! Every limit of the wire at one below, at itself and at one above.

use serde_json::{Value, json};
use tapio_wire::limits::{BATCH_EVENTS_MAX, ENTRIES_MAX, IDENTIFIER_BYTES_MAX};
use tapio_wire::{ErrorCode, EventBatch, Heartbeat, Hello, WireError};

fn hello() -> Value {
    json!({
        "wire_version": "tapio-wire/v1", "agent_id": "a", "node_name": "n",
        "tapio_version": "0", "kernel_release": "6", "arch": "x",
    })
}

fn heartbeat() -> Value {
    json!({
        "wire_version": "tapio-wire/v1", "agent_id": "a", "node_name": "n", "config_version": "0",
        "uptime_seconds": 0, "observers": {"network": "running"},
        "counters": {
            "events_total": 0, "malformed_events_total": 0, "lost_events_total": 0,
            "correlation_drops_total": 0, "sink_drops_total": 0,
            "controller_send_failures_total": 0,
        },
        "evidence_head": {"seal": "s", "sha256": "0"},
        "config_last_failed": {"config_hash": "h", "reason": "r"},
    })
}

fn batch(events: usize) -> Value {
    let event = json!({
        "type": "kernel.a.b", "timestamp_unix_nanos": 0, "observer": "o", "severity": "info",
        "facts": {}, "id": "i",
    });
    json!({
        "wire_version": "tapio-wire/v1", "agent_id": "a", "node_name": "n", "sequence": 0,
        "sent_at_unix_nanos": 0, "events": vec![event; events],
    })
}

fn read(payload: &str, body: &Value) -> Result<(), WireError> {
    let body = body.to_string();
    match payload {
        "hello" => Hello::parse(body.as_bytes()).map(drop),
        "heartbeat" => Heartbeat::parse(body.as_bytes()).map(drop),
        "events" => EventBatch::parse(body.as_bytes(), BATCH_EVENTS_MAX).map(drop),
        other => panic!("{other} is no request"),
    }
}

fn request(payload: &str) -> Value {
    match payload {
        "hello" => hello(),
        "heartbeat" => heartbeat(),
        _ => batch(1),
    }
}

/// Where each identifier of a request is, and how a message calls it.
const IDENTIFIERS: [(&str, &str, &str); 24] = [
    ("hello", "/agent_id", "agent_id"),
    ("hello", "/node_name", "node_name"),
    ("hello", "/tapio_version", "tapio_version"),
    ("hello", "/kernel_release", "kernel_release"),
    ("hello", "/arch", "arch"),
    ("hello", "/boot_id", "boot_id"),
    ("hello", "/capabilities/0", "capabilities[0]"),
    ("heartbeat", "/agent_id", "agent_id"),
    ("heartbeat", "/node_name", "node_name"),
    ("heartbeat", "/config_version", "config_version"),
    ("heartbeat", "/config_hash", "config_hash"),
    ("heartbeat", "/observers/network", "observers.network"),
    ("heartbeat", "/degraded_reasons/0", "degraded_reasons[0]"),
    (
        "heartbeat",
        "/observer_reasons/node",
        "observer_reasons.node",
    ),
    ("heartbeat", "/evidence_head/seal", "evidence_head.seal"),
    ("heartbeat", "/evidence_head/sha256", "evidence_head.sha256"),
    (
        "heartbeat",
        "/config_last_failed/config_hash",
        "config_last_failed.config_hash",
    ),
    (
        "heartbeat",
        "/config_last_failed/reason",
        "config_last_failed.reason",
    ),
    ("heartbeat", "/ledger/boot_id", "ledger.boot_id"),
    ("events", "/agent_id", "agent_id"),
    ("events", "/node_name", "node_name"),
    ("events", "/events/0/observer", "events[0].observer"),
    ("events", "/events/0/severity", "events[0].severity"),
    ("events", "/events/0/id", "events[0].id"),
];

/// The request with `value` put where `pointer` says, what is missing on the way made up.
fn with(payload: &str, pointer: &str, value: Value) -> Value {
    let mut body = request(payload);
    let mut place = &mut body;
    for step in pointer.split('/').skip(1) {
        place = match step.parse::<usize>() {
            Ok(0) if !place.is_array() => {
                *place = json!([null]);
                &mut place[0]
            }
            Ok(index) => &mut place[index],
            Err(_) => &mut place[step],
        };
    }
    *place = value;
    body
}

#[test]
fn identifiers_have_256_bytes_at_most() {
    for (payload, pointer, name) in IDENTIFIERS {
        for (len, taken) in [(-1, true), (0, true), (1, false)] {
            let len = IDENTIFIER_BYTES_MAX
                .checked_add_signed(len)
                .expect("is small");
            let found = read(payload, &with(payload, pointer, "x".repeat(len).into()));
            match found {
                Ok(()) => assert!(taken, "{payload} {name} of {len} bytes was taken"),
                Err(error) => {
                    assert!(!taken, "{payload} {name} of {len} bytes: {error}");
                    assert_eq!(error.code, ErrorCode::InvalidField);
                    assert_eq!(error.message, format!("{name} is longer than 256 bytes"));
                }
            }
        }
    }
}

#[test]
fn identifiers_hold_no_control_character() {
    for (payload, pointer, name) in IDENTIFIERS {
        for char in ['\0', '\u{1f}', '\u{7f}', '\u{80}', '\u{9f}'] {
            let error = read(payload, &with(payload, pointer, format!("a{char}b").into()))
                .expect_err("holds a control character");
            assert_eq!(error.code, ErrorCode::InvalidField);
            assert_eq!(error.message, format!("{name} holds a control character"));
        }
        for char in [' ', '~', '\u{a0}', 'é', '\u{2028}'] {
            let found = read(payload, &with(payload, pointer, format!("a{char}b").into()));
            assert_eq!(found, Ok(()), "{payload} {name} with {char:?}");
        }
    }
}

#[test]
fn lists_and_maps_have_128_entries_at_most() {
    let map = |len: usize, value: Value| -> Value {
        let entries = (0..len).map(|at| (format!("k{at:03}"), value.clone()));
        Value::Object(entries.collect())
    };
    let places: [(&str, &str, Option<Value>); 9] = [
        ("hello", "/capabilities", None),
        ("hello", "/object_sizes", Some(json!(1))),
        ("hello", "/map_counts", Some(json!(1))),
        ("heartbeat", "/degraded_reasons", None),
        ("heartbeat", "/observers", Some(json!("running"))),
        ("heartbeat", "/observer_reasons", Some(json!("r"))),
        ("heartbeat", "/ledger/types", Some(json!({}))),
        ("heartbeat", "/ledger/sinks", Some(json!({}))),
        ("heartbeat", "/ledger/sinks/file/dropped", Some(json!(1))),
    ];
    for (payload, pointer, entry) in places {
        for (len, taken) in [
            (ENTRIES_MAX - 1, true),
            (ENTRIES_MAX, true),
            (ENTRIES_MAX + 1, false),
        ] {
            let value = match &entry {
                Some(value) => map(len, value.clone()),
                None => json!(vec!["x"; len]),
            };
            let found = read(payload, &with(payload, pointer, value));
            assert_eq!(
                found.is_ok(),
                taken,
                "{payload}{pointer} with {len}: {found:?}"
            );
            let code = found.err().map(|error| error.code);
            assert!(taken || code == Some(ErrorCode::InvalidField));
        }
    }
}

#[test]
fn a_heartbeat_names_one_observer_at_least() {
    let error = read("heartbeat", &with("heartbeat", "/observers", json!({})));
    let error = error.expect_err("names none");
    assert_eq!(error.code, ErrorCode::InvalidField);
    assert_eq!(error.message, "observers must name at least one observer");
}

#[test]
fn a_batch_holds_one_event_up_to_what_the_operator_allows() {
    for max in [1, 2, BATCH_EVENTS_MAX] {
        let most = usize::try_from(max).expect("is small");
        for (len, taken) in [(0, false), (1, true), (most, true), (most + 1, false)] {
            let body = batch(len).to_string();
            match EventBatch::parse(body.as_bytes(), max) {
                Ok(batch) => assert_eq!((taken, batch.events.len()), (true, len)),
                Err(error) => {
                    assert!(!taken, "{len} of {max}: {error}");
                    assert_eq!(error.code, ErrorCode::InvalidField);
                    assert_eq!(
                        error.message,
                        format!("events must hold 1 to {max} events, not {len}")
                    );
                }
            }
        }
    }
}

#[test]
fn a_refused_body_still_tells_how_many_events_it_held() {
    let count = |body: &str| EventBatch::count_events(body.as_bytes());
    assert_eq!(count(&batch(3).to_string()), 3);
    assert_eq!(
        count(r#"{"a":[1,2],"events":[1,[2,3],{"events":[4,5]}]}"#),
        3
    );
    for none in [
        "",
        "[1,2]",
        "{}",
        r#"{"events":{}}"#,
        r#"{"events":[1,2]"#,
        r#"{"events":[1,2]}x"#,
    ] {
        assert_eq!(count(none), 0, "{none}");
    }
}

use serde_json::{Value, json};
use tapio_common::catalogue::{Anomaly, Outcome};
use tapio_common::ident::UlidSource;
use tapio_common::occurrence::{self, ErrorFact, Head, write_line};

use super::*;

const OBSERVED: Timestamp = Timestamp(1_795_258_800_000_000_001);

type Fill<'a> = &'a dyn Fn(&mut occurrence::Facts<'_>);

fn block(lines: &[(Severity, Fill<'_>)]) -> Block {
    let mut ids = UlidSource::new([7; 10]);
    let mut block = Block::default();
    for (number, (severity, fill)) in (1u64..).zip(lines) {
        let at = Timestamp(1_795_258_799_000_000_000 + number);
        let head = Head {
            id: ids.next(at.0),
            at,
            anomaly: Anomaly::AbnormalExit,
            severity: *severity,
            outcome: Outcome::Failure,
            error: Some(ErrorFact {
                code: "SIGKILL".into(),
                message: "killed by signal 9".into(),
            }),
            node: "edge \"7\"",
        };
        write_line(&mut block.lines, &head, fill);
        block.marks.push(Mark {
            end: block.lines.len(),
            at,
            anomaly: Anomaly::AbnormalExit,
            severity: *severity,
        });
    }
    block
}

fn decoded(batch: &[Block]) -> Value {
    let body = request(batch, OBSERVED);
    serde_json::from_slice(&body)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&body)))
}

fn attribute(of: &Value, key: &str) -> Value {
    let attributes = of["attributes"].as_array().expect("a list");
    let mut found = attributes
        .iter()
        .filter(|attribute| attribute["key"] == key);
    let value = found
        .next()
        .map_or(Value::Null, |attribute| attribute["value"].clone());
    assert_eq!(found.next(), None, "{key} stands there twice");
    value
}

#[test]
fn every_fact_is_an_attribute_by_its_own_name_and_kind() {
    let batch = [block(&[(Severity::Error, &|facts| {
        facts.u64("pid", 4_711u32);
        facts.i64("offset", -3);
        facts.u64("biggest", u64::MAX);
        facts.u64("big", u64::MAX / 2);
        facts.flag("core_dumped", false);
        facts.kernel_text("comm", b"a\"\\\n\xffb\0");
        facts.nested("sender", |facts| facts.u64("pid", 1u32));
        facts.absent("uid", "kthread");
    })])];
    let request = decoded(&batch);
    let resource = &request["resourceLogs"][0]["resource"];
    let text = |text: &str| json!({ "stringValue": text });
    assert_eq!(attribute(resource, "host.name"), text("edge \"7\""));
    assert_eq!(attribute(resource, "service.name"), text("tapio-agent"));
    assert_eq!(
        attribute(resource, "container.id"),
        Value::Null,
        "not known"
    );
    let record = &request["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
    assert_eq!(record["timeUnixNano"], "1795258799000000001");
    assert_eq!(record["observedTimeUnixNano"], "1795258800000000001");
    assert_eq!(
        (&record["severityNumber"], &record["severityText"]),
        (&json!(17), &json!("ERROR"))
    );
    assert_eq!(record["eventName"], "kernel.container.abnormal_exit");
    assert_eq!(record["body"], text("kernel.container.abnormal_exit"));
    for (key, value) in [
        ("tapio.pid", json!({"intValue": "4711"})),
        ("tapio.offset", json!({"intValue": "-3"})),
        ("tapio.big", json!({"intValue": "9223372036854775807"})),
        ("tapio.biggest", text("18446744073709551615")),
        ("tapio.core_dumped", json!({"boolValue": false})),
        ("tapio.comm", text("a\"\\\n\u{fffd}b")),
        ("tapio.sender.pid", json!({"intValue": "1"})),
        ("tapio.not_observed.uid", text("kthread")),
        ("tapio.error.code", text("SIGKILL")),
        ("tapio.error.message", text("killed by signal 9")),
        ("tapio.outcome", text("failure")),
        ("tapio.protocol_version", text("1.0")),
    ] {
        assert_eq!(attribute(record, key), value, "{key}");
    }
    assert!(
        attribute(record, "tapio.id")["stringValue"]
            .as_str()
            .is_some_and(|id| id.len() == 26)
    );
    assert_eq!(record["attributes"].as_array().map(Vec::len), Some(13));
}

#[test]
fn what_is_of_one_owner_is_under_one_resource() {
    let owned = |container: &'static str| {
        move |facts: &mut occurrence::Facts<'_>| {
            facts.text("container_id", container);
            facts.text("pod_uid", "0f3c1a52");
        }
    };
    let (one, other, none) = (owned("aa"), owned("bb"), |_: &mut occurrence::Facts<'_>| {});
    let batch = [
        block(&[
            (Severity::Error, &one),
            (Severity::Error, &none),
            (Severity::Error, &other),
        ]),
        block(&[(Severity::Error, &one)]),
    ];
    let request = decoded(&batch);
    let resources = request["resourceLogs"].as_array().expect("a list");
    let records = |at: usize| {
        resources[at]["scopeLogs"][0]["logRecords"]
            .as_array()
            .map(Vec::len)
    };
    let container = |at: usize| attribute(&resources[at]["resource"], "container.id");
    assert_eq!(resources.len(), 3);
    assert_eq!(
        (records(0), container(0)),
        (Some(2), json!({"stringValue": "aa"}))
    );
    assert_eq!((records(1), container(1)), (Some(1), Value::Null));
    assert_eq!(
        (records(2), container(2)),
        (Some(1), json!({"stringValue": "bb"}))
    );
    let pod = attribute(&resources[0]["resource"], "k8s.pod.uid");
    assert_eq!(pod, json!({"stringValue": "0f3c1a52"}));
    let record = &resources[0]["scopeLogs"][0]["logRecords"][0];
    assert_eq!(
        attribute(record, "tapio.container_id"),
        Value::Null,
        "said once"
    );
}

#[test]
fn severities_are_those_of_otlp() {
    let numbers = Severity::ALL.map(|word| severity(word).0);
    assert_eq!(numbers, [5, 9, 13, 17, 21]);
}

#[test]
fn a_line_that_is_no_occurrence_is_passed_on_as_it_is() {
    let mut block = block(&[(Severity::Error, &|_| {})]);
    block.lines = b"{\"id\":[1]}\n".to_vec();
    block.marks[0].end = block.lines.len();
    let request = decoded(&[block]);
    let record = &request["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
    assert_eq!(record["body"], json!({"stringValue": "{\"id\":[1]}\n"}));
    assert_eq!(record["attributes"], json!([]));
}

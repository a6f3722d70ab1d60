use super::*;
use crate::error::ErrorCode;
use crate::heartbeat::Heartbeat;
use crate::limits::ECHO_BYTES_MAX;
use crate::status::{AgentStatus, StatusConfig, Totals};
use crate::values::{Generation, WireVersion};

const HEARTBEAT: &str = concat!(
    r#"{"wire_version":"tapio-wire/v1","agent_id":"a","node_name":"n","config_version":"3","#,
    r#""config_hash":"sha256:00","uptime_seconds":7,"#,
    r#""observers":{"network":"running","node":"asleep"},"#,
    r#""counters":{"events_total":1,"malformed_events_total":2,"lost_events_total":3,"#,
    r#""correlation_drops_total":4,"sink_drops_total":5,"controller_send_failures_total":6},"#,
    r#""degraded_reasons":["no_pmu"],"ledger":{"format":1,"types":{}},"#,
    r#""evidence_head":{"seal":"s","sha256":"t"},"#,
    r#""config_last_failed":{"config_hash":"sha256:01","reason":"map \"full\""},"#,
    r#""observer_reasons":{"node":"no_pmu"}}"#,
);

fn head() -> Status<'static> {
    Status {
        wire_version: WireVersion,
        controller_id: "c".into(),
        started_at_unix: 5,
        config: StatusConfig {
            version: Generation(2),
            config_hash: "sha256:00".into(),
        },
        totals: Totals::default(),
        agents: Vec::new(),
    }
}

fn row<'a>(agent_id: &'a str, reported: Option<&'a Echo>) -> AgentRow<'a> {
    AgentRow {
        agent_id,
        node_name: "n",
        tapio_version: "0.1.0",
        registered_at_unix: 6,
        last_heartbeat_age_seconds: reported.map(|_| 8),
        reported,
        sequence: SequenceStatus {
            last_seen: Some(9),
            gaps_total: 1,
            regressions_total: 2,
            duplicates_total: 3,
        },
    }
}

/// What the table of the payload makes of the same agent.
fn status_of<'a>(agent_id: &'a str, heartbeat: Option<&Heartbeat<'a>>) -> AgentStatus<'a> {
    let row = row(agent_id, None);
    AgentStatus {
        agent_id: row.agent_id.into(),
        node_name: row.node_name.into(),
        tapio_version: row.tapio_version.into(),
        registered_at_unix: row.registered_at_unix,
        last_heartbeat_age_seconds: heartbeat.map(|_| 8),
        reported_config_version: heartbeat.map(|said| said.config_version.clone()),
        reported_config_hash: heartbeat.map(|said| said.config_hash.clone()),
        reported_counters: heartbeat.map(|said| said.counters),
        observers: heartbeat.map_or_else(Default::default, |said| said.observers.0.clone()),
        degraded_reasons: heartbeat
            .map_or_else(Default::default, |said| said.degraded_reasons.clone()),
        observer_reasons: heartbeat
            .map_or_else(Default::default, |said| said.observer_reasons.clone()),
        config_last_failed: heartbeat.and_then(|said| said.config_last_failed.clone()),
        ledger: heartbeat.and_then(|said| said.ledger.clone()),
        evidence_head: heartbeat.and_then(|said| said.evidence_head.clone()),
        sequence: row.sequence,
    }
}

fn text(json: &[u8]) -> &str {
    std::str::from_utf8(json).expect("JSON is UTF-8")
}

#[test]
fn a_status_written_by_rows_is_the_one_the_table_writes() {
    let heartbeat = Heartbeat::parse(HEARTBEAT.as_bytes()).expect("parses");
    let echo = Echo::of(&heartbeat).expect("serialises");
    let written =
        write_status(&head(), [row("\"a\"", Some(&echo)), row("b", None)]).expect("serialises");

    let mut expected = head();
    expected.agents = vec![status_of("\"a\"", Some(&heartbeat)), status_of("b", None)];
    let by_table = serde_json::to_vec(&expected).expect("serialises");
    assert_eq!(text(&written), text(&by_table));
    assert_eq!(Status::parse(&written), Ok(expected));
}

#[test]
fn a_status_without_agents() {
    let written = write_status(&head(), []).expect("serialises");
    assert_eq!(Status::parse(&written), Ok(head()));
}

#[test]
fn what_is_kept_of_a_heartbeat_is_bounded() {
    let with_reasons = |count: usize, last: usize| {
        let mut body: serde_json::Value = serde_json::from_str(HEARTBEAT).expect("JSON");
        let reasons = (1..count).map(|_| 256).chain([last]);
        let reasons: Vec<String> = reasons.map(|bytes| "r".repeat(bytes)).collect();
        body["degraded_reasons"] = reasons.into();
        let body = body.to_string();
        Echo::of(&Heartbeat::parse(body.as_bytes()).expect("parses"))
    };
    let room = ECHO_BYTES_MAX - with_reasons(1, 1).expect("fits").bytes() + 1;
    let each = 256 + r#","""#.len();
    let (whole, last) = (room / each + 1, room % each);
    let full = with_reasons(whole, last).expect("fits to the last byte");
    assert_eq!(full.bytes(), ECHO_BYTES_MAX);
    let refused = with_reasons(whole, last + 1).expect_err("one more");
    assert_eq!(refused.code, ErrorCode::InvalidField);
    assert!(refused.message.contains("32768 bytes"), "{refused:?}");
}

#[test]
fn what_a_newer_agent_says_is_echoed_as_it_came() {
    let heartbeat = Heartbeat::parse(HEARTBEAT.as_bytes()).expect("parses");
    let mut json = Vec::new();
    Echo::of(&heartbeat).expect("serialises").write(&mut json);
    assert!(text(&json).contains(r#""observers":{"network":"running","node":"asleep"}"#));
    assert!(text(&json).starts_with(r#""reported_config_version":"3","#));
}

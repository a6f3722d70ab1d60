//! `GET /v1/agents/config`: the config, its identity, and the cheap "as before".

use serde_json::json;
use tapio_tests::controller::TestController;
use tapio_tests::http::{Answer, Request};
use tapio_tests::payload::{self, DEFAULT_HASH};

use crate::refusal::{self, INVALID, MISSING};

const QUERY: &str = "/v1/agents/config?agent_id=a&node_name=n";

fn conditional(controller: &TestController, tag: &str) -> Answer {
    controller.send(&Request::get(QUERY).header("If-None-Match", tag))
}

#[test]
fn the_production_default_is_what_deployed_controllers_serve() {
    let controller = TestController::start(&[]);
    let answer = controller.get(QUERY);
    assert_eq!(
        answer.ok(),
        json!({
            "wire_version": payload::VERSION,
            "version": "1",
            "config_hash": DEFAULT_HASH,
            "config": {
                "network": {
                    "enabled": true, "rtt_spike_ratio": 2, "rtt_spike_abs_us": 500_000,
                    "rtt_min_baseline_samples": 5, "conn_refused_window_ns": 0, "conn_refused_min_count": 0,
                },
                "storage": {
                    "enabled": true, "slow_io_warning_ns": 50_000_000, "slow_io_critical_ns": 200_000_000,
                },
                "container": {"enabled": true, "ignore_exit_codes": []},
                "node_pmc": {
                    "enabled": true, "stall_warning_permille": 200, "stall_critical_permille": 400,
                    "ipc_degradation_milli": 1000,
                },
            },
            "batching": {"send_interval_ms": 1000, "max_batch_events": 256},
        })
    );
    let tag = format!("\"{DEFAULT_HASH}\"");
    assert_eq!(answer.header("etag"), Some(tag.as_str()));
}

#[test]
fn the_config_is_written_in_the_order_of_its_page() {
    let controller = TestController::start(&[]);
    let text = controller.get(QUERY).text();
    let mut from = 0;
    for key in [
        "network",
        "enabled",
        "rtt_spike_ratio",
        "rtt_spike_abs_us",
        "rtt_min_baseline_samples",
        "conn_refused_window_ns",
        "conn_refused_min_count",
        "storage",
        "enabled",
        "slow_io_warning_ns",
        "slow_io_critical_ns",
        "container",
        "enabled",
        "ignore_exit_codes",
        "node_pmc",
        "enabled",
        "stall_warning_permille",
        "stall_critical_permille",
        "ipc_degradation_milli",
    ] {
        let at = text[from..].find(&format!("\"{key}\":"));
        from += at.unwrap_or_else(|| panic!("{key} is not in its place: {text}"));
    }
}

#[test]
fn batching_is_the_operators_to_set_and_no_part_of_the_identity() {
    let controller =
        TestController::start(&["--send-interval-ms", "250", "--max-batch-events", "16"]);
    let config = controller.get(QUERY).ok();
    assert_eq!(
        config["batching"],
        json!({"send_interval_ms": 250, "max_batch_events": 16})
    );
    assert_eq!(config["config_hash"], DEFAULT_HASH);
    let hello = controller.post(payload::HELLO, &payload::hello("a")).ok();
    assert_eq!(
        (&hello["send_interval_ms"], &hello["max_batch_events"]),
        (&250.into(), &16.into())
    );
}

#[test]
fn the_active_tag_is_answered_without_a_body() {
    let controller = TestController::start(&[]);
    let tag = format!("\"{DEFAULT_HASH}\"");
    let mut connection = controller.connect();
    let request = Request::get(QUERY).header("If-None-Match", &tag);
    for _ in 0..3 {
        let answer = connection.send(&request).expect("an answer");
        assert_eq!(answer.status, 304);
        assert_eq!(answer.header("etag"), Some(tag.as_str()));
        assert!(matches!(answer.header("content-length"), None | Some("0")));
        assert_eq!(answer.header("transfer-encoding"), None);
    }
    // Had a body followed, this answer would begin inside it.
    connection
        .send(&Request::get(QUERY))
        .expect("an answer")
        .ok();
}

#[test]
fn only_the_exact_single_tag_matches() {
    let controller = TestController::start(&[]);
    let other = DEFAULT_HASH.replace("845b", "0000");
    for tag in [
        "*".to_owned(),
        DEFAULT_HASH.to_owned(),
        format!("W/\"{DEFAULT_HASH}\""),
        format!("w/\"{DEFAULT_HASH}\""),
        format!("\"{DEFAULT_HASH}\", \"{other}\""),
        format!("\"{other}\", \"{DEFAULT_HASH}\""),
        format!("\"{DEFAULT_HASH}\",\"{DEFAULT_HASH}\""),
        format!("\"{DEFAULT_HASH}\","),
        format!("'{DEFAULT_HASH}'"),
        format!("\"{}\"", DEFAULT_HASH.to_uppercase()),
        format!("\"{}\"", &DEFAULT_HASH["sha256:".len()..]),
        format!("\"{DEFAULT_HASH} \""),
        format!("\"{other}\""),
        "\"\"".to_owned(),
        String::new(),
    ] {
        let answer = conditional(&controller, &tag);
        assert_eq!(answer.status, 200, "If-None-Match: {tag}");
        assert_eq!(answer.json()["config_hash"], DEFAULT_HASH);
    }
}

#[test]
fn both_parameters_are_required() {
    let controller = TestController::start(&[]);
    for (query, named) in [
        ("", "agent_id"),
        ("?", "agent_id"),
        ("?node_name=n", "agent_id"),
        ("?agent_id=a", "node_name"),
        ("?agent_id&node_name=n", "agent_id"),
        ("?agent_id=&node_name=n", "agent_id"),
        ("?agent_id=a&node_name=", "node_name"),
        ("?agent_id=+&node_name=n", "agent_id"),
        ("?agent_id=%20%09&node_name=n", "agent_id"),
        ("?AGENT_ID=a&node_name=n", "agent_id"),
        ("?agent_id=a;node_name=n", "node_name"),
    ] {
        let answer = controller.get(&format!("{}{query}", payload::CONFIG));
        refusal::expect(&answer, MISSING, named);
    }
}

#[test]
fn the_tag_does_not_excuse_a_missing_parameter() {
    let controller = TestController::start(&[]);
    let request = Request::get("/v1/agents/config?agent_id=a");
    let answer = controller.send(&request.header("If-None-Match", &format!("\"{DEFAULT_HASH}\"")));
    refusal::expect(&answer, MISSING, "node_name");
}

#[test]
fn parameters_are_decoded_and_unknown_ones_ignored() {
    let controller = TestController::start(&[]);
    for query in [
        "agent_id=a&node_name=n",
        "node_name=n&agent_id=a",
        "agent%5Fid=a&node%5fname=n",
        "agent_id=%61+b%2Bc&node_name=%C3%A4",
        "x=1&agent_id=a&&y&node_name=n&z=%20",
        "agent_id=a=b&node_name=n",
    ] {
        controller.get(&format!("{}?{query}", payload::CONFIG)).ok();
    }
}

#[test]
fn a_parameter_is_measured_after_decoding() {
    let controller = TestController::start(&[]);
    let long = |encoded: &str, times: usize| {
        controller.get(&format!(
            "{}?agent_id={}&node_name=n",
            payload::CONFIG,
            encoded.repeat(times)
        ))
    };
    long("%61", 256).ok();
    refusal::expect(&long("%61", 257), INVALID, "agent_id");
    long("%C3%A4", 128).ok();
    refusal::expect(&long("%C3%A4", 129), INVALID, "agent_id");
}

#[test]
fn what_cannot_be_decoded_or_shown_is_invalid() {
    let controller = TestController::start(&[]);
    for value in [
        "%00",
        "a%0ab",
        "%1b%5B31m",
        "%7F",
        "%",
        "%4",
        "%zz",
        "a%g0",
        "%ff",
        "%C3",
        "%ed%a0%80",
    ] {
        let agent = controller.get(&format!("{}?agent_id={value}&node_name=n", payload::CONFIG));
        refusal::expect(&agent, INVALID, "agent_id");
        let node = controller.get(&format!("{}?agent_id=a&node_name={value}", payload::CONFIG));
        refusal::expect(&node, INVALID, "node_name");
    }
}

#[test]
fn asking_for_config_registers_nobody() {
    let controller = TestController::start(&[]);
    controller.get(QUERY).ok();
    assert_eq!(controller.status()["agents"], json!([]));
}

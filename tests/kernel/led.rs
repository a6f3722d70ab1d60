//! An agent that was led by a controller, and is without one: at its start, while it runs, and when
//! it is asked to leave.

use std::collections::BTreeSet;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tapio_common::evidence::name::SegmentName;
use tapio_tests::agent::{TestAgent, container_config};
use tapio_tests::deadline::{SOON, wait_until};
use tapio_tests::proxy::{Fault, Proxy};
use tapio_tests::scripted::{Asked, ScriptedController};
use tapio_tests::steered::SteeredController;

use crate::ABNORMAL_EXIT;
use crate::deaths::segments;
use crate::managed::Managed;
use crate::scene::causer;

const HASH: &str = "sha256:845b719f50052b222e79a6f0a9e091e4fe5cc62f8049f7a9089cf20175f5ddef";

/// For the calls of one turn on a busy machine.
const CALL_MAX: Duration = Duration::from_secs(2);

/// A controller whose answers are those of the first day, but for these to events.
fn controller(events: &Value) -> ScriptedController {
    let first_day = include_str!("../data/wire/exchange/controller/first-day.json");
    let mut script: Value = serde_json::from_str(first_day).expect("JSON");
    script["answers"]["events"] = events.clone();
    ScriptedController::start(script)
}

/// An address at which nobody listens, as of a moment ago.
fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound")
}

#[track_caller]
fn await_words(agent: &TestAgent, words: &str) {
    wait_until(words, 3 * SOON, || agent.stderr().contains(words));
}

/// The first segment there is.
fn oldest(managed: &Managed) -> Option<SegmentName> {
    let files = fs::read_dir(managed.evidence()).expect("it is there");
    let names = files.map(|file| file.expect("an entry").file_name());
    names
        .filter_map(|name| SegmentName::from_file(name.to_str()?))
        .min()
}

/// An agent in whose folders a config is kept, and where that is.
#[track_caller]
fn led_once(managed: &Managed, sinks: &[&str]) -> PathBuf {
    let agent = managed.start(sinks);
    await_words(&agent, "is in force");
    agent.stop();
    managed.state().join("last-config")
}

#[test]
fn the_config_it_kept_runs_without_a_controller() {
    let scripted = controller(&json!([]));
    let managed = Managed::new(scripted.address());
    led_once(&managed, &["file"]);
    let mut managed = managed;
    managed.lead_to(nobody());
    let agent = managed.start(&["file"]);
    assert!(
        agent
            .stderr()
            .contains(&format!("config {HASH} generation 41")),
        "{}",
        agent.stderr()
    );
    let pid = killed();
    wait_until("the death in the directory", SOON, || {
        let stored = segments(&managed.evidence());
        let mut events = stored.values().flatten();
        events.any(|event| event["data"]["pid"] == pid)
    });
    await_words(&agent, "fails, observation goes on");
    let said = agent.stop().stderr;
    let told = said.matches("warn: controller ").count();
    assert_eq!(told, 1, "an outage is told once:\n{said}");
}

#[test]
fn a_kept_config_that_is_damaged_is_not_used_and_said_so() {
    let scripted = controller(&json!([]));
    let mut managed = Managed::new(scripted.address());
    let kept = led_once(&managed, &["file"]);
    let mut bytes = fs::read(&kept).expect("it was kept");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&kept, &bytes).expect("writable");
    managed.lead_to(nobody());
    let agent = managed.start(&["file"]);
    let said = agent.stderr();
    assert!(said.contains("is not used: it is damaged"), "{said}");
    assert!(said.contains("no config yet"), "{said}");
    killed();
    let report = agent.stop();
    let emitted = report
        .ledger
        .types
        .get(ABNORMAL_EXIT)
        .map_or(0, |row| row.emitted);
    assert_eq!(emitted, 0, "an agent without a config is silent");
}

#[test]
fn events_from_memory_are_taken_one_by_one_as_the_controller_asks() {
    let taken = json!([{"status": 200, "body": {"wire_version": "tapio-wire/v1", "accepted": 1,
        "rejected": 0, "next_config_version": "41"}}]);
    let scripted = controller(&taken);
    let agent = Managed::new(scripted.address()).start(&["controller"]);
    await_words(&agent, "is in force");
    let deaths: Vec<u64> = (0..3).map(|_| u64::from(killed())).collect();
    let pids = || -> Vec<Value> {
        let heard = scripted.heard();
        let batches = heard.iter().filter(|heard| heard.asked == Asked::Events);
        batches
            .map(|heard| heard.body()["events"][0]["facts"]["pid"].clone())
            .collect()
    };
    wait_until("all three", 3 * SOON, || {
        deaths
            .iter()
            .all(|pid| pids().iter().any(|found| found == pid))
    });
    let report = agent.stop();
    let sink = &report.ledger.sinks["controller"];
    assert_eq!(sink.dropped_total(), 0, "{sink:?}");
    let heard = scripted.heard();
    let events = heard.iter().filter(|heard| heard.asked == Asked::Events);
    let sequences: Vec<u64> = events
        .map(|heard| heard.body()["sequence"].as_u64().expect("a number"))
        .collect();
    assert_eq!(sequences, (1..=sink.delivered).collect::<Vec<_>>());
}

#[test]
fn what_is_in_memory_when_it_leaves_is_counted() {
    let scripted = controller(&json!([{"status": 500}]));
    let agent = Managed::new(scripted.address()).start(&["controller"]);
    await_words(&agent, "is in force");
    killed();
    await_words(&agent, "takes no evidence, it waits: it answered 500");
    let report = agent.stop();
    let sink = &report.ledger.sinks["controller"];
    assert_eq!((sink.delivered, sink.pending), (0, 0), "{sink:?}");
    assert!(sink.dropped["stopped"] > 0, "{sink:?}");
}

#[test]
fn a_controller_that_never_answers_does_not_hold_up_a_stop() {
    let scripted = controller(&json!([{"status": 500}]));
    let mut managed = Managed::new(scripted.address());
    led_once(&managed, &["file", "controller"]);
    // Connections are taken by the kernel, and nobody reads.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    managed.lead_to(silent.local_addr().expect("bound"));
    let agent = managed.start(&["file", "controller"]);
    killed();
    await_words(&agent, "it did not answer in time");
    let report = agent.stop(); // in time, and its sums add up
    assert!(report.ledger.sinks["controller"].pending > 0);
}

#[test]
fn another_config_is_reported_within_one_poll_interval_however_rare_heartbeats_are() {
    const POLL: Duration = Duration::from_secs(3);
    let controller = SteeredController::start(&container_config("workloads", &[]));
    let flags = [
        "--config-poll-interval",
        "3",
        "--heartbeat-interval",
        "3600",
    ];
    let managed = Managed::new(controller.address());
    let agent = managed.start_with(&["file"], &flags);
    controller.await_applied();
    for code in 1..=3 {
        let since = Instant::now();
        controller.steer(&container_config("workloads", &[code]));
        let took = since.elapsed();
        assert!(took < POLL + CALL_MAX, "{took:?}");
    }
    agent.stop();
}

#[test]
fn what_retention_removes_before_anybody_took_it_is_counted_and_reported() {
    let taken = json!([{"status": 200, "body": {"wire_version": "tapio-wire/v1", "accepted": 1,
        "rejected": 0, "next_config_version": "41"}}]);
    let scripted = controller(&taken);
    let mut proxy = Proxy::start(scripted.address());
    let managed = Managed::new(proxy.place().into());
    let small = ["--segment-max-bytes", "64KiB", "--retain-bytes", "64KiB"];
    let agent = managed.start_with(&["file", "controller"], &small);
    await_words(&agent, "is in force");
    proxy.misbehave(Fault::Refused);
    killed();
    wait_until("the first segment", SOON, || oldest(&managed).is_some());
    let first = oldest(&managed);
    wait_until("retention", 6 * SOON, || {
        killed();
        oldest(&managed) != first
    });
    proxy.misbehave(Fault::None);
    wait_until("the heartbeat that says so", 6 * SOON, || {
        let sink = reported(&scripted);
        sink["dropped"]["expired"].as_u64() > Some(0) && sink["pending"].is_null()
    });
    let report = agent.stop(); // and its sums add up
    let sink = &report.ledger.sinks["controller"];
    assert_eq!(sink.dropped.len(), 1, "{sink:?}");
    // One by one. What broke off was said again, and who leaves does not wait for the last answer.
    let heard = scripted.heard();
    let events = heard.iter().filter(|heard| heard.asked == Asked::Events);
    let sequences = events.filter_map(|heard| heard.body()["sequence"].as_u64());
    let heard = sequences.collect::<BTreeSet<u64>>().len() as u64;
    assert!(
        (sink.delivered..=sink.delivered + sink.pending).contains(&heard),
        "{heard} heard: {sink:?}"
    );
}

#[test]
fn a_batch_that_is_refused_for_good_is_counted_reported_and_in_nobodys_way() {
    let refused = json!({"status": 422, "body": {"error": {"code": "REASONING_FIELD",
        "message": "facts.cause"}}});
    let taken = json!({"status": 200, "body": {"wire_version": "tapio-wire/v1", "accepted": 1,
        "rejected": 0, "next_config_version": "41"}});
    let scripted = controller(&json!([refused, taken]));
    let managed = Managed::new(scripted.address());
    let agent = managed.start(&["file", "controller"]);
    await_words(&agent, "is in force");
    let deaths = [killed(), killed(), killed()];
    wait_until("the heartbeat that says so", 6 * SOON, || {
        let sink = reported(&scripted);
        sink["dropped"] == json!({"refused": 1}) && sink["delivered"].as_u64() >= Some(2)
    });
    agent.stop();
    let heard = scripted.heard();
    let batches = heard.iter().filter(|heard| heard.asked == Asked::Events);
    let batches: Vec<Value> = batches.map(|heard| heard.body()).collect();
    let sequences: Vec<u64> = batches
        .iter()
        .map(|batch| batch["sequence"].as_u64().expect("a number"))
        .collect();
    assert_eq!(sequences[..3], [1, 1, 2], "what was refused used no number");
    for pid in deaths {
        let ours = |batch: &&Value| batch["events"][0]["facts"]["pid"] == pid;
        assert_eq!(batches.iter().filter(ours).count(), 1, "{pid}");
    }
}

/// What the last heartbeat says of the sink.
fn reported(scripted: &ScriptedController) -> Value {
    let heard = scripted.heard();
    let mut beats = heard.iter().rev();
    let last = beats.find(|heard| heard.asked == Asked::Heartbeat);
    last.map_or(Value::Null, |heard| {
        heard.body()["ledger"]["sinks"]["controller"].clone()
    })
}

/// A process of ours that dies by SIGKILL, which is evidence whoever it is.
fn killed() -> u32 {
    let mut child = causer("die 9").spawn().expect("the causer starts");
    let pid = child.id();
    child.wait().expect("our child");
    pid
}

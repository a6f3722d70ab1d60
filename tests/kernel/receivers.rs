//! What leaves the agent for others, read by others' own definitions: OTLP, JSON lines, metrics.
//!
//! The receivers are Python with the official packages (`tests/python`), or a plain socket. Standard
//! output stands on the other side: every sink gets the same occurrences.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::{Map, Value, json};
use tapio_tests::agent::{EVENT_MAX, Report, TestAgent, container_config};
use tapio_tests::deadline::wait_for;
use tapio_tests::folder::TestFolder;
use tapio_tests::program::Program;
use tapio_tests::python::python;

use crate::cgroup::Cgroup;
use crate::scene::Scene;

/// The receiver of `otlp_receiver.py`, and what it decoded.
struct Receiver {
    child: Child,
    folder: TestFolder,
}

impl Receiver {
    #[track_caller]
    fn start(flags: &[&str]) -> Self {
        let folder = TestFolder::new();
        let log = fs::File::create(folder.join("log")).expect("a file for its log");
        let child = python("otlp_receiver.py").args(flags).stdout(log).spawn();
        Self {
            child: child.expect("Python starts"),
            folder,
        }
    }

    #[track_caller]
    fn port(&self) -> u64 {
        wait_for("its port", EVENT_MAX, || {
            self.lines().first()?["port"].as_u64()
        })
    }

    fn lines(&self) -> Vec<Value> {
        let log = fs::read_to_string(self.folder.join("log")).expect("its log");
        let whole = log
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        whole
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect()
    }

    /// Every record it decoded, by its occurrence's id.
    #[track_caller]
    fn records(&self) -> BTreeMap<String, Value> {
        let mut records = BTreeMap::new();
        for request in self.lines().into_iter().skip(1) {
            assert_eq!(request["error"], Value::Null, "{request}");
            assert_eq!(
                (&request["path"], &request["type"]),
                (&json!("/v1/logs"), &json!("application/json"))
            );
            assert_eq!(request["key"], "hunter2", "the header came from the file");
            for record in request["records"].as_array().expect("a list") {
                let id = record["attributes"]["tapio.id"][1].as_str().expect("an id");
                assert_eq!(
                    records.insert(id.to_owned(), record.clone()),
                    None,
                    "{id} came twice"
                );
            }
        }
        records
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// An agent with standard output and this sink besides.
#[track_caller]
fn agent(flags: &[&str]) -> TestAgent {
    let folder = TestFolder::new();
    let config = folder.write(
        "config.json",
        container_config("workloads", &[]).to_string(),
    );
    let mut command = Command::new(Program::Agent.path());
    command
        .args(["--observers", "container", "--sink", "stdout"])
        .args(flags);
    command.arg("--config").arg(config);
    TestAgent::spawn(folder, command)
}

/// Three deaths in a cgroup of their own, all of them told on standard output.
#[track_caller]
fn cause(agent: &mut TestAgent) {
    let cgroup = Cgroup::new();
    for words in ["die 9", "exit 5", "fault"] {
        let mut scene = Scene::root(&cgroup, words);
        scene.end();
        agent.expect(words, |event| event.fact("pid") == scene.pid());
    }
}

/// The facts of an occurrence as the decoded attributes ought to be.
fn flat(path: &str, value: &Value, found: &mut Map<String, Value>) {
    let plain = match value {
        Value::Object(members) => {
            for (name, value) in members {
                flat(&format!("{path}.{name}"), value, found);
            }
            return;
        }
        Value::String(text) => json!(["string_value", text]),
        Value::Bool(flag) => json!(["bool_value", flag]),
        Value::Number(number) if number.is_i64() => json!(["int_value", number]),
        other => panic!("{path} is {other}"),
    };
    found.insert(path.to_owned(), plain);
}

#[test]
fn an_otlp_receiver_decodes_every_occurrence_and_every_fact() {
    let secret = TestFolder::new();
    let header = format!("X-Key=@{}", secret.write("key", "hunter2\n").display());
    let receiver = Receiver::start(&["--busy", "1", "--reject", "1"]);
    let url = format!("http://127.0.0.1:{}", receiver.port());
    let mut agent = agent(&[
        "--sink",
        "otlp",
        "--otlp-url",
        &url,
        "--sink-header",
        &header,
    ]);
    cause(&mut agent);
    let report = agent.stop();
    let records = receiver.records();
    let ids: BTreeSet<&str> = report
        .events
        .iter()
        .filter_map(|event| event.0["id"].as_str())
        .collect();
    assert!(
        ids.len() >= 3 && records.keys().map(String::as_str).eq(ids),
        "{records:?}"
    );
    for event in &report.events {
        let event = &event.0;
        let record = &records[event["id"].as_str().expect("an id")];
        let mut facts = Map::new();
        for name in ["id", "protocol_version", "outcome", "error"] {
            flat(&format!("tapio.{name}"), &event[name], &mut facts);
        }
        flat("tapio", &event["data"], &mut facts);
        let owner = |name: &str| facts.get(&format!("tapio.{name}")).cloned();
        let (container, pod) = (owner("container_id"), owner("pod_uid"));
        facts.remove("tapio.container_id");
        facts.remove("tapio.pod_uid");
        assert_eq!(record["attributes"], Value::Object(facts), "{event}");
        let resource = &record["resource"];
        assert_eq!(
            resource["service.name"],
            json!(["string_value", "tapio-agent"])
        );
        assert_eq!(resource["host.name"][1], event["context"]["node"]);
        assert_eq!(resource.get("container.id").cloned(), container);
        assert_eq!(resource.get("k8s.pod.uid").cloned(), pod);
        let severity = match event["severity"].as_str() {
            Some("warning") => json!([13, "WARN"]),
            Some("error") => json!([17, "ERROR"]),
            Some("critical") => json!([21, "FATAL"]),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            (&record["severity"], &record["event"]),
            (&severity, &event["type"])
        );
        let time = event["timestamp"]
            .as_str()
            .and_then(tapio_common::time::Timestamp::from_rfc3339);
        assert_eq!(record["time"].as_u64(), time.map(|time| time.0));
    }
    let counts = &report.ledger.sinks["otlp"];
    assert_eq!(
        counts.dropped.get("refused"),
        Some(&1),
        "the partial success: {counts:?}"
    );
    assert_eq!(counts.delivered + 1, report.events.len() as u64);
    assert!(!report.stderr.contains("hunter2") && report.stderr.contains("no room"));
}

/// Takes one request after the other on one connection, until it is closed: the bodies.
fn take(listener: &TcpListener) -> Vec<u8> {
    let (stream, _) = listener.accept().expect("a connection");
    let mut stream = BufReader::new(stream);
    let mut bodies = Vec::new();
    loop {
        let (mut length, mut line) = (None, String::new());
        while stream.read_line(&mut line).expect("readable") > 0 && line != "\r\n" {
            if let Some(value) = line.strip_prefix("Content-Length: ") {
                length = Some(value.trim().parse().expect("a number"));
            }
            line.clear();
        }
        let Some(length) = length else {
            return bodies;
        };
        let mut body = vec![0; length];
        stream.read_exact(&mut body).expect("all of it");
        bodies.extend(body);
        stream
            .get_mut()
            .write_all(b"HTTP/1.1 204 OK\r\n\r\n")
            .expect("writable");
    }
}

#[test]
fn the_http_sink_posts_the_very_lines() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/in", listener.local_addr().expect("bound"));
    let receiving = thread::spawn(move || take(&listener));
    let mut agent = agent(&["--sink", "http", "--http-url", &url]);
    cause(&mut agent);
    let report = agent.stop();
    let posted = receiving.join().expect("no panic");
    let posted: Vec<Value> = posted
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| serde_json::from_slice(line).expect("a line of JSON"))
        .collect();
    let said: Vec<Value> = report.events.into_iter().map(|event| event.0).collect();
    assert_eq!(posted, said);
    assert_eq!(report.ledger.sinks["http"].dropped_total(), 0);
}

/// It takes the connection and never answers: standard output does not wait for it, and the agent
/// leaves in time.
#[test]
fn a_peer_that_is_stuck_delays_neither_others_nor_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let mut agent = agent(&["--sink", "http", "--http-url", &url]);
    cause(&mut agent);
    let (_stuck, _) = listener.accept().expect("a connection");
    cause(&mut agent);
    let report: Report = agent.stop(); // asserts the time and the sums
    let counts = &report.ledger.sinks["http"];
    assert_eq!(
        counts.dropped.get("stopped"),
        Some(&(report.events.len() as u64)),
        "{counts:?}"
    );
}

#[test]
fn prometheus_reads_the_page_and_it_says_what_the_ledger_does() {
    let folder = TestFolder::new();
    let page: PathBuf = folder.join("tapio.prom");
    let mut agent = agent(&["--metrics-file", page.to_str().expect("UTF-8")]);
    cause(&mut agent);
    let report = agent.stop();
    let text = fs::read_to_string(&page).expect("the page");
    let mut reader = python("read_metrics.py")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut input = reader.stdin.take().expect("a pipe");
    input.write_all(text.as_bytes()).expect("it reads");
    drop(input);
    let output = reader.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{text}");
    let mut samples = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let family: Value = serde_json::from_str(line).expect("a line of JSON");
        for sample in family["samples"].as_array().expect("a list") {
            let name = sample[0].as_str().expect("a name");
            samples.insert(format!("{name}{}", sample[1]), sample[2].as_f64());
        }
    }
    let value = |name: &str| samples.get(name).copied().flatten();
    for family in [
        "tapio_events_total{\"observer\":\"container\"}",
        "tapio_lost_events_total{\"observer\":\"container\"}",
        "tapio_malformed_events_total{\"observer\":\"container\"}",
        "tapio_correlation_drops_total{\"observer\":\"container\"}",
        "tapio_sink_drops_total{\"reason\":\"queue_full\",\"sink\":\"stdout\"}",
        "tapio_controller_send_failures_total{}",
        "tapio_config_fetch_total{\"result\":\"failed\"}",
    ] {
        assert!(value(family).is_some(), "no {family} in {samples:?}");
    }
    let exits = report.ledger.types[crate::ABNORMAL_EXIT];
    let of_exits = |name: &str| value(&format!("{name}{{\"type\":\"{}\"}}", crate::ABNORMAL_EXIT));
    assert_eq!(
        of_exits("tapio_anomalies_total"),
        Some(exits.emitted as f64)
    );
    let written = value("tapio_sink_writes_total{\"sink\":\"stdout\"}");
    let delivered = report.ledger.sinks["stdout"].delivered;
    assert!(written.is_some_and(|written| written <= delivered as f64 && written >= 1.0));
    assert_eq!(value("tapio_agent_up{}"), Some(0.0), "it has left");
}

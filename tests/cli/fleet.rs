//! `tapio fleet` and `tapio verify --controller`: against our controller, and against answers that
//! no controller should give.

use std::fs;
use std::io::{BufWriter, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use serde_json::{Value, json};
use tapio_tests::command::{Finished, TestCommand};
use tapio_tests::controller::TestController;
use tapio_tests::folder::TestFolder;
use tapio_tests::payload;
use tapio_tests::program::Program;
use tapio_tests::repository;

use crate::directory::morning;
use crate::terminal::show;

/// Most that `tapio` may have had in memory; the status of that test alone is six times larger.
const MEMORY_KIB_MAX: u64 = 10 << 10;
const AGENTS: usize = 100_000;

fn ask(arguments: &[&str]) -> Finished {
    TestCommand::new(Program::Cli).args(arguments).run()
}

/// Answers one request with what `write` writes, and is gone.
fn answer_once(write: impl FnOnce(&mut TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut request = [0; 1_024];
        let count = stream.read(&mut request).expect("a request");
        assert!(request[..count].starts_with(b"GET /v1/status HTTP/1.0\r\n"));
        write(&mut stream);
    });
    address
}

fn fleet_of(body: String) -> Finished {
    let address = answer_once(move |stream| {
        let whole = format!("HTTP/1.1 200 OK\r\n\r\n{body}");
        // Whoever has read enough leaves early.
        let _ = stream.write_all(whole.as_bytes());
    });
    ask(&["fleet", &format!("http://{address}")])
}

fn agent(id: &str, change: Value) -> Value {
    let mut agent = json!({
        "agent_id": id, "node_name": id, "tapio_version": "0.1.0", "registered_at_unix": 1,
        "last_heartbeat_age_seconds": 7, "reported_config_version": "1",
        "reported_config_hash": payload::DEFAULT_HASH,
        "reported_counters": {"events_total": 6, "malformed_events_total": 0,
            "lost_events_total": 4, "correlation_drops_total": 0, "sink_drops_total": 2,
            "controller_send_failures_total": 0},
        "observers": {"network": "running", "node": "degraded", "storage": "disabled"},
        "degraded_reasons": [],
        "sequence": {"last_seen": 9, "gaps_total": 0, "regressions_total": 0, "duplicates_total": 1},
    });
    let change = change.as_object().expect("an object").clone();
    agent.as_object_mut().expect("an object").extend(change);
    agent
}

/// In the order of the wire, which `json!` does not keep: the agents come last.
fn status(agents: &[Value]) -> String {
    let status = json!({
        "wire_version": payload::VERSION, "controller_id": "hel-1", "started_at_unix": 1,
        "config": {"version": "1", "config_hash": payload::DEFAULT_HASH},
        "totals": {"accepted_events_total": 812, "rejected_events_total": 1,
            "batches_accepted_total": 40, "batches_rejected_total": 1},
    });
    let status = status.to_string();
    let agents = Value::from(agents.to_vec());
    format!("{},\"agents\":{agents}}}", &status[..status.len() - 1])
}

/// One of every kind, and one that would talk to the terminal.
fn fleet() -> String {
    let sequence =
        |gaps: u64| json!({"last_seen": null, "gaps_total": gaps, "regressions_total": 0});
    let failed = json!({"config_hash": "sha256:00", "reason": "unknown observer"});
    status(&[
        agent("edge-01", json!({})),
        agent(
            "edge-02",
            json!({"last_heartbeat_age_seconds": 4_000, "tapio_version": "0.0.9",
            "reported_config_version": "4", "reported_config_hash": "sha256:0a1b2c3d4e5f6071",
            "config_last_failed": failed, "degraded_reasons": ["cached_config"]}),
        ),
        agent(
            "edge-03",
            json!({"last_heartbeat_age_seconds": null, "reported_config_version": null,
            "reported_config_hash": null, "reported_counters": null, "observers": {},
            "sequence": sequence(17)}),
        ),
        agent(
            &format!("a-name-longer-than-any-column-{}", "x".repeat(40)),
            json!({}),
        ),
        agent("\u{202e}evil", json!({})),
    ])
}

#[test]
fn the_screen_at_80_and_at_160_columns() {
    for columns in [80, 160] {
        let body = fleet();
        let address = answer_once(move |stream| {
            stream
                .write_all(format!("HTTP/1.0 200 OK\r\n\r\n{body}").as_bytes())
                .expect("it reads");
        });
        let screen = show(
            &["fleet", &format!("http://{address}")],
            columns,
            &[("NO_COLOR", "1")],
        );
        let file = format!("tests/data/cli/fleet-{columns}.txt");
        let kept = fs::read_to_string(repository::top().join(&file)).unwrap_or_default();
        assert!(
            screen == kept,
            "{file} is\n{kept}\nand the screen\n{screen}"
        );
        assert!(
            screen
                .lines()
                .all(|line| line.chars().count() <= usize::from(columns))
        );
    }
}

#[test]
fn our_controller_is_understood_and_json_is_a_line_each() {
    let controller = TestController::start(&[]);
    for id in ["edge-1", "edge-2"] {
        assert_eq!(
            controller.post(payload::HELLO, &payload::hello(id)).status,
            200
        );
    }
    let heartbeat = payload::full_heartbeat("edge-2");
    assert_eq!(controller.post(payload::HEARTBEAT, &heartbeat).status, 200);
    let url = format!("http://{}", controller.address());
    let said = ask(&["fleet", &url]).expect_code(0).stdout;
    for wanted in ["edge-1", "edge-2", "2: ", "1 never sent a heartbeat"] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    let lines = ask(&["fleet", &url, "--json"]).expect_code(0).stdout;
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[1], controller.agent("edge-2"));
    assert_eq!(lines[2]["agents"], json!([]));
}

#[test]
fn a_fleet_of_a_hundred_thousand_takes_the_memory_of_one_agent() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let folder = TestFolder::new();
    let shown = fs::File::create(folder.join("shown")).expect("a new file");
    let mut child = Command::new(Program::Cli.path())
        .args(["fleet", &url])
        .stdout(shown)
        .spawn()
        .expect("it starts");
    let (mut stream, _) = listener.accept().expect("a connection");
    let mut request = [0; 1_024];
    assert_ne!(stream.read(&mut request).expect("a request"), 0);
    let status = status(&[]);
    let (before, after) = status.split_once(']').expect("its agents");
    let row = agent("edge", json!({})).to_string();
    let mut whole = BufWriter::new(&stream);
    write!(whole, "HTTP/1.0 200 OK\r\n\r\n{before}").expect("it reads");
    for number in 0..AGENTS {
        let comma = if number > 0 { "," } else { "" };
        let row = row.replace("edge", &format!("edge-{number}"));
        write!(whole, "{comma}{row}").expect("it reads");
    }
    whole.flush().expect("it reads");
    drop(whole);
    let about = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it runs");
    let peak = about.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    assert!(peak.is_some_and(|kib| kib < MEMORY_KIB_MAX), "{peak:?} KiB");
    write!(stream, "]{after}").expect("it reads");
    drop(stream);
    assert!(child.wait().expect("it ends").success());
    let shown = fs::read_to_string(folder.join("shown")).expect("text");
    let rows = shown.lines().filter(|line| line.starts_with("edge-"));
    assert_eq!(rows.count(), AGENTS);
    let together = format!("agents      {AGENTS}: {AGENTS} with that config");
    assert!(shown.contains(&together), "{}", &shown[shown.len() - 500..]);
}

#[test]
fn whatever_is_no_status_is_one_line_and_exit_code_one() {
    let whole = fleet();
    let cut = &whole[..whole.len() - 1];
    for (body, wanted) in [
        ("", "its answer was cut short"),
        (cut, "its answer was cut short"),
        ("{}", "its answer is no status: "),
        (r#"{"agents":[]}"#, "its answer is no status: "),
        ("\u{0}\u{1}\u{2}", "its answer was cut short"),
    ] {
        let failed = fleet_of(body.to_owned()).expect_code(1);
        let line = failed.stderr.lines().last().expect("a line");
        assert!(line.contains(wanted), "{body}: {line}");
    }
    let long = format!(r#"{{"agents":[{{"agent_id":"{}"#, "x".repeat(2 << 20));
    let failed = fleet_of(long).expect_code(1);
    assert!(failed.stderr.contains("too large to be a status"));
    let odd = status(&[json!({"agent_id": 7}), agent("edge", json!({}))]);
    let said = fleet_of(odd).expect_code(0).stdout;
    assert!(
        said.contains("an agent that cannot be read") && said.contains("edge "),
        "{said}"
    );
}

#[test]
fn only_http_without_credentials_is_spoken_and_no_url_is_repeated() {
    for url in [
        "https://c",
        "http://user:hunter2@c",
        "ftp://hunter2",
        "hunter2",
    ] {
        for arguments in [&["fleet", url][..], &["verify", "--controller", url]] {
            let refused = ask(arguments).expect_code(2);
            assert!(!refused.refusal().contains("hunter2"), "{}", refused.stderr);
        }
    }
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("its address");
    drop(free);
    let refused = ask(&["fleet", &format!("http://{address}")]).expect_code(1);
    let wanted = format!("tapio: controller {address}: Connection refused");
    assert!(refused.refusal().starts_with(&wanted), "{}", refused.stderr);
}

#[test]
fn verify_holds_the_directory_against_what_the_controller_heard() {
    let directory = morning();
    let whole = directory.ask(&["verify", "--json"]).expect_code(0).stdout;
    let whole: Value = serde_json::from_str(&whole).expect("JSON");
    let head = |sha256: &Value| json!({"evidence_head": {"seal": whole["newest"]["seal"], "sha256": sha256}});
    let verify = |agents: Value, more: &[&str]| {
        let body = status(agents.as_array().expect("agents"));
        let address = answer_once(move |stream| {
            stream
                .write_all(format!("HTTP/1.0 200 OK\r\n\r\n{body}").as_bytes())
                .expect("it reads");
        });
        let url = format!("http://{address}");
        directory.ask(&[&["verify", "--controller", &url], more].concat())
    };
    let agents = json!([
        agent("edge-6", json!({})),
        agent("edge-7", head(&whole["newest"]["sha256"]))
    ]);
    let told = verify(agents.clone(), &["--agent-id", "edge-7"]).expect_code(0);
    assert!(
        told.stdout
            .ends_with("the controller's head is the newest seal\n"),
        "{}",
        told.stdout
    );
    let told = verify(agents.clone(), &["--agent-id", "edge-6"]).expect_code(3);
    assert!(
        told.stdout
            .contains("edge-6 has told the controller of no seal yet")
    );
    let told = verify(agents, &["--agent-id", "edge-9"]).expect_code(3);
    assert!(told.stdout.contains("the controller knows no agent edge-9"));
    let other = agent("edge-7", head(&json!("0".repeat(64))));
    let told = verify(json!([other]), &["--agent-id", "edge-7"]).expect_code(1);
    assert!(told.stdout.starts_with("broken:\n"), "{}", told.stdout);
}

//! `tapio mcp`, asked by the protocol's official Python client, and by nobody's.

use serde_json::{Value, json};
use tapio_tests::command::TestCommand;
use tapio_tests::program::Program;
use tapio_tests::python::python;

use crate::directory::{Directory, EXIT, morning};

/// What the client was told: of the server, of its tools, and each answer.
fn ask(directory: &Directory, calls: &[(&str, Value)]) -> Vec<Value> {
    let mut command = python("mcp_client.py");
    command.arg(Program::Cli.path()).arg(directory.path());
    for (tool, arguments) in calls {
        command.args([*tool, &arguments.to_string()]);
    }
    let said = command.output().expect("Python starts");
    let errors = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{errors}");
    let lines = String::from_utf8(said.stdout).expect("text");
    lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// The answer that is in a result's text.
fn told(result: &Value) -> Value {
    assert_eq!(result["isError"], false, "{result}");
    let text = result["content"][0]["text"].as_str().expect("text");
    serde_json::from_str(text).expect("JSON")
}

const MORNING: [(&str, &str); 2] = [
    ("since", "2026-11-21T09:35:00Z"),
    ("until", "2026-11-21T11:00:00Z"),
];

fn of_the_morning(more: Value) -> Value {
    let mut arguments = more;
    for (name, moment) in MORNING {
        arguments[name] = moment.into();
    }
    arguments
}

#[test]
fn the_official_client_lists_the_tools_and_gets_answers() {
    let directory = morning();
    let said = ask(
        &directory,
        &[
            (
                "recent_evidence",
                of_the_morning(json!({"container": "3f1c9a3f", "limit": 2})),
            ),
            ("why", json!({"subject": "812"})),
            ("coverage", of_the_morning(json!({"type": "oom_kill"}))),
            ("coverage", of_the_morning(json!({"observer": "node"}))),
            ("node_health", json!({})),
            ("recent_evidence", json!({"since": "soon"})),
            ("why", json!({})),
            ("erase", json!({})),
        ],
    );
    let [server, tools, answers @ ..] = &said[..] else {
        panic!("{said:?}");
    };
    assert_eq!(server["serverInfo"]["name"], "tapio");
    let tools = tools["tools"].as_array().expect("tools").iter();
    let names: Vec<&str> = tools.filter_map(|tool| tool["name"].as_str()).collect();
    assert_eq!(names, ["recent_evidence", "node_health", "why", "coverage"]);
    let recent = told(&answers[0]);
    assert_eq!(
        (&recent["answer"], &recent["there_are_older_ones"]),
        (&json!("seen"), &json!(true))
    );
    let types = recent["events"].as_array().expect("events").iter();
    let types: Vec<&str> = types.filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(types, ["kernel.container.oom_kill", EXIT]);
    let why = told(&answers[1]);
    assert_eq!(why["death"]["data"]["signal"], 9);
    assert_eq!(why["before"].as_array().expect("events").len(), 3);
    assert_eq!(told(&answers[2])["coverage"]["is_full"], true);
    let node = told(&answers[3]);
    assert_eq!(
        node["coverage"]["doubts"][0]["why"],
        "not looked for: no_pmu"
    );
    assert!(told(&answers[4])["types"].is_object());
    assert_eq!(answers[5]["isError"], true);
    assert_eq!(answers[6]["refused"], "why needs subject");
    assert_eq!(answers[7]["refused"], "there is no such tool");
}

#[test]
fn answers_are_bounded_whatever_is_asked_and_whatever_is_there() {
    let mut directory = Directory::new(
        "2026-11-21T09:30:00Z",
        tapio_common::evidence::Limits::default(),
    );
    for at in 0..500 {
        let words = "x".repeat(4_000);
        directory.put(EXIT, "error", json!({"pid": at, "comm": words}));
    }
    let arguments = json!({"limit": 100_000, "since": "2026-11-21T09:00:00Z"});
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "recent_evidence", "arguments": arguments}});
    let finished = TestCommand::new(Program::Cli)
        .args([
            "mcp".as_ref(),
            "--data-dir".as_ref(),
            directory.path().as_os_str(),
        ])
        .input(format!("{request}\n"))
        .run()
        .expect_code(0);
    assert!(
        finished.stdout.len() < 600 << 10,
        "{}",
        finished.stdout.len()
    );
    let reply: Value = serde_json::from_str(&finished.stdout).expect("JSON");
    let recent = told(&reply["result"]);
    let events = recent["events"].as_array().expect("events");
    let last = events.last().expect("an event");
    assert_eq!(last["data"]["pid"], 499);
    let left_out = recent["events_left_out_for_size"]
        .as_u64()
        .expect("a number");
    assert_eq!(u64::try_from(events.len()).expect("few") + left_out, 200);
}

#[test]
fn garbage_on_the_line_does_not_end_it_and_the_end_of_input_does() {
    let directory = morning();
    let mut input = Vec::new();
    for byte in 0..=255_u8 {
        input.extend([byte, b'{', byte, b'\n']);
    }
    input.extend(vec![b'['; 3 << 20]);
    input.extend(b"\n{\"jsonrpc\":\"2.0\",\"id\":\"last\",\"method\":\"ping\"}");
    let finished = TestCommand::new(Program::Cli)
        .args([
            "mcp".as_ref(),
            "--data-dir".as_ref(),
            directory.path().as_os_str(),
        ])
        .input(input)
        .run()
        .expect_code(0);
    assert_eq!(finished.stderr, "");
    let replies: Vec<Value> = finished
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let [garbage @ .., last] = &replies[..] else {
        panic!("no reply");
    };
    assert_eq!(last, &json!({"jsonrpc": "2.0", "id": "last", "result": {}}));
    assert!(garbage.len() >= 256);
    assert!(garbage.iter().all(|reply| reply["error"]["code"].is_i64()));
}

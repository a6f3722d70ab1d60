use super::*;

fn settings() -> Settings {
    Settings {
        data_dir: "/nonexistent".into(),
        ..Settings::blank()
    }
}

fn said(line: &str) -> Option<Value> {
    reply(line.as_bytes(), &settings())
}

fn call(params: &Value) -> Value {
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    said(&request.to_string()).expect("a reply")
}

#[test]
fn a_known_revision_is_kept_and_a_stranger_is_offered_the_newest() {
    for (asked, wanted) in [
        (json!("2024-11-05"), "2024-11-05"),
        (json!("2025-11-25"), "2025-11-25"),
        (json!("1999-01-01"), "2025-11-25"),
        (json!(7), "2025-11-25"),
    ] {
        let request = json!({"jsonrpc": "2.0", "id": "a", "method": "initialize",
            "params": {"protocolVersion": asked, "capabilities": {}}});
        let reply = said(&request.to_string()).expect("a reply");
        assert_eq!(reply["result"]["protocolVersion"], wanted);
        assert_eq!(reply["id"], "a");
    }
}

#[test]
fn garbage_is_refused_by_its_number_and_notices_are_passed_over() {
    for (line, wanted) in [
        ("{", -32_700),
        ("\u{0}", -32_700),
        ("[]", -32_600),
        ("7", -32_600),
        ("{\"id\":1}", -32_600),
        (
            "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}",
            -32_600,
        ),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}",
            -32_600,
        ),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}",
            -32_600,
        ),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/list\"}",
            -32_601,
        ),
    ] {
        assert_eq!(said(line).expect(line)["error"]["code"], wanted, "{line}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(said(&deep).expect("a reply")["error"]["code"], -32_700);
    let long = " x".repeat(LINE_BYTES_MAX);
    assert_eq!(said(&long).expect("a reply")["error"]["code"], -32_600);
    for line in [
        "",
        "  \r",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}",
    ] {
        assert_eq!(said(line), None, "{line}");
    }
}

/// Servers of the revision 2025-03-26 have to take them.
#[test]
fn requests_in_one_array_are_answered_in_one_and_not_too_many_of_them() {
    let ping = |id: usize| json!({"jsonrpc": "2.0", "id": id, "method": "ping"});
    let notice = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let batch = json!([ping(1), notice, 7, ping(2)]);
    let reply = said(&batch.to_string()).expect("a reply");
    let ids: Vec<&Value> = reply
        .as_array()
        .expect("an array")
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(ids, [&json!(1), &Value::Null, &json!(2)]);
    assert_eq!(said(&json!([notice]).to_string()), None);
    let pings = |count| Value::from((0..count).map(ping).collect::<Vec<_>>()).to_string();
    let most = said(&pings(BATCH_MAX)).expect("a reply");
    assert_eq!(most.as_array().map(Vec::len), Some(BATCH_MAX));
    let more = said(&pings(BATCH_MAX + 1)).expect("a reply");
    assert_eq!(more["error"]["code"], -32_600);
}

#[test]
fn arguments_are_those_of_the_table_and_refused_in_its_words() {
    for (params, wanted) in [
        (json!({"name": "rm"}), "there is no such tool"),
        (json!({}), "there is no such tool"),
        (json!({"name": "why"}), "why needs subject"),
        (
            json!({"name": "why", "arguments": []}),
            "arguments are no object",
        ),
        (
            json!({"name": "coverage", "arguments": {"data-dir": "/etc"}}),
            "coverage takes no \"data-dir\"",
        ),
        (
            json!({"name": "recent_evidence", "arguments": {"pid": true}}),
            "\"pid\" is neither text nor a number",
        ),
    ] {
        assert_eq!(call(&params)["error"]["message"], wanted);
    }
    for (params, wanted) in [
        (
            json!({"name": "recent_evidence", "arguments": {"since": "soon"}}),
            "--since: \"soon\" is not a time ago",
        ),
        (
            json!({"name": "node_health"}),
            "evidence in /nonexistent cannot be read",
        ),
        (
            json!({"name": "why", "arguments": {"subject": "--help"}}),
            "evidence in /nonexistent cannot be read",
        ),
    ] {
        let result = &call(&params)["result"];
        let text = result["content"][0]["text"].as_str().expect("text");
        assert!(text.starts_with(wanted), "{text}");
        assert_eq!(result["isError"], true);
    }
}

#[test]
fn every_tool_has_a_schema_with_every_flag_of_its_row() {
    let listed = tools::list();
    let names: Vec<&str> = listed
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    assert_eq!(names, ["recent_evidence", "node_health", "why", "coverage"]);
    let properties = &listed[0]["inputSchema"]["properties"];
    assert_eq!(properties.as_object().expect("an object").len(), 8);
    assert_eq!(properties["limit"]["type"], "integer");
    assert_eq!(listed[2]["inputSchema"]["required"], json!(["subject"]));
}

#[test]
fn a_line_is_bounded_and_the_next_one_is_read() {
    let input = [&vec![b'x'; LINE_BYTES_MAX * 2][..], b"\nnext\nlast"].concat();
    let mut input = io::BufReader::with_capacity(1_000, &input[..]);
    let mut line = Vec::new();
    assert!(read_line(&mut input, &mut line).expect("a line"));
    assert_eq!(line.len(), LINE_BYTES_MAX + 1);
    for wanted in ["next", "last"] {
        assert!(read_line(&mut input, &mut line).expect("a line"));
        assert_eq!(line, wanted.as_bytes());
    }
    assert!(!read_line(&mut input, &mut line).expect("the end"));
}

use serde_json::json;

use super::*;
use crate::http::Request;
use crate::payload;

fn script() -> Value {
    json!({
        "expects": {
            "hello": {
                "headers": {"content-type": "application/json"},
                "body": {"wire_version": "tapio-wire/v1", "agent_id": "a"},
                "variable": ["/agent_id"],
            },
            "config": {
                "target_starts": "/v1/agents/config?agent_id=",
                "headers_from": [{"if-none-match": null}, {"if-none-match": "\"t\""}],
            },
        },
        "answers": {
            "hello": [{"status": 500, "body": "no"}, {"body": {"accepted": true}}],
            "config": [
                {"headers": {"ETag": "\"t\""}, "body": {"version": "1"}},
                {"status": 304, "headers": {"ETag": "\"t\""}},
            ],
        },
    })
}

#[test]
fn answers_come_in_their_order_and_the_last_again() {
    let controller = ScriptedController::start(script());
    let hello = Request::post_json(payload::HELLO, &payload::hello("b"));
    let statuses = [(); 3].map(|()| hello.send(controller.address()).expect("an answer").status);
    assert_eq!(statuses, [500, 200, 200]);
    let poll = Request::get("/v1/agents/config?agent_id=b&node_name=n");
    let tagged = poll.clone().header("If-None-Match", "\"t\"");
    let first = poll.send(controller.address()).expect("an answer");
    assert_eq!((first.status, first.header("etag")), (200, Some("\"t\"")));
    assert_eq!(first.ok(), json!({"version": "1"}));
    assert_eq!(
        tagged.send(controller.address()).expect("an answer").status,
        304
    );
    assert_eq!(controller.complaints(), [""; 0]);
    let asked: Vec<Asked> = controller.heard().iter().map(|heard| heard.asked).collect();
    use Asked::{Config, Hello};
    assert_eq!(asked, [Hello, Hello, Hello, Config, Config]);
}

#[test]
fn what_is_asked_otherwise_than_the_file_says_is_told() {
    let controller = ScriptedController::start(script());
    let mut body = payload::hello("b");
    body["wire_version"] = "tapio-wire/v2".into();
    let hello = Request::post_json(payload::HELLO, &body);
    hello.send(controller.address()).expect("an answer");
    let poll = Request::get("/v1/agents/config?node_name=n").header("If-None-Match", "\"t\"");
    poll.send(controller.address()).expect("an answer");
    let nobody = Request::get("/v1/profiles").send(controller.address());
    assert!(nobody.is_err(), "{nobody:?}");
    let complaints = controller.complaints().join("\n");
    for part in [
        "hello 0: /wire_version: \"tapio-wire/v2\" instead of",
        "config 0: header if-none-match: \"\\\"t\\\"\" instead of null",
        "config 0: target /v1/agents/config?node_name=n instead of",
        "GET /v1/profiles is no request of v1",
    ] {
        assert!(complaints.contains(part), "{part} is not in\n{complaints}");
    }
}

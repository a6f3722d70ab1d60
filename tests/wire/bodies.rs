//! Bodies that are no JSON, twice JSON, or JSON only a parser without limits would take.

use tapio_tests::controller::TestController;
use tapio_tests::http::Request;
use tapio_tests::payload;

use crate::refusal::{self, MALFORMED};

const TARGETS: [&str; 3] = [payload::HELLO, payload::HEARTBEAT, payload::EVENTS];

/// A valid hello with this text put in before its last brace.
fn hello_and(text: &str) -> String {
    let hello = payload::hello("a").to_string();
    format!("{},{text}}}", &hello[..hello.len() - 1])
}

#[test]
fn what_is_not_one_json_object_is_malformed() {
    let controller = TestController::start(&[]);
    for target in TARGETS {
        for body in [
            &b""[..],
            b" ",
            b"{",
            b"}",
            b"[]",
            b"null",
            b"1",
            b"\"x\"",
            b"{}{}",
            b"{} x",
            b"{\"a\":}",
            b"{'a':1}",
            b"{\"a\":1,}",
            b"{\"wire_version\"",
            b"\xef\xbb\xbf{}",
            b"// x\n{}",
            b"\0",
            b"{\"wire_version\":\"tapio-wire/v1\",\"agent_id\":\"\xff\"}",
            b"{\"wire_version\":\"tapio-wire/v1\",\"agent_id\":\"\xed\xa0\x80\"}",
            b"{\"wire_version\":\"tapio-wire/v1\",\"agent_id\":\"\\ud800\"}",
            b"{\"wire_version\":\"tapio-wire/v1\",\"agent_id\":\"\\x41\"}",
            b"{\"wire_version\":\"tapio-wire/v1\",\"agent_id\":\"line\nbreak\"}",
        ] {
            refusal::expect(
                &controller.send(&Request::post(target, body)),
                MALFORMED,
                "",
            );
        }
        // No body at all, announced as such or not.
        refusal::expect(
            &controller.send(&Request::new("POST", target)),
            MALFORMED,
            "",
        );
    }
}

#[test]
fn a_known_key_given_twice_is_malformed() {
    let controller = TestController::start(&[]);
    let heartbeat = payload::heartbeat("a").to_string();
    let batch = payload::batch("a", 1, 1).to_string();
    let twice = [
        (payload::HELLO, hello_and(r#""agent_id":"b""#)),
        (payload::HELLO, hello_and(r#""agent\u005fid":"a""#)),
        (
            payload::HELLO,
            hello_and(r#""wire_version":"tapio-wire/v1""#),
        ),
        (
            payload::HELLO,
            hello_and(r#""next_sequence":1,"next_sequence":1"#),
        ),
        (
            payload::HEARTBEAT,
            heartbeat.replace(
                r#""events_total":6"#,
                r#""events_total":6,"events_total":6"#,
            ),
        ),
        (
            payload::HEARTBEAT,
            heartbeat.replace(
                r#""uptime_seconds":4711"#,
                r#""uptime_seconds":1,"uptime_seconds":2"#,
            ),
        ),
        (
            payload::EVENTS,
            batch.replace(r#""observer":"#, r#""observer":"x","observer":"#),
        ),
        (
            payload::EVENTS,
            batch.replace(r#""facts":{"#, r#""facts":{},"facts":{"#),
        ),
        (
            payload::EVENTS,
            batch.replace(r#""sequence":1"#, r#""sequence":1,"sequence":1"#),
        ),
    ];
    for (target, body) in twice {
        let answer = controller.send(&Request::post(target, body.clone()));
        assert_eq!(answer.status, 400, "{body}");
        refusal::expect(&answer, MALFORMED, "");
    }
}

#[test]
fn an_unknown_key_given_twice_is_ignored_twice() {
    let controller = TestController::start(&[]);
    let body = hello_and(r#""later":1,"later":{"agent_id":"b"},"later":[]"#);
    controller.send(&Request::post(payload::HELLO, body)).ok();
    assert_eq!(controller.agent("a")["agent_id"], "a");
}

#[test]
fn a_key_may_be_written_with_escapes() {
    let controller = TestController::start(&[]);
    let body = payload::hello("a")
        .to_string()
        .replace("agent_id", r"agent\u005f\u0069d");
    controller.send(&Request::post(payload::HELLO, body)).ok();
    assert_eq!(controller.agent("a")["agent_id"], "a");
}

#[test]
fn sixty_four_levels_are_taken_and_sixty_five_are_not() {
    let controller = TestController::start(&[]);
    let lists = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    let nested = |wrap: &dyn Fn(usize) -> String, levels: usize| {
        // The body's own braces are the first level; in facts three more are around it.
        let unknown = hello_and(&format!(r#""later":{}"#, wrap(levels - 1)));
        let mut batch = payload::batch("a", 1, 1);
        batch["events"][0]["facts"] = "FACTS".into();
        let facts = batch.to_string().replace(r#""FACTS""#, &wrap(levels - 3));
        [(payload::HELLO, unknown), (payload::EVENTS, facts)]
    };
    for wrap in [&lists as &dyn Fn(usize) -> String, &objects] {
        for (target, body) in nested(wrap, 64) {
            controller.send(&Request::post(target, body)).ok();
        }
        for (target, body) in nested(wrap, 65) {
            refusal::expect(
                &controller.send(&Request::post(target, body)),
                MALFORMED,
                "",
            );
        }
    }
}

#[test]
fn brackets_inside_text_are_no_nesting() {
    let controller = TestController::start(&[]);
    let body = hello_and(&format!(
        r#""later":"{}\"{}""#,
        "[".repeat(500),
        "{".repeat(500)
    ));
    controller.send(&Request::post(payload::HELLO, body)).ok();
}

#[test]
fn a_body_may_come_in_chunks_of_any_size() {
    let controller = TestController::start(&[]);
    let mut connection = controller.connect();
    for (sequence, chunk) in [1, 7, 1_000, 1_000_000].into_iter().enumerate() {
        let sequence = u64::try_from(sequence).expect("a small number");
        let request = Request::post_json(payload::EVENTS, &payload::batch("a", sequence, 3));
        let answer = connection
            .exchange(&request.to_chunked_bytes(chunk))
            .expect("an answer");
        assert_eq!(answer.ok()["accepted"], 3, "chunks of {chunk}");
    }
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let controller = TestController::start(&[]);
    let mut connection = controller.connect();
    for byte in Request::post_json(payload::HELLO, &payload::hello("a")).to_bytes() {
        connection.send_bytes(&[byte]).expect("it is sent");
    }
    connection.read_answer().expect("an answer").ok();
}

#[test]
fn a_client_that_waits_to_be_told_to_continue_is_told() {
    let controller = TestController::start(&[]);
    let body = payload::hello("a").to_string();
    let request = Request::post(payload::HELLO, body.clone()).header("Expect", "100-continue");
    let mut connection = controller.connect();
    connection
        .send_bytes(request.head(Some(body.len())).as_bytes())
        .expect("the head is sent");
    let mut first = [0; 12];
    std::io::Read::read_exact(&mut connection.stream(), &mut first).expect("an interim answer");
    assert_eq!(&first, b"HTTP/1.1 100");
}

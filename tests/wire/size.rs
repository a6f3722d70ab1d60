//! The limit on a body: exact, and known before the body is read.

use std::io::{ErrorKind, Write};
use std::net::Shutdown;
use std::time::Duration;

use tapio_tests::controller::TestController;
use tapio_tests::http::{Connection, Request};
use tapio_tests::payload;

use crate::refusal::{self, TOO_LARGE};

const LIMIT: usize = 262_144;

/// A claim about not waiting for a body: less than the ten seconds of the shortest time-out that could
/// hide behind it, and enough for a controller that is emulated on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(8);

/// A valid hello of exactly this many bytes.
fn hello_of(bytes: usize) -> Vec<u8> {
    let mut body = payload::hello("a").to_string().into_bytes();
    assert!(body.len() <= bytes);
    body.resize(bytes, b' ');
    body
}

#[test]
fn the_limit_itself_is_taken_and_one_more_is_not() {
    let controller = TestController::start(&[]);
    for chunked in [false, true] {
        let bytes = |len: usize| {
            let request = Request::post(payload::HELLO, hello_of(len));
            match chunked {
                true => request.to_chunked_bytes(8_192),
                false => request.to_bytes(),
            }
        };
        let answer = controller
            .connect()
            .exchange(&bytes(LIMIT))
            .expect("an answer");
        assert_eq!(answer.status, 200, "chunked {chunked}: {}", answer.text());
        let mut connection = controller.connect();
        // The refusal may overtake the body; what the client still writes may then fail.
        connection.send_bytes(&bytes(LIMIT + 1)).ok();
        let answer = connection.read_answer().expect("an answer");
        refusal::expect(&answer, TOO_LARGE, "262144");
    }
}

#[test]
fn the_limit_is_the_operators_to_set() {
    let controller = TestController::start(&["--max-body-bytes", "2000"]);
    let send = |len| controller.send(&Request::post(payload::HELLO, hello_of(len)));
    assert_eq!(send(2_000).status, 200);
    refusal::expect(&send(2_001), TOO_LARGE, "2000");
}

#[test]
fn a_length_over_the_limit_is_refused_before_any_body() {
    let controller = TestController::start(&[]);
    for length in [LIMIT + 1, 10_000_000_000, usize::MAX] {
        let mut connection =
            Connection::open_with(controller.address(), AT_ONCE).expect("a connection");
        let head = Request::new("POST", payload::EVENTS).head(Some(length));
        connection
            .send_bytes(head.as_bytes())
            .expect("the head is sent");
        let answer = connection
            .read_answer()
            .expect("an answer without a body being sent");
        refusal::expect(&answer, TOO_LARGE, "");
    }
}

#[test]
fn chunks_over_the_limit_are_refused_before_their_end() {
    let controller = TestController::start(&[]);
    let mut connection =
        Connection::open_with(controller.address(), AT_ONCE).expect("a connection");
    let head = Request::new("POST", payload::EVENTS)
        .header("Transfer-Encoding", "chunked")
        .head(None);
    connection
        .send_bytes(head.as_bytes())
        .expect("the head is sent");
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    for _ in 0..=LIMIT / 0x4000 {
        connection
            .send_bytes(chunk.as_bytes())
            .expect("chunks are sent");
    }
    let answer = connection
        .read_answer()
        .expect("an answer before the last chunk");
    refusal::expect(&answer, TOO_LARGE, "");
}

#[test]
fn after_a_refused_body_nothing_of_it_is_taken_for_a_request() {
    let controller = TestController::start(&[]);
    let smuggled = Request::post_json(payload::HELLO, &payload::hello("smuggled")).to_bytes();
    let body = smuggled.repeat(LIMIT / smuggled.len() + 2);
    let mut connection = controller.connect();
    connection
        .send_bytes(&Request::post(payload::EVENTS, body).to_bytes())
        .ok();
    connection.stream().shutdown(Shutdown::Write).ok();
    refusal::expect(&connection.read_answer().expect("an answer"), TOO_LARGE, "");
    let after = connection.read_answer();
    assert!(after.is_err(), "the body was answered: {after:?}");
    assert!(controller.agent("smuggled").is_null());
}

#[test]
fn two_ideas_of_a_bodys_length_never_make_two_requests() {
    let controller = TestController::start(&[]);
    let smuggled = Request::post_json(payload::HELLO, &payload::hello("smuggled")).to_bytes();
    let after = |head: &str| [head.as_bytes(), &smuggled[..]].concat();
    let len = smuggled.len();
    for bytes in [
        after(&format!(
            "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        )),
        after(&format!(
            "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: {len}\r\n\r\n"
        )),
        after(&format!(
            "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\nContent-Length: 0\r\n\r\n"
        )),
        after("POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"),
        after("POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: +0\r\n\r\n"),
        after("POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 0x0\r\n\r\n"),
        after("POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length : 0\r\n\r\n"),
        after(
            "POST /v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        ),
    ] {
        let mut stream = controller.connect();
        stream.send_bytes(&bytes).expect("it is sent");
        stream
            .stream()
            .shutdown(Shutdown::Write)
            .expect("it is open");
        let shown = String::from_utf8_lossy(&bytes)
            .lines()
            .skip(2)
            .take(2)
            .collect::<String>();
        match stream.read_answer() {
            Ok(answer) => assert_eq!(answer.status, 400, "{shown}: {}", answer.text()),
            Err(error) => assert_ne!(
                error.kind(),
                ErrorKind::WouldBlock,
                "{shown}: no answer, no end"
            ),
        }
        assert!(controller.agent("smuggled").is_null(), "{shown}");
    }
}

#[test]
fn a_chunk_that_is_none_is_refused_or_ends_the_connection() {
    let controller = TestController::start(&[]);
    for chunk in [
        "zz\r\n{}\r\n",
        "-2\r\n{}\r\n",
        "ffffffffffffffffff\r\n{}\r\n",
        "2\r\n{}xx0\r\n\r\n",
    ] {
        let head = Request::new("POST", payload::HELLO)
            .header("Transfer-Encoding", "chunked")
            .head(None);
        let mut connection = controller.connect();
        connection
            .stream()
            .write_all(format!("{head}{chunk}").as_bytes())
            .expect("it is sent");
        connection
            .stream()
            .shutdown(Shutdown::Write)
            .expect("it is open");
        match connection.read_answer() {
            Ok(answer) => assert!(
                matches!(answer.status, 400 | 413),
                "{chunk}: {}",
                answer.text()
            ),
            Err(error) => assert_ne!(
                error.kind(),
                ErrorKind::WouldBlock,
                "{chunk}: no answer, no end"
            ),
        }
    }
    controller.post(payload::HELLO, &payload::hello("a")).ok();
}

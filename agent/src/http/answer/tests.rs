use std::io::Write;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use super::*;
use crate::clock;
use crate::http::leave::Leave;
use crate::stop::Stop;

/// What is read when a peer says this and closes.
fn read_of(said: &[u8], body_bytes_max: usize) -> Result<Answer, CallError> {
    with_connection(said, |connection, until| {
        read(connection, body_bytes_max, until)
    })
}

/// A connection to a peer that says this and closes.
fn with_connection<T>(said: &[u8], then: impl FnOnce(&mut Connection, Until<'_>) -> T) -> T {
    let peer = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = peer.local_addr().expect("bound");
    let stop = Stop::new().expect("an eventfd");
    let leave = Leave::new(&stop, Duration::ZERO);
    let deadline = clock::boot_nanos_in(Duration::from_secs(20));
    let until = Until {
        leave: &leave,
        deadline,
    };
    thread::scope(|scope| {
        scope.spawn(move || {
            let (mut stream, _) = peer.accept().expect("a connection");
            stream.write_all(said).expect("somebody reads");
        });
        let mut connection = Connection::open(address, until).expect("it listens");
        then(&mut connection, until)
    })
}

fn good(said: &str) -> (u16, String, Option<String>, bool) {
    let answer = read_of(said.as_bytes(), 100).unwrap_or_else(|error| panic!("{said}: {error}"));
    let body = String::from_utf8(answer.body).expect("text");
    (answer.status, body, answer.etag, answer.keeps)
}

#[test]
fn a_body_ends_where_it_is_said_to() {
    for (said, status, body, keeps) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            200,
            "{}",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nConnection: Close\r\n\r\n{}",
            200,
            "{}",
            false,
        ),
        (
            "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            200,
            "{}",
            false,
        ),
        ("HTTP/1.1 200\r\n\r\nto the end", 200, "to the end", false),
        (
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
            304,
            "",
            true,
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            204,
            "",
            true,
        ),
        ("HTTP/1.1 304 Not Modified\r\n\r\n", 304, "", true),
        (
            "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n",
            304,
            "",
            false,
        ),
        (
            "HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
            500,
            "{}0123456789",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1",
            200,
            "{}",
            false,
        ),
    ] {
        assert_eq!(good(said), (status, body.to_owned(), None, keeps), "{said}");
    }
}

#[test]
fn the_tag_is_taken_as_it_stands() {
    let said = "HTTP/1.1 304 N\r\nETag:  \"sha256:0a\" \r\nX: y\r\n\r\n";
    assert_eq!(good(said).2.as_deref(), Some("\"sha256:0a\""));
}

#[test]
fn a_wish_to_be_left_alone_is_taken_in_seconds_or_not_at_all() {
    for (value, wanted) in [
        ("17", Some(17)),
        ("Fri, 31 Dec 1999 23:59:59 GMT", None),
        ("-1", None),
    ] {
        let said = format!("HTTP/1.1 503 N\r\nRetry-After: {value}\r\n\r\n");
        let answer = read_of(said.as_bytes(), 100).expect("an answer");
        assert_eq!(answer.retry_after, wanted, "{value}");
    }
}

#[test]
fn what_is_no_answer_is_an_error() {
    let long_head = format!(
        "HTTP/1.1 200 OK\r\nX: {}\r\n\r\n",
        "x".repeat(HEAD_BYTES_MAX)
    );
    let many_trailers = "0\r\n".to_owned() + &"X: y\r\n".repeat(20);
    let chunked =
        |rest: &str| format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{rest}");
    for (said, wanted) in [
        (String::new(), "without an answer"),
        ("garbage\r\n\r\n".to_owned(), "does not begin"),
        ("HTTP/2 200 OK\r\n\r\n".to_owned(), "does not begin"),
        ("HTTP/1.1 20 OK\r\n\r\n".to_owned(), "does not begin"),
        ("HTTP/1.1 2000 OK\r\n\r\n".to_owned(), "does not begin"),
        ("HTTP/1.1 200 OK\r\nContent-".to_owned(), "cut short"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}".to_owned(),
            "cut short",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}".to_owned(),
            "no number",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}".to_owned(),
            "two lengths",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n".to_owned(),
            "encoding",
        ),
        ("HTTP/1.1 200 OK\r\nno header\r\n\r\n".to_owned(), "no name"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n".to_owned(),
            "larger than 100",
        ),
        (
            format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(101)),
            "larger than 100",
        ),
        (chunked("65\r\n"), "larger than 100"),
        (chunked("zz\r\n"), "no size"),
        (chunked("-2\r\n"), "no size"),
        (chunked("2\r\n{}xx"), "no end"),
        (chunked("2\r\n{}\r\n"), "cut short"),
        (chunked(&"0".repeat(300)), "no size"),
        (chunked(&many_trailers), "too many trailers"),
        (long_head, "too long"),
    ] {
        let error = read_of(said.as_bytes(), 100).expect_err(&said).to_string();
        assert!(error.contains(wanted), "{said}: {error}");
    }
}

#[test]
fn the_bound_itself_is_allowed() {
    let said = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(100));
    assert_eq!(good(&said).1.len(), 100);
    let said = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
        "x".repeat(100)
    );
    assert_eq!(good(&said).1.len(), 100);
}

#[test]
fn small_chunks_cost_what_they_hold_and_not_what_is_around_them() {
    let chunk = format!("1;{}\r\nx\r\n", "y".repeat(200));
    let said = chunk.repeat(4_000) + "0\r\n\r\n";
    with_connection(said.as_bytes(), |connection, until| {
        let mut input = Input::new(connection, until);
        let body = input.chunks(4_000).expect("a body");
        assert_eq!(body.len(), 4_000);
        assert!(input.bytes.capacity() <= 4 * HEAD_BYTES_MAX);
    });
}

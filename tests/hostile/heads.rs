//! Heads without end, and heads that are none.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::time::Duration;

use tapio_tests::http::{Connection, Request};
use tapio_tests::payload;

use crate::watch::{endure, start};

/// A head that is refused before this much of it was taken was not gathered without end. Most of
/// it is what the two ends' kernels buffer.
const TAKEN_MAX: usize = 16 << 20;

/// Sends the pattern without end; says how much was taken before the controller ended it.
fn send_without_end(mut stream: TcpStream, start: &str, pattern: &str) -> usize {
    stream
        .set_write_timeout(Some(Duration::from_secs(10)))
        .expect("a time-out");
    let block = pattern.repeat(65_536 / pattern.len());
    if stream.write_all(start.as_bytes()).is_err() {
        return 0;
    }
    let mut taken = 0;
    while taken < TAKEN_MAX {
        match stream.write(block.as_bytes()) {
            Ok(len) => taken += len,
            Err(error) => {
                let kind = error.kind();
                assert!(
                    kind != ErrorKind::WouldBlock,
                    "neither taken nor ended for 10 s"
                );
                return taken;
            }
        }
    }
    taken
}

#[test]
fn an_endless_head_is_ended_and_not_gathered() {
    let controller = start();
    let cases = [
        ("GET /v1/status HTTP/1.1\r\n", "X-Header: value\r\n"),
        ("GET /v1/status HTTP/1.1\r\nX-Long: ", "aaaaaaaaaaaaaaaa"),
        ("GET /", "aaaaaaaaaaaaaaaa"),
        ("", "AAAAAAAAAAAAAAAA"),
        ("", "\r\n"),
        ("GET /v1/status HTTP/1.1\r\nX: y", "\r\n folded"),
        ("", "\0\0\0\0\0\0\0\0"),
    ];
    endure(&controller, || {
        std::thread::scope(|scope| {
            for (start, pattern) in cases.into_iter().cycle().take(3 * cases.len()) {
                let stream = TcpStream::connect(controller.address()).expect("a connection");
                scope.spawn(move || {
                    let taken = send_without_end(stream, start, pattern);
                    assert!(
                        taken < TAKEN_MAX,
                        "{taken} bytes of {start:?} {pattern:?} were taken"
                    );
                });
            }
        });
    });
}

#[test]
fn a_head_of_many_lines_is_refused_and_its_neighbour_is_not() {
    let controller = start();
    let head = |lines: usize| {
        let many = "X-A: b\r\n".repeat(lines);
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{many}\r\n")
    };
    let mut connection = Connection::open(controller.address()).expect("a connection");
    let answer = connection.exchange(head(20).as_bytes()).expect("an answer");
    assert_eq!(answer.status, 200);
    let mut connection = Connection::open(controller.address()).expect("a connection");
    connection.send_bytes(head(20_000).as_bytes()).ok();
    match connection.read_answer() {
        Ok(answer) => assert!((400..500).contains(&answer.status), "{}", answer.status),
        Err(error) => assert_ne!(error.kind(), ErrorKind::WouldBlock, "no answer and no end"),
    }
}

#[test]
fn what_is_no_head_at_all_ends_its_own_connection_only() {
    let controller = start();
    endure(&controller, || {
        for bytes in [
            &b"\r\n\r\n"[..],
            b"GET\r\n\r\n",
            b"GET /\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET / HTTP/1.1 x\r\n\r\n",
            b"GET  /  HTTP/1.1\r\n\r\n",
            b"GET http://[::1 HTTP/1.1\r\n\r\n",
            b"GET * HTTP/1.1\r\n\r\n",
            b"CONNECT a:1 HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\nHost: x\n\n",
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
            b"GET / HTTP/1.1\r\n: empty\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"GET / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
            b"GET / HTTP/1.0\r\n\r\n",
            b"\xff\xff\xff\xff",
            b"GET /\xff HTTP/1.1\r\nHost: \xff\r\n\r\n",
        ] {
            for _ in 0..20 {
                let mut connection = Connection::open(controller.address()).expect("a connection");
                connection.send_bytes(bytes).expect("it is sent");
            }
        }
        // After all of them, over a connection that was there before the next is opened.
        let mut honest = Connection::open(controller.address()).expect("a connection");
        let hello = Request::post_json(payload::HELLO, &payload::hello("honest"));
        honest.send(&hello).expect("an answer").ok();
    });
}

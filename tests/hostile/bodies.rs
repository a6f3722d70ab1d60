//! Bodies that are announced and never come, never end, or never stop going deeper.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use tapio_tests::http::{Connection, Request};
use tapio_tests::payload;

use crate::crowd::Crowd;
use crate::watch::{endure, expect_answer, keep_on, start};

const TARGETS: [&str; 3] = [payload::HELLO, payload::HEARTBEAT, payload::EVENTS];

/// A body taken this far was not refused for its size. Most of what is taken of one that was is
/// what the kernel buffers at both ends, some 10 MB, beside the 4 MiB that are read away.
const TAKEN_MAX: usize = 64 << 20;

#[test]
fn ten_gigabytes_that_are_announced_and_never_sent_are_refused_at_once() {
    let controller = start();
    endure(&controller, || {
        let head = Request::new("POST", payload::EVENTS).head(Some(10_000_000_000));
        let expecting = Request::new("POST", payload::EVENTS)
            .header("Expect", "100-continue")
            .head(Some(10_000_000_000));
        for head in [head, expecting] {
            let mut connections: Vec<Connection> = (0..100)
                .map(|_| {
                    let mut connection =
                        Connection::open(controller.address()).expect("a connection");
                    connection.send_bytes(head.as_bytes()).expect("it is sent");
                    connection
                })
                .collect();
            for connection in &mut connections {
                expect_answer(connection, 413);
            }
        }
    });
}

#[test]
fn chunks_without_end_are_refused_and_not_gathered() {
    let controller = start();
    let head = Request::new("POST", payload::EVENTS)
        .header("Transfer-Encoding", "chunked")
        .head(None);
    let small = "1\r\nx\r\n".repeat(10_000);
    let large = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let huge = format!("7fffffffffffffff\r\n{}", "x".repeat(0x10000));
    let extended = format!("1;{}\r\nx\r\n", "e=e;".repeat(16_000));
    endure(&controller, || {
        std::thread::scope(|scope| {
            for chunks in [&small, &large, &huge, &extended]
                .into_iter()
                .cycle()
                .take(20)
            {
                let mut connection = Connection::open(controller.address()).expect("a connection");
                connection.send_bytes(head.as_bytes()).expect("it is sent");
                scope.spawn(move || {
                    let taken = stream_until_ended(&mut connection, chunks);
                    assert!(taken < TAKEN_MAX, "{taken} bytes were taken");
                });
            }
        });
    });
}

/// How much of the endless body was taken before the controller refused or ended it.
fn stream_until_ended(connection: &mut Connection, chunks: &str) -> usize {
    let stream = connection.stream();
    stream
        .set_write_timeout(Some(Duration::from_secs(10)))
        .expect("a time-out");
    let mut taken = 0;
    while taken < TAKEN_MAX {
        match (&*stream).write(chunks.as_bytes()) {
            Ok(len) => taken += len,
            Err(error) => {
                assert_ne!(
                    error.kind(),
                    ErrorKind::WouldBlock,
                    "neither taken nor ended for 10 s"
                );
                break;
            }
        }
    }
    taken
}

#[test]
fn a_hundred_thousand_brackets_are_malformed_and_no_more() {
    let controller = start();
    let lists = "[".repeat(100_000);
    let objects = r#"{"a":"#.repeat(50_000);
    let closed = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let batch = payload::batch("a", 1, 1).to_string();
    let facts = batch.replace("\"facts\":{", &format!("\"facts\":{{\"deep\":{lists},"));
    let hello = payload::hello("a").to_string();
    let unknown = hello.replacen('{', &format!("{{\"later\":{closed},"), 1);
    endure(&controller, || {
        for _ in 0..5 {
            for body in [&lists, &objects, &closed, &facts, &unknown] {
                for target in TARGETS {
                    let answer = controller.send(&Request::post(target, body.as_str()));
                    assert_eq!(answer.status, 400, "{}", answer.text());
                    assert_eq!(answer.json()["error"]["code"], "MALFORMED_JSON");
                }
            }
        }
    });
}

#[test]
fn bodies_that_are_dear_to_parse_are_not_dear_to_others() {
    let controller = start();
    let keys: String = (0..12_000)
        .map(|key| format!("\"key-{key}\":{key},"))
        .collect();
    let events = |facts: &str| {
        payload::batch("a", 1, 1)
            .to_string()
            .replace("\"facts\":{", &format!("\"facts\":{{{facts}"))
    };
    let bodies = [
        events(&keys),
        events(&format!(
            "\"numbers\":[{}0],",
            "1e308,-0.1e-300,".repeat(12_000)
        )),
        events(&format!(
            "\"escapes\":\"{}\",",
            r"\u00e9\\\n".repeat(18_000)
        )),
        events(&format!("\"empty\":[{}[]],", "[],{},".repeat(30_000))),
        payload::hello("a")
            .to_string()
            .replacen('{', &format!("{{{keys}"), 1),
    ];
    endure(&controller, || {
        std::thread::scope(|scope| {
            for body in &bodies {
                assert!(body.len() < 262_144, "{} bytes", body.len());
                scope.spawn(|| {
                    for _ in 0..10 {
                        for target in TARGETS {
                            let status = controller
                                .send(&Request::post(target, body.as_str()))
                                .status;
                            assert!(status == 200 || status == 400, "{status}");
                        }
                    }
                });
            }
        });
    });
}

#[test]
fn bodies_that_stop_before_their_last_byte_hold_no_worker_and_little_memory() {
    let controller = start();
    let mut hello = payload::hello("half").to_string().into_bytes();
    hello.resize(250_000, b' ');
    let whole = Request::post(payload::HELLO, hello).to_bytes();
    endure(&controller, || {
        // Together 125 MB, each below the limit.
        let mut crowd = Crowd::open(controller.address(), 500, &whole[..whole.len() - 1]);
        assert!(crowd.len() >= 100, "only {} came about", crowd.len());
        keep_on(Duration::from_secs(5), || {});
        crowd.kept();
    });
}

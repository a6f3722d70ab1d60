//! Clients that ask and do not read.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::time::Duration;

use tapio_tests::http::Request;
use tapio_tests::payload;

use crate::crowd::Crowd;
use crate::watch::{endure, keep_on, start};

/// Enough agents for a status that no pair of socket buffers holds.
const AGENTS: usize = 3_000;

#[test]
fn fifty_that_ask_for_the_status_and_never_read_hold_nobody_up() {
    let controller = start();
    let mut feeder = controller.connect();
    for number in 0..AGENTS {
        let id = format!("agent-{number}");
        for (target, body) in [
            (payload::HELLO, payload::hello(&id)),
            (payload::HEARTBEAT, payload::full_heartbeat(&id)),
        ] {
            feeder
                .send(&Request::post_json(target, &body))
                .expect("an answer")
                .ok();
        }
    }
    drop(feeder);
    let len = controller.get(payload::STATUS).body.len();
    assert!(len > 6 << 20, "a status of {len} bytes fits into buffers");
    endure(&controller, || {
        let deaf = Crowd::open(
            controller.address(),
            50,
            &Request::get(payload::STATUS).to_bytes(),
        );
        assert_eq!(deaf.len(), 50);
        keep_on(Duration::from_secs(10), || {});
    });
}

/// Sends the requests as fast as they are taken, for as long as the attack lasts; says how many.
fn pipeline(controller: std::net::SocketAddr, request: &[u8], count: usize) -> usize {
    let mut stream = TcpStream::connect(controller).expect("a connection");
    stream.set_nonblocking(true).expect("a socket");
    let bytes = request.repeat(count);
    let mut sent = 0;
    keep_on(Duration::from_secs(10), || {
        while sent < bytes.len() {
            match stream.write(&bytes[sent..]) {
                Ok(len) => sent += len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return, // ended by the controller, which it may
            }
        }
    });
    sent / request.len()
}

#[test]
fn a_hundred_thousand_pipelined_requests_unread_hold_nobody_up() {
    for target in ["/healthz", payload::STATUS] {
        let controller = start();
        let request = Request::get(target).to_bytes();
        let sent = endure(&controller, || {
            pipeline(controller.address(), &request, 100_000)
        });
        eprintln!("{sent} requests for {target} were taken");
        assert!(sent > 0);
    }
}

#[test]
fn answers_that_nobody_fetches_pile_up_nowhere() {
    let controller = start();
    let config = format!("{}?agent_id=a&node_name=n", payload::CONFIG);
    let requests = Request::get(&config).to_bytes().repeat(2_000);
    endure(&controller, || {
        // Together a gigabyte of answers, if they were all prepared.
        let crowd = Crowd::open(controller.address(), 300, &requests);
        assert!(crowd.len() >= 50, "only {} came about", crowd.len());
        keep_on(Duration::from_secs(5), || {});
    });
}

#[test]
fn a_slow_reader_gets_its_whole_answer_and_holds_nobody_up() {
    let controller = start();
    let mut feeder = controller.connect();
    for number in 0..AGENTS {
        let body = payload::hello(&format!("agent-{number}"));
        feeder
            .send(&Request::post_json(payload::HELLO, &body))
            .expect("an answer")
            .ok();
    }
    drop(feeder);
    endure(&controller, || {
        let mut slow = controller.connect();
        slow.send_bytes(&Request::get(payload::STATUS).to_bytes())
            .expect("it is sent");
        keep_on(Duration::from_secs(3), || {});
        let status = slow.read_answer().expect("the whole answer").ok();
        assert_eq!(status["agents"].as_array().map(Vec::len), Some(AGENTS + 2));
    });
}

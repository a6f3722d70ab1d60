//! Crowds that say nothing, or next to nothing, and hold their connections.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use tapio_tests::controller::TestController;
use tapio_tests::deadline::{SOON, poll_for, wait_until};
use tapio_tests::http::{Connection, Request};
use tapio_tests::payload;
use tapio_tests::process::cpu_time;

use crate::crowd::Crowd;
use crate::watch::{FLAGS, endure, keep_on, start};

/// The promise is 30 s; the rest is the reading of clocks on a busy machine.
const IDLE_LIMIT: Duration = Duration::from_secs(33);

#[test]
fn a_thousand_connections_that_send_nothing_are_gone_after_thirty_seconds() {
    let controller = start();
    endure(&controller, || {
        let mut silent = Crowd::open(controller.address(), 1_000, b"");
        assert!(silent.len() >= 900, "only {} came about", silent.len());
        let mut half = Crowd::open(
            controller.address(),
            20,
            b"GET /v1/status HTTP/1.1\r\nHost:",
        );
        let took = silent.ended_within(IDLE_LIMIT);
        assert!(
            took.is_some(),
            "{} are kept after {IDLE_LIMIT:?}",
            silent.kept()
        );
        let took = half.ended_within(Duration::from_secs(3));
        assert!(took.is_some(), "{} half heads are kept", half.kept());
    });
}

#[test]
fn connections_that_were_of_use_are_gone_after_thirty_idle_seconds_too() {
    let controller = start();
    endure(&controller, || {
        let since = Instant::now();
        let mut used = Crowd::open(
            controller.address(),
            50,
            &Request::get("/healthz").to_bytes(),
        );
        let head = Request::new("POST", payload::EVENTS).head(Some(1_000));
        let mut bodies = Crowd::open(controller.address(), 50, format!("{head}{{").as_bytes());
        poll_for(IDLE_LIMIT, || {
            (used.kept() + bodies.kept() == 0).then_some(())
        });
        assert_eq!(
            (used.kept(), bodies.kept()),
            (0, 0),
            "kept after {:?}",
            since.elapsed()
        );
    });
}

#[test]
fn two_hundred_that_send_a_byte_a_second_hold_nobody_up() {
    let controller = start();
    let whole = Request::post_json(payload::EVENTS, &payload::batch("slow", 1, 1)).to_bytes();
    let head = Request::new("POST", payload::EVENTS).head(Some(1_000));
    endure(&controller, || {
        // Half of them are slow from the first byte, half only with the body.
        let mut slow_heads = Crowd::open(controller.address(), 100, b"");
        let mut slow_bodies = Crowd::open(controller.address(), 100, head.as_bytes());
        let since = Instant::now();
        for byte in whole.chunks(1).take(40) {
            slow_heads.send(byte);
            slow_bodies.send(byte);
            keep_on(Duration::from_secs(1), || {});
            if slow_heads.kept() + slow_bodies.kept() == 0 {
                break;
            }
        }
        let kept = slow_heads.kept() + slow_bodies.kept();
        assert_eq!(
            kept,
            0,
            "a request may take for ever: after {:?}",
            since.elapsed()
        );
        assert!(
            since.elapsed() > Duration::from_secs(5),
            "a slow agent is an honest one for a while"
        );
    });
}

#[test]
fn half_closed_connections_are_not_waited_for() {
    let controller = start();
    let before = controller.holdings();
    let whole = Request::post_json(payload::HELLO, &payload::hello("whole")).to_bytes();
    endure(&controller, || {
        let mut crowds = Vec::new();
        for bytes in [&b""[..], b"GET /v1/st", &whole[..whole.len() - 10]] {
            let mut crowd = Crowd::open(controller.address(), 70, bytes);
            for stream in crowd.streams() {
                stream.shutdown(Shutdown::Write).expect("it is open");
            }
            crowds.push(crowd);
        }
        // They keep their reading side open; nothing is left to wait for all the same.
        wait_until("the half-closed to be let go", SOON, || {
            controller.holdings().open_files <= before.open_files + 8
        });
    });
    // A client that has said all it has to say and waits for the answer is an honest one.
    let mut honest = Connection::open(controller.address()).expect("a connection");
    honest.send_bytes(&whole).expect("it is sent");
    honest
        .stream()
        .shutdown(Shutdown::Write)
        .expect("it is open");
    assert_eq!(
        honest.read_answer().expect("an answer").ok()["accepted"],
        true
    );
}

#[test]
fn a_thousand_clients_do_not_starve_a_controller_of_256_files() {
    let controller = TestController::start_with_open_files(256, &FLAGS);
    endure(&controller, || {
        let request = Request::get("/healthz").to_bytes();
        let mut crowd = Crowd::open(controller.address(), 1_000, &request);
        keep_on(Duration::from_secs(5), || {});
        // Whoever was turned away comes back, as agents do.
        for _ in 0..3 {
            let missing = 1_000 - crowd.kept().min(1_000);
            let mut more = Crowd::open(controller.address(), missing, b"");
            keep_on(Duration::from_secs(1), || {});
            more.kept();
        }
    });
}

/// What two seconds cost a controller that is full, with others at its door. All that are inside
/// have begun a request and are heard of often; on a busy machine one may seem silent all the same,
/// and make room: then nothing is said.
fn cost_of_a_full_house() -> Option<Duration> {
    const INSIDE: usize = 11;
    let controller = TestController::start_with_open_files(64, &["--workers", "1"]);
    let begun = b"GET / HTTP/1.1\r\n\r\nGET / HT";
    let mut inside = Crowd::open(controller.address(), INSIDE, begun);
    wait_until("all of them to be answered", SOON, || {
        let answered = |stream: &mut TcpStream| stream.peek(&mut [0]).is_ok();
        inside.streams().iter_mut().all(answered)
    });
    let mut outside = Crowd::open(controller.address(), 4, b"");
    let before = cpu_time(controller.pid()).expect("it runs");
    for _ in 0..20 {
        inside.send(b"TP/1.1\r\n\r\nGET / HT");
        keep_on(Duration::from_millis(100), || {});
        inside.kept();
    }
    let spent = cpu_time(controller.pid()).expect("it runs") - before;
    let full = (inside.kept(), outside.kept()) == (INSIDE, 4);
    drop(inside);
    assert_eq!(controller.get("/healthz").status, 200);
    full.then_some(spent)
}

#[test]
fn a_full_house_costs_no_processor_time() {
    let spent = (0..5).find_map(|_| cost_of_a_full_house());
    let spent = spent.expect("a house that stays full");
    assert!(
        spent < Duration::from_millis(500),
        "{spent:?} of two seconds went into looking at the door"
    );
}

#[test]
fn connections_that_come_and_go_leave_nothing_behind() {
    let controller = start();
    endure(&controller, || {
        let mut rounds = 0;
        keep_on(Duration::from_secs(5), || {
            let mut crowd = Crowd::open(controller.address(), 100, b"GET / HT");
            for stream in crowd.streams().iter_mut().step_by(2) {
                // Half of them leave with a reset: unread bytes are on the way when they close.
                stream.write_all(b"TP/1.1\r\n\r\n").ok();
            }
            rounds += 1;
        });
        assert!(rounds >= 3, "only {rounds} rounds");
    });
}

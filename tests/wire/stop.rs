//! Leaving: what is in flight is answered, what is idle is not waited for.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;
use tapio_tests::command::TestCommand;
use tapio_tests::controller::TestController;
use tapio_tests::deadline::wait_until;
use tapio_tests::http::{Connection, PATIENCE, Request};
use tapio_tests::payload;
use tapio_tests::program::Program;

/// The page's limit, and what a busy machine may add to reading the clock.
const LIMIT: Duration = Duration::from_millis(5_500);

#[track_caller]
fn expect_end(controller: &mut TestController, since: Instant) {
    let status = controller.wait_for_end(PATIENCE).expect("it ends");
    let took = since.elapsed();
    assert_eq!(status.code(), Some(0), "{status}: {}", controller.stderr());
    assert!(took <= LIMIT, "it took {took:?}");
}

#[test]
fn either_signal_ends_an_idle_controller_at_once() {
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let mut controller = TestController::start(&[]);
        let since = Instant::now();
        controller.signal(signal);
        expect_end(&mut controller, since);
        assert!(
            TcpStream::connect(controller.address()).is_err(),
            "somebody still listens"
        );
    }
}

#[test]
fn its_log_can_be_an_object_a_line_from_the_first_to_the_last() {
    let mut controller = TestController::start(&["--log-format", "json"]);
    controller.signal(libc::SIGTERM);
    expect_end(&mut controller, Instant::now());
    let log = controller.stderr();
    for line in log.lines() {
        let line: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(line["program"], "tapio-controller", "{line}");
        assert!(
            line["timestamp"].is_string() && line["level"] == "info",
            "{line}"
        );
    }
    assert!(!log.is_empty(), "it said nothing");
}

#[test]
fn why_it_does_not_run_is_an_object_too() {
    for arguments in [["--listen", "256.0.0.1:1"], ["--profile", "/nonexistent"]] {
        let refused = TestCommand::new(Program::Controller)
            .args(["--log-format", "json", "--log-level", "off"])
            .args(arguments)
            .run()
            .expect_code(1);
        let line: Value = serde_json::from_str(&refused.stderr).expect("one object");
        assert_eq!(line["program"], "tapio-controller", "{line}");
        assert_eq!(line["level"], "error", "{line}");
    }
}

#[test]
fn a_request_that_is_half_here_is_answered() {
    let mut controller = TestController::start(&[]);
    let bytes = Request::post_json(payload::EVENTS, &payload::batch("a", 1, 10)).to_bytes();
    let (first, rest) = bytes.split_at(bytes.len() - 100);
    let mut connection = controller.connect();
    connection.send_bytes(first).expect("it is sent");
    // Another request, answered, shows that the controller had time to see this one.
    controller.get("/healthz");
    let since = Instant::now();
    controller.signal(libc::SIGTERM);
    wait_until("the stop to be told", PATIENCE, || {
        TcpStream::connect(controller.address()).is_err()
            || since.elapsed() > Duration::from_secs(1)
    });
    connection.send_bytes(rest).expect("it is sent");
    assert_eq!(
        connection.read_answer().expect("an answer").ok()["accepted"],
        10
    );
    expect_end(&mut controller, since);
}

#[test]
fn a_long_answer_is_sent_to_its_end() {
    let mut controller = TestController::start(&[]);
    let mut feeder = controller.connect();
    for number in 0..2_000 {
        let id = format!("agent-{number}");
        feeder
            .send(&Request::post_json(payload::HELLO, &payload::hello(&id)))
            .expect("an answer");
    }
    drop(feeder);
    let mut connection = controller.connect();
    connection
        .send(&Request::get("/healthz"))
        .expect("an answer");
    connection
        .send_bytes(&Request::get(payload::STATUS).to_bytes())
        .expect("it is sent");
    let mut first = [0];
    connection
        .stream()
        .peek(&mut first)
        .expect("the answer has begun");
    let since = Instant::now();
    controller.signal(libc::SIGTERM);
    let status = connection.read_answer().expect("the whole answer").ok();
    assert_eq!(status["agents"].as_array().map(Vec::len), Some(2_000));
    expect_end(&mut controller, since);
}

#[test]
fn nobody_who_is_silent_slow_or_deaf_delays_the_end() {
    let mut controller = TestController::start(&[]);
    let silent: Vec<Connection> = (0..20).map(|_| controller.connect()).collect();
    let kept: Vec<Connection> = (0..20)
        .map(|_| {
            let mut connection = controller.connect();
            connection
                .send(&Request::get("/healthz"))
                .expect("an answer");
            connection
        })
        .collect();
    let slow: Vec<Connection> = (0..20)
        .map(|_| {
            let mut connection = controller.connect();
            let head = Request::new("POST", payload::EVENTS).head(Some(1_000));
            connection
                .send_bytes(head.as_bytes())
                .expect("the head is sent");
            connection
        })
        .collect();
    let since = Instant::now();
    controller.signal(libc::SIGTERM);
    expect_end(&mut controller, since);
    drop((silent, kept, slow));
}

#[test]
fn a_second_signal_while_leaving_does_no_harm() {
    let mut controller = TestController::start(&[]);
    let since = Instant::now();
    for _ in 0..5 {
        controller.signal(libc::SIGTERM);
    }
    expect_end(&mut controller, since);
}

#[test]
fn an_address_that_is_taken_fails_the_start() {
    let controller = TestController::start(&[]);
    let address = controller.address().to_string();
    let done = tapio_tests::command::TestCommand::new(tapio_tests::program::Program::Controller)
        .args(["--listen", &address])
        .run()
        .expect_code(1);
    assert!(done.refusal().contains(&address), "{:?}", done.stderr);
}

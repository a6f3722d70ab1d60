use std::io::{ErrorKind, Read};

use serde_json::Value;

use super::*;
use crate::controller::TestController;
use crate::http::Request;
use crate::payload;

/// Impatient, as a test that waits for nothing has to be.
const IMPATIENT: Duration = Duration::from_millis(300);

fn hello(proxy: &Proxy) -> io::Result<Answer> {
    let request = Request::post_json(payload::HELLO, &payload::hello("a"));
    Connection::open_with(proxy.place().into(), IMPATIENT)?.send(&request)
}

fn poll(proxy: &Proxy) -> io::Result<Answer> {
    let request = Request::get("/v1/agents/config?agent_id=a&node_name=n");
    Connection::open_with(proxy.place().into(), IMPATIENT)?.send(&request)
}

/// How much of an answer comes in so long.
fn bytes_within(proxy: &Proxy, limit: Duration) -> usize {
    let request = Request::post_json(payload::HELLO, &payload::hello("a"));
    let mut connection = Connection::open(proxy.place().into()).expect("a connection");
    connection
        .send_bytes(&request.to_bytes())
        .expect("it listens");
    let end = Instant::now() + limit;
    let mut bytes = 0;
    while Instant::now() < end {
        bytes += connection.stream().read(&mut [0]).expect("a byte");
    }
    bytes
}

#[track_caller]
fn error_of(outcome: io::Result<Answer>) -> ErrorKind {
    outcome.expect_err("no answer").kind()
}

#[test]
fn every_fault_is_what_its_name_says_and_goes_away() {
    let controller = TestController::start(&[]);
    let mut proxy = Proxy::start(controller.address());
    for fault in Fault::ALL {
        assert_eq!(
            hello(&proxy).expect("an answer").status,
            200,
            "before {fault:?}"
        );
        proxy.misbehave(fault);
        match fault {
            Fault::None => {}
            Fault::Refused => assert_eq!(error_of(hello(&proxy)), ErrorKind::ConnectionRefused),
            Fault::Slow => assert!((1..20).contains(&bytes_within(&proxy, IMPATIENT))),
            Fault::CutInHalf => assert_eq!(error_of(hello(&proxy)), ErrorKind::UnexpectedEof),
            Fault::ServerError => assert_eq!(hello(&proxy).expect("an answer").status, 500),
            Fault::Garbage => {
                assert_eq!(error_of(poll(&proxy)), ErrorKind::InvalidData);
                let body = hello(&proxy).expect("an answer").body;
                assert!(serde_json::from_slice::<Value>(&body).is_err());
            }
            Fault::WrongTag => {
                let answer = poll(&proxy).expect("an answer");
                assert_eq!(answer.status, 304);
                assert!(answer.header("etag").is_some_and(|tag| tag.contains(MARK)));
                assert_eq!(hello(&proxy).expect("an answer").status, 200);
            }
            Fault::Redirect => {
                let answer = hello(&proxy).expect("an answer");
                let location = answer.header("location").expect("a place");
                assert!((answer.status, location.contains(MARK)) == (307, true));
            }
        }
        proxy.misbehave(Fault::None);
    }
    assert!(!proxy.was_followed());
}

#[test]
fn every_other_spoilt_request_has_reached_the_controller() {
    let controller = TestController::start(&[]);
    let mut proxy = Proxy::start(controller.address());
    proxy.misbehave(Fault::ServerError);
    let statuses = [(); 2].map(|()| hello(&proxy).expect("an answer").status);
    assert_eq!(statuses, [500, 500]);
    assert_eq!(controller.agent("a")["agent_id"], "a");
    let metrics = controller.get("/metrics").text();
    assert!(metrics.contains("{route=\"/v1/agents/hello\",status=\"200\"} 1\n"));
    assert_eq!(proxy.requests(), 2);
}

#[test]
fn who_follows_a_redirect_is_caught() {
    let controller = TestController::start(&[]);
    let mut proxy = Proxy::start(controller.address());
    proxy.misbehave(Fault::Redirect);
    let answer = hello(&proxy).expect("an answer");
    let location = answer.header("location").expect("a place");
    let place = location
        .strip_prefix("http://")
        .and_then(|rest| rest.split('/').next());
    let place: SocketAddr = place.expect("an address").parse().expect("an address");
    Request::get("/").send(place).expect_err("it says nothing");
    assert!(proxy.was_followed());
}

#[test]
fn it_leads_to_a_controller_that_came_back_elsewhere() {
    let first = TestController::start(&["--controller-id", "first"]);
    let proxy = Proxy::start(first.address());
    assert_eq!(
        hello(&proxy).expect("an answer").ok()["controller_id"],
        "first"
    );
    let second = TestController::start(&["--controller-id", "second"]);
    proxy.lead_to(second.address());
    assert_eq!(
        hello(&proxy).expect("an answer").ok()["controller_id"],
        "second"
    );
}

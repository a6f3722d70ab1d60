//! Five operations and three for those who run the controller; all else is no endpoint of ours.

use tapio_tests::controller::TestController;
use tapio_tests::http::Request;
use tapio_tests::payload;

use crate::refusal::{self, UNKNOWN};

const KNOWN: [(&str, &str); 8] = [
    ("POST", payload::HELLO),
    ("GET", payload::CONFIG),
    ("POST", payload::HEARTBEAT),
    ("POST", payload::EVENTS),
    ("GET", payload::STATUS),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
];

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "FROB"];

#[test]
fn every_operation_is_there() {
    let controller = TestController::start(&[]);
    for (target, body) in [
        (payload::HELLO, payload::hello("a")),
        (payload::HEARTBEAT, payload::heartbeat("a")),
        (payload::EVENTS, payload::batch("a", 1, 1)),
    ] {
        controller.post(target, &body).ok();
    }
    controller
        .get("/v1/agents/config?agent_id=a&node_name=n")
        .ok();
    controller.get(payload::STATUS).ok();
    for probe in ["/healthz", "/readyz"] {
        assert_eq!(controller.get(probe).status, 200, "{probe}");
    }
}

#[test]
fn another_method_on_a_known_path_is_no_endpoint() {
    let controller = TestController::start(&[]);
    for (known, path) in KNOWN {
        for method in METHODS.into_iter().filter(|method| *method != known) {
            let request = Request::new(method, path).body("{}");
            refusal::expect(&controller.send(&request), UNKNOWN, "");
        }
    }
}

#[test]
fn a_path_that_is_not_exactly_one_of_ours_is_no_endpoint() {
    let controller = TestController::start(&[]);
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/agents",
        "/v1/agents/hello/",
        "//v1/agents/hello",
        "/v1//agents/hello",
        "/V1/agents/hello",
        "/v1/agents/Hello",
        "/v1/agents/hello2",
        "/v2/agents/hello",
        "/v1/profiles",
        "/v1/status/a",
        "/v1/../v1/status",
        "/metrics/",
        "/favicon.ico",
        "/%76%31/nothing",
        "/v1/%00",
        "/v1/%ff",
    ] {
        for method in ["GET", "POST"] {
            let request = Request::new(method, path).body("{}");
            refusal::expect(&controller.send(&request), UNKNOWN, "");
        }
    }
}

#[test]
fn a_path_is_compared_without_its_query() {
    let controller = TestController::start(&[]);
    controller.get("/v1/status?").ok();
    controller
        .post("/v1/agents/hello?source=test", &payload::hello("a"))
        .ok();
    let answer = controller.get("/v1/nothing?path=/v1/status");
    refusal::expect(&answer, UNKNOWN, "");
}

#[test]
fn the_content_type_is_not_negotiated() {
    let controller = TestController::start(&[]);
    let body = payload::hello("a").to_string();
    for content_type in ["text/plain", "application/x-www-form-urlencoded"] {
        let request = Request::new("POST", payload::HELLO)
            .header("Content-Type", content_type)
            .header("Accept", "text/html")
            .header("Accept-Encoding", "gzip")
            .body(body.clone());
        let answer = controller.send(&request);
        assert_eq!(answer.ok()["accepted"], true);
        assert_eq!(answer.header("content-encoding"), None);
        let kind = answer.header("content-type").expect("a content type");
        assert!(kind.starts_with("application/json"), "{kind}");
    }
}

#[test]
fn one_connection_serves_many_requests_refused_ones_between() {
    let controller = TestController::start(&[]);
    let mut connection = controller.connect();
    for round in 0..20_u64 {
        let hello = Request::post_json(payload::HELLO, &payload::hello("a"));
        connection.send(&hello).expect("an answer").ok();
        let nothing = connection
            .send(&Request::get("/nothing"))
            .expect("an answer");
        refusal::expect(&nothing, UNKNOWN, "");
        let broken = connection
            .send(&Request::post(payload::EVENTS, "{"))
            .expect("an answer");
        refusal::expect(&broken, refusal::MALFORMED, "");
        let batch = Request::post_json(payload::EVENTS, &payload::batch("a", round, 1));
        connection.send(&batch).expect("an answer").ok();
    }
    assert_eq!(controller.status()["totals"]["batches_accepted_total"], 20);
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let controller = TestController::start(&[]);
    controller.post(payload::HELLO, &payload::hello("a")).ok();
    let mut connection = controller.connect();
    let mut bytes = Vec::new();
    for sequence in 1..=50 {
        let batch = payload::batch("a", sequence, 1);
        bytes.extend(Request::post_json(payload::EVENTS, &batch).to_bytes());
        bytes.extend(Request::get("/nothing").to_bytes());
    }
    connection.send_bytes(&bytes).expect("they are sent");
    for _ in 1..=50 {
        assert_eq!(
            connection.read_answer().expect("an answer").ok()["accepted"],
            1
        );
        assert_eq!(connection.read_answer().expect("an answer").status, 404);
    }
    let sequence = &controller.agent("a")["sequence"];
    assert_eq!(
        (&sequence["last_seen"], &sequence["regressions_total"]),
        (&50.into(), &0.into())
    );
}

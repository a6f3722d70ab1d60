//! `GET /metrics`: Prometheus text, a bounded set, and numbers that agree with the status.

use std::collections::BTreeMap;

use tapio_tests::controller::TestController;
use tapio_tests::http::Request;
use tapio_tests::payload;

/// Every sample by its name and labels, as one scrape gives them.
#[track_caller]
fn scrape(controller: &TestController) -> BTreeMap<String, f64> {
    let answer = controller.get("/metrics");
    assert_eq!(answer.status, 200);
    let kind = answer.header("content-type").expect("a content type");
    assert!(kind.starts_with("text/plain"), "{kind}");
    let text = answer.text();
    assert!(text.ends_with('\n'), "the last line is cut");
    let mut samples = BTreeMap::new();
    let mut described: Vec<&str> = Vec::new();
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.split(' ');
            assert!(matches!(words.next(), Some("HELP" | "TYPE")), "{line}");
            described.push(words.next().expect("a name"));
            continue;
        }
        let (name, value) = line.rsplit_once(' ').expect("a sample has a value");
        let family = name.split('{').next().expect("a name");
        assert!(
            family.starts_with("tapio_controller_"),
            "{name} is not ours by its name"
        );
        assert!(
            described.contains(&family),
            "{family} has neither HELP nor TYPE"
        );
        let value = value
            .parse()
            .unwrap_or_else(|_| panic!("no number: {line}"));
        assert_eq!(samples.insert(name.to_owned(), value), None, "{name} twice");
    }
    samples
}

fn sum(samples: &BTreeMap<String, f64>, of: impl Fn(&str) -> bool) -> f64 {
    samples
        .iter()
        .filter(|(name, _)| of(name))
        .map(|(_, value)| value)
        .sum()
}

#[test]
fn requests_are_counted_by_route_and_status() {
    let controller = TestController::start(&[]);
    let before = scrape(&controller);
    for _ in 0..3 {
        controller.post(payload::HELLO, &payload::hello("a")).ok();
    }
    controller.send(&Request::post(payload::HELLO, "{"));
    controller.get("/nothing");
    let after = scrape(&controller);
    let grown = |parts: &[&str]| {
        let of = |name: &str| parts.iter().all(|part| name.contains(part));
        sum(&after, of) - sum(&before, of)
    };
    assert_eq!(grown(&["requests_total", "hello", "200"]), 3.0);
    assert_eq!(grown(&["requests_total", "hello", "400"]), 1.0);
    assert_eq!(grown(&["requests_total", "404"]), 1.0);
}

#[test]
fn totals_agree_with_the_status() {
    let controller = TestController::start(&[]);
    controller
        .post(payload::EVENTS, &payload::batch("a", 1, 7))
        .ok();
    controller.send(&Request::post(payload::EVENTS, "{"));
    let samples = scrape(&controller);
    let totals = controller.status()["totals"].clone();
    for name in [
        "accepted_events_total",
        "rejected_events_total",
        "batches_accepted_total",
        "batches_rejected_total",
    ] {
        let sample = samples.get(&format!("tapio_controller_{name}"));
        assert_eq!(
            sample.copied(),
            totals[name].as_f64(),
            "{name} in {samples:?}"
        );
    }
}

#[test]
fn agents_are_counted_by_the_hash_they_report() {
    let controller = TestController::start(&[]);
    for id in ["a", "b", "c"] {
        controller.post(payload::HELLO, &payload::hello(id)).ok();
        controller
            .post(payload::HEARTBEAT, &payload::full_heartbeat(id))
            .ok();
    }
    let samples = scrape(&controller);
    let short = &payload::DEFAULT_HASH["sha256:".len()..][..8];
    assert_eq!(
        sum(&samples, |name| name.contains("agents")
            && name.contains(short)),
        3.0
    );
}

#[test]
fn the_set_stays_bounded_whatever_is_sent() {
    let controller = TestController::start(&[]);
    for number in 0..300 {
        let id = format!("agent-{number}");
        controller.post(payload::HELLO, &payload::hello(&id)).ok();
        let mut heartbeat = payload::heartbeat(&id);
        heartbeat["config_hash"] = format!("sha256:{number:064x}\"\\\n").into();
        if controller.post(payload::HEARTBEAT, &heartbeat).status != 200 {
            heartbeat["config_hash"] = format!("sha256:{number:064x}").into();
            controller.post(payload::HEARTBEAT, &heartbeat).ok();
        }
        heartbeat["observers"] = serde_json::json!({format!("observer-{number}"): "running"});
        controller.post(payload::HEARTBEAT, &heartbeat);
        controller.get(&format!("/path-{number}"));
        controller.send(&Request::new(&format!("METHOD{number}"), "/"));
    }
    let samples = scrape(&controller);
    assert!(samples.len() <= 150, "{} samples", samples.len());
    let of_agents = |name: &str| name.starts_with("tapio_controller_agents_by_reported_hash{");
    assert_eq!(sum(&samples, of_agents), 300.0, "nobody is left uncounted");
}

#[test]
fn the_longest_hold_of_the_registry_is_told() {
    let controller = TestController::start(&[]);
    controller.post(payload::HELLO, &payload::hello("a")).ok();
    let held = scrape(&controller)
        .get("tapio_controller_registry_lock_max_seconds")
        .copied();
    assert!(
        held.is_some_and(|held| held > 0.0 && held < 10.0),
        "{held:?}"
    );
}

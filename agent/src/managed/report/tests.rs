use tapio_common::catalogue::Observer;
use tapio_common::evidence::seal::Sha;
use tapio_common::ledger::{ObserverCounts, SinkCounts, TypeCounts};
use tapio_wire::CompiledConfig;

use super::*;
use crate::http::Endpoint;

fn link() -> Link {
    let endpoint = Endpoint::parse("http://127.0.0.1:1").expect("a URL");
    Link::new(endpoint, "agent-1".into(), "node-1".into()).expect("an eventfd")
}

fn loaded(observer: Observer, status: Status) -> LoadedObserver {
    LoadedObserver {
        observer,
        status,
        hooks: Vec::new(),
        maps: 0,
        watch: None,
    }
}

fn observers() -> Vec<LoadedObserver> {
    vec![
        loaded(Observer::Network, Status::Running),
        loaded(
            Observer::Storage,
            Status::Degraded("no hook\nfor it".into()),
        ),
        loaded(Observer::Container, Status::Failed("x".repeat(300))),
    ]
}

fn named() -> NamedConfig {
    let mut config = CompiledConfig::default();
    config.network.enabled = false;
    NamedConfig {
        config,
        generation: 3,
        hash: "sha256:0a".into(),
    }
}

fn ledger() -> Ledger {
    let row = TypeCounts {
        received: 5,
        lost: 1,
        queue_drops: 2,
        ambiguous: 4,
        ..TypeCounts::default()
    };
    let mut ledger = Ledger::default();
    ledger.types.insert("kernel.x.a".into(), row);
    ledger.types.insert("kernel.x.b".into(), row);
    let counts = ObserverCounts {
        malformed: 6,
        ..ObserverCounts::default()
    };
    ledger.observers.insert("x".into(), counts);
    let mut sink = SinkCounts::default();
    sink.dropped.insert("queue_full".into(), 7);
    ledger.sinks.insert("stdout".into(), sink);
    ledger
}

#[test]
fn before_any_config_it_is_generation_zero_without_a_hash_and_says_so() {
    let (link, observers, ledger) = (link(), observers(), ledger());
    let report = Report {
        link: &link,
        uptime_seconds: 9,
        observers: &observers,
        named: None,
        is_cached: false,
        failed: None,
        head: None,
        ledger: &ledger,
        send_failures: 0,
    };
    let body = serde_json::to_vec(&report.heartbeat()).expect("serialises");
    let heartbeat = Heartbeat::parse(&body).expect("what is sent can be read");
    assert_eq!(
        (&*heartbeat.config_version, &*heartbeat.config_hash),
        ("0", "")
    );
    assert_eq!(heartbeat.degraded_reasons.0, ["unconfigured"]);
    assert_eq!(
        heartbeat.observers.0.get("network"),
        Some(&ObserverStatus::Disabled)
    );
    assert_eq!(
        heartbeat.observers.0.get("container"),
        Some(&ObserverStatus::Failed)
    );
}

#[test]
fn everything_that_is_known_is_in_it_and_fits_the_wire() {
    let (link, observers, ledger, named) = (link(), observers(), ledger(), named());
    let failed = (
        "sha256:0b".to_owned(),
        "container.exits: unknown".to_owned(),
    );
    let head = Head {
        seal: "2026-11-21T10.seal".into(),
        sha256: Sha::of(b"x"),
    };
    let report = Report {
        link: &link,
        uptime_seconds: 9,
        observers: &observers,
        named: Some(&named),
        is_cached: true,
        failed: Some(&failed),
        head: Some(&head),
        ledger: &ledger,
        send_failures: 8,
    };
    let body = serde_json::to_vec(&report.heartbeat()).expect("serialises");
    let heartbeat = Heartbeat::parse(&body).expect("what is sent can be read");
    assert_eq!(
        (&*heartbeat.config_version, &*heartbeat.config_hash),
        ("3", "sha256:0a")
    );
    assert_eq!(heartbeat.degraded_reasons.0, ["cached_config"]);
    let statuses = &heartbeat.observers.0;
    assert_eq!(statuses.get("network"), Some(&ObserverStatus::Disabled));
    assert_eq!(statuses.get("storage"), Some(&ObserverStatus::Degraded));
    let reasons = &heartbeat.observer_reasons;
    assert_eq!(
        reasons.get("storage").map(|reason| &**reason),
        Some("no hook for it")
    );
    assert_eq!(
        reasons.get("container").map(|reason| reason.len()),
        Some(256)
    );
    assert_eq!(reasons.get("network"), None);
    let counters: Vec<u64> = heartbeat.counters.rows().map(|(_, counter)| counter).into();
    assert_eq!(counters, [10, 6, 6, 8, 7, 8]);
    let sent = heartbeat.ledger.expect("a ledger").to_ledger();
    assert_eq!(sent.expect("it reads back"), ledger);
    let kept_out = heartbeat.config_last_failed.expect("it was kept out");
    assert_eq!(&*kept_out.config_hash, "sha256:0b");
    let head = heartbeat.evidence_head.expect("a head");
    assert_eq!((&*head.seal, head.sha256.len()), ("2026-11-21T10.seal", 64));
}

#[test]
fn a_reason_is_cut_between_characters() {
    assert_eq!(identifier("a\tb"), "a b");
    assert_eq!(identifier(&"é".repeat(200)).len(), 256);
    assert_eq!(identifier(&("x".to_owned() + &"é".repeat(200))).len(), 255);
}

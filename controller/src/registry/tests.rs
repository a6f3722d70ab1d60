use super::*;
use crate::config::FIRST_GENERATION;
use tapio_wire::Heartbeat;

fn at(uptime_ms: u64) -> Moment {
    Moment {
        unix_seconds: 1_000,
        uptime_ms,
    }
}

fn config() -> ActiveConfig {
    ActiveConfig::new(FIRST_GENERATION, Default::default(), Default::default()).unwrap()
}

fn registry(agents_max: usize) -> Registry {
    Registry::new(config(), agents_max)
}

fn registration(agent_id: &str) -> Registration {
    Registration {
        agent_id: agent_id.into(),
        node_name: "node".into(),
        tapio_version: "1".into(),
    }
}

fn batch(agent_id: &str, sequence: u64) -> Batch<'_> {
    Batch {
        agent_id,
        sequence,
        digest: Digest(sequence),
        events: 3,
    }
}

fn echo() -> Echo {
    let body = br#"{"wire_version":"tapio-wire/v1","agent_id":"a","node_name":"n",
        "config_version":"0","uptime_seconds":1,"observers":{"network":"running"},
        "counters":{"events_total":0,"malformed_events_total":0,"lost_events_total":0,
        "correlation_drops_total":0,"sink_drops_total":0,"controller_send_failures_total":0}}"#;
    Echo::of(&Heartbeat::parse(body).unwrap()).unwrap()
}

fn ids(registry: &Registry) -> Vec<String> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        after = registry.page(after.as_ref(), 2, &mut rows);
        if after.is_none() {
            let id = |row: &Snapshot| row.registration.agent_id.to_string();
            return rows.iter().map(id).collect();
        }
    }
}

#[test]
fn pages_list_every_registered_agent_once_in_order() {
    let mut registry = registry(100);
    for id in ["c", "a", "e", "b", "d"] {
        assert!(registry.hello(registration(id), None, at(0)));
    }
    registry.take(batch("bb", 1), at(0)); // a stranger in between
    assert_eq!(ids(&registry), ["a", "b", "c", "d", "e"]);
    let summary = registry.summary();
    assert_eq!((summary.agents, summary.strangers), (5, 1));
}

#[test]
fn a_full_registry_refuses_newcomers_and_no_one_else() {
    let mut registry = registry(1);
    assert!(registry.hello(registration("a"), None, at(0)));
    assert!(!registry.hello(registration("b"), None, at(0)));
    assert!(registry.hello(registration("a"), None, at(1)));
    registry.take(batch("c", 1), at(1));
    assert!(!registry.hello(registration("c"), None, at(2)));
    assert_eq!(ids(&registry), ["a"]);
    assert_eq!(registry.summary().totals.batches_accepted_total, 1);
}

#[test]
fn a_heartbeat_is_stored_for_those_who_said_hello_alone() {
    let mut registry = registry(10);
    assert!(registry.heartbeat("a", "", echo(), at(0)).is_err());
    registry.take(batch("a", 1), at(0));
    assert!(registry.heartbeat("a", "", echo(), at(0)).is_err());
    assert_eq!(registry.census().rows().count(), 0);

    registry.hello(registration("a"), None, at(0));
    assert_eq!(registry.heartbeat("a", "", echo(), at(5)), Ok(None));
    assert_eq!(registry.heartbeat("a", "", echo(), at(6)), Ok(Some(echo())));
    assert_eq!(registry.census().rows().collect::<Vec<_>>(), [("", 1)]);
    let mut rows = Vec::new();
    registry.page(None, 10, &mut rows);
    assert_eq!(rows[0].heartbeat_at_ms, Some(6));
    assert_eq!(rows[0].reported, Some(echo()));
}

#[test]
fn a_batch_counts_once_and_its_retry_gets_the_same_answer() {
    let mut registry = registry(10);
    registry.hello(registration("a"), None, at(0));
    let first = registry.take(batch("a", 1), at(1));
    let again = registry.take(batch("a", 1), at(2));
    assert_eq!(first.accepted, again.accepted);
    assert_eq!(again.standing, Standing::Duplicate(3));
    registry.take(batch("a", 4), at(3));
    registry.take(batch("a", 2), at(4));
    registry.reject(7);
    let summary = registry.summary();
    assert_eq!(
        summary.totals,
        Totals {
            accepted_events_total: 9,
            rejected_events_total: 7,
            batches_accepted_total: 3,
            batches_rejected_total: 1,
        }
    );
    assert_eq!(
        (summary.gaps, summary.regressions, summary.duplicates),
        (2, 1, 1)
    );
}

#[test]
fn what_a_stranger_sent_is_remembered_when_it_says_hello() {
    let mut registry = registry(10);
    registry.take(batch("a", 5), at(0));
    assert!(registry.hello(registration("a"), Some(7), at(1)));
    assert_eq!(registry.duplicate_of(batch("a", 5)), Some(3));
    assert_eq!(registry.summary().gaps, 1);
    assert_eq!(registry.summary().strangers, 0);
}

#[test]
fn strangers_are_bounded_and_all_their_batches_count() {
    let mut registry = registry(10);
    for number in 0..2_000 {
        registry.take(batch(&number.to_string(), 1), at(0));
    }
    let summary = registry.summary();
    assert_eq!(summary.strangers, 1_024);
    assert_eq!(summary.totals.batches_accepted_total, 2_000);
}

#[test]
fn the_silent_are_forgotten_page_by_page_and_strangers_sooner() {
    let mut registry = registry(10);
    for id in ["a", "b", "c"] {
        registry.hello(registration(id), None, at(0));
        registry.heartbeat(id, "", echo(), at(0)).unwrap();
    }
    registry.take(batch("s", 1), at(0));
    registry.heartbeat("b", "", echo(), at(5_000_000)).unwrap();

    let sweep = |registry: &mut Registry, silent_ms, now| {
        let (mut after, mut names) = (None, Vec::new());
        loop {
            let (next, forgotten) = registry.forget(after.as_ref(), 2, silent_ms, at(now));
            names.extend(forgotten.iter().map(|agent| agent.agent_id.to_string()));
            after = next;
            if after.is_none() {
                return names;
            }
        }
    };
    assert!(sweep(&mut registry, Some(3_000_000), 3_000_000).is_empty());
    assert_eq!(sweep(&mut registry, None, 3_600_001), ["s"]);
    assert_eq!(sweep(&mut registry, Some(6_000_000), 6_000_001), ["a", "c"]);
    assert_eq!(ids(&registry), ["b"]);
    assert_eq!(registry.census().rows().collect::<Vec<_>>(), [("", 1)]);
    assert_eq!(registry.summary().forgotten, 2);
}

#[test]
fn a_panic_under_the_lock_leaves_the_registry_to_the_next() {
    let shared = Shared::new(registry(10));
    shared.with(|registry| registry.hello(registration("a"), None, at(0)));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        shared.with(|_| panic!("a handler's own"));
    }));
    assert!(panicked.is_err());
    assert_eq!(shared.with(|registry| ids(registry)), ["a"]);
}

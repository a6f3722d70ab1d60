//! Refusals by the thousand, counted by whoever causes them.

use serde_json::json;
use tapio_common::ledger::TypeCounts;
use tapio_common::time::Timestamp;
use tapio_tests::agent::{Event, Report, TestAgent};

use super::{Caused, DEGRADED, NOBODY, REFUSED};
use crate::cgroup::Cgroup;
use crate::deaths::now;
use crate::floods::share_of;

const REFUSALS: u64 = 100_000;

/// For how many facts these stand: a summary for those of its fold.
fn told(events: &[&Event]) -> u64 {
    let stands_for = |event: &&Event| match event.fact("summary").as_bool() {
        Some(true) => event.fact("count").as_u64().expect("a count"),
        _ => 1,
    };
    events.iter().map(stands_for).sum()
}

fn refusals<'a>(report: &'a Report, cgroup: &Cgroup) -> Vec<&'a Event> {
    let events = report.events.iter();
    events
        .filter(|event| event.is(REFUSED) && cgroup.holds(event))
        .collect()
}

/// Its row, and what the kernel skipped.
fn row(report: &Report) -> (TypeCounts, u64) {
    let observer = report.ledger.observers.get("network");
    let missed = observer.and_then(|observer| observer.missed).unwrap_or(0);
    (report.ledger.types[REFUSED], missed)
}

/// How many refusals of others there were besides.
fn of_others(report: &Report, cgroup: &Cgroup) -> u64 {
    let events = report.events.iter();
    let others: Vec<&Event> = events
        .filter(|event| event.is(REFUSED) && !cgroup.holds(event))
        .collect();
    told(&others)
}

#[test]
fn a_hundred_thousand_refusals_are_seen_or_missed() {
    let agent = TestAgent::observe_network(&json!({}), &[]);
    let cgroup = Cgroup::new();
    let caused = Caused::by(&cgroup, &format!("refused {NOBODY} {}", share_of(REFUSALS))).count();
    assert_eq!(caused, share_of(REFUSALS));
    let report = agent.stop();
    let (row, missed) = row(&report);
    let wanted = caused + of_others(&report, &cgroup);
    assert!(row.seen <= wanted && wanted <= row.seen + missed, "{row:?}");
    assert!(row.aggregated > caused / 2, "nothing was folded: {row:?}");
    assert_eq!((row.lost, row.queue_drops), (0, 0), "{row:?}");
    assert_eq!(told(&refusals(&report, &cgroup)) + missed, caused);
}

#[test]
fn twenty_thousand_a_second_are_told_one_by_one_where_nothing_is_folded() {
    let agent = TestAgent::observe_network(&json!({}), &["--fair-share", "0"]);
    let cgroup = Cgroup::new();
    let (count, per_second) = (share_of(40_000), share_of(20_000));
    let words = format!("refused {NOBODY} {count} {per_second}");
    let caused = Caused::by(&cgroup, &words).count();
    let report = agent.stop();
    let (row, missed) = row(&report);
    assert_eq!((row.lost, row.queue_drops), (0, 0), "{row:?}");
    let said = u64::try_from(refusals(&report, &cgroup).len()).expect("a count");
    assert_eq!(said + missed, caused);
}

#[test]
fn a_thousand_refusals_among_eighty_four_thousand_healthy_ones() {
    let agent = TestAgent::observe_network(&json!({}), &["--fair-share", "0"]);
    let (busy, unlucky) = (Cgroup::new(), Cgroup::new());
    let mut crowd = crate::scene::Scene::member(&busy, &format!("healthy {}", share_of(84_000)));
    let words = format!("refused {NOBODY} {} 100", share_of(1_000));
    let caused = Caused::by(&unlucky, &words).count();
    crowd.line();
    assert!(crowd.end().success());
    let report = agent.stop();
    let (row, missed) = row(&report);
    let said = u64::try_from(refusals(&report, &unlucky).len()).expect("a count");
    assert_eq!(said + missed.min(caused - said), caused, "{row:?} {missed}");
    // An emulated machine pauses, and what is then said of a round trip is true of it.
    let healthy: Vec<&Event> = busy.events(&report);
    let healthy: Vec<&Event> = healthy.into_iter().filter(|e| !e.is(DEGRADED)).collect();
    assert!(healthy.is_empty(), "{:?}", &healthy[..healthy.len().min(3)]);
}

/// The first and the last that a summary stands for, by the clock on the wall.
#[track_caller]
fn assert_between(began: Timestamp, summary: &Event, ended: Timestamp) {
    let moment = |name: &str| {
        let text = summary.fact(name).as_str().expect("a moment");
        Timestamp::from_rfc3339(text).expect("a moment")
    };
    let (first, last) = (moment("first"), moment("last"));
    let is_so = began <= first && first <= last && last <= ended;
    assert!(is_so, "{began} {ended} {summary:?}");
}

/// Below the count nothing is told; from it on one, and at the window's end how many more.
#[test]
fn refusals_are_folded_by_destination_from_the_count_on() {
    let fold = json!({"conn_refused_window_ns": 3_000_000_000u64, "conn_refused_min_count": 5});
    for (caused, wanted) in [(4, (0, 0)), (5, (1, 0)), (6, (1, 1)), (105, (1, 100))] {
        let agent = TestAgent::observe_network(&fold, &[]);
        let cgroup = Cgroup::new();
        let began = now();
        let scene = Caused::by(&cgroup, &format!("refused {NOBODY} {caused}"));
        assert_eq!(scene.count(), caused);
        let ended = now();
        let report = agent.stop();
        let events = refusals(&report, &cgroup);
        let is_summary = |event: &&&Event| event.fact("summary") == true;
        let summaries: Vec<_> = events.iter().filter(is_summary).collect();
        let folded: u64 = summaries
            .iter()
            .inspect(|event| assert_between(began, event, ended))
            .map(|event| event.fact("count").as_u64().expect("a count"))
            .sum();
        assert_eq!(
            (events.len() - summaries.len(), folded),
            wanted,
            "{events:?}"
        );
        for event in &events {
            assert_eq!(event.fact("dst_ip"), "127.0.0.1");
            assert_eq!(event.fact("dst_port"), 1);
        }
        let opener = events.iter().find(|event| *event.fact("summary") != true);
        assert!(
            opener.is_none_or(|event| event.fact("count") == 5),
            "{events:?}"
        );
        let (row, _) = row(&report);
        assert!(
            row.filtered >= caused.min(4) && row.aggregated >= folded,
            "{row:?}"
        );
    }
}

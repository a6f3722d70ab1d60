use std::collections::BTreeMap;

use super::*;
use crate::coverage::{ClockSet, Expired, Loss, Lost, Stopped};
use crate::evidence::seal::Sha;

const OOM: &str = "kernel.container.oom_kill";
const EXIT: &str = "kernel.container.abnormal_exit";
const STALL: &str = "kernel.node.cpu_stall";

/// Seconds after an arbitrary start.
fn at(second: u64) -> Timestamp {
    Timestamp((1_795_000_000 + second) * NANOS_PER_SECOND)
}

fn looking(second: u64, types: &[&str], missing: &[(&str, &str)]) -> Entry {
    let missing = missing
        .iter()
        .map(|(name, why)| ((*name).to_owned(), (*why).to_owned()));
    Entry::Looking(Looking {
        from: at(second),
        boot_id: "b".into(),
        config_generation: 1,
        config_hash: "sha256:0".into(),
        scope: serde_json::Value::Null,
        types: types.iter().map(|name| (*name).to_owned()).collect(),
        types_missing: missing.collect::<BTreeMap<_, _>>(),
        hooks: Vec::new(),
    })
}

fn stopped(second: u64) -> Entry {
    Entry::Stopped(Stopped {
        at: at(second),
        boot_id: "b".into(),
    })
}

fn gap(from: u64, to: u64) -> Entry {
    Entry::Gap(Gap {
        from: at(from),
        to: at(to),
        reason: "crash".into(),
        cut_lines: 1,
    })
}

fn lost(from: u64, to: u64, of: &str) -> Entry {
    let loss = Loss {
        of: of.into(),
        stage: "lost".into(),
        events: 7,
    };
    Entry::Lost(Lost {
        from: at(from),
        to: at(to),
        losses: vec![loss],
    })
}

fn live(entries: Vec<Entry>, word: u64) -> Coverage {
    Coverage {
        entries,
        unreadable: 0,
        word: Some(Word {
            stored_to: at(word),
            pid: 1,
        }),
        is_live: true,
    }
}

/// What is said against "no OOM kill from then to then", with seconds since the start.
fn said(coverage: &Coverage, from: u64, to: u64) -> Vec<(u64, u64, String)> {
    let second = |moment: Timestamp| moment.0.div_ceil(NANOS_PER_SECOND) - 1_795_000_000;
    let claim = coverage.claim(&[OOM], at(from), Until::Moment(at(to)));
    let row = |doubt: &Doubt| (second(doubt.from), second(doubt.to), doubt.why.to_string());
    claim.doubts.iter().map(row).collect()
}

#[test]
fn an_interval_in_which_the_type_was_looked_for_is_covered_to_the_nanosecond() {
    let coverage = live(vec![looking(10, &[OOM], &[]), stopped(20)], 0);
    assert_eq!(said(&coverage, 10, 19), []);
    let stop = "nobody looked: the agent had been stopped".to_owned();
    assert_eq!(said(&coverage, 10, 20), [(20, 20, stop)]);
    let unrecorded = "nothing is recorded of who looked then".to_owned();
    assert_eq!(said(&coverage, 9, 19), [(9, 10, unrecorded)]);
    assert_eq!(
        said(&Coverage::default(), 1, 2).len(),
        1,
        "an empty directory covers nothing"
    );
}

#[test]
fn every_change_of_config_counts_for_its_own_time() {
    let disabled = (OOM, "observer disabled");
    let coverage = live(
        vec![
            looking(10, &[OOM], &[]),
            looking(20, &[EXIT], &[disabled]),
            looking(30, &[OOM], &[]),
        ],
        90,
    );
    assert_eq!(said(&coverage, 10, 19), []);
    assert_eq!(said(&coverage, 30, 90), []);
    let why = "not looked for: observer disabled".to_owned();
    assert_eq!(said(&coverage, 15, 40), [(20, 30, why)]);
    let in_force = coverage
        .claim(&[OOM], at(15), Until::Moment(at(25)))
        .in_force;
    assert_eq!(in_force.len(), 2);
}

#[test]
fn types_without_an_answer_share_their_doubt() {
    let coverage = live(
        vec![looking(10, &[OOM], &[(EXIT, "no hook"), (STALL, "no_pmu")])],
        90,
    );
    let claim = coverage.claim(
        &[OOM, EXIT, STALL, "kernel.x.y"],
        at(20),
        Until::Moment(at(30)),
    );
    let types: Vec<Vec<&str>> = claim
        .doubts
        .iter()
        .map(|doubt| doubt.types.iter().map(String::as_str).collect())
        .collect();
    assert_eq!(types, [vec![EXIT], vec![STALL], vec!["kernel.x.y"]]);
    let same = live(
        vec![looking(10, &[], &[(EXIT, "no hook"), (OOM, "no hook")])],
        90,
    );
    let claim = same.claim(&[OOM, EXIT], at(20), Until::Moment(at(30)));
    assert_eq!(claim.doubts.len(), 1);
}

#[test]
fn a_writer_that_runs_vouches_up_to_its_last_word() {
    let coverage = live(vec![looking(10, &[OOM], &[])], 100);
    let claim = |now| coverage.claim(&[OOM], at(50), Until::Now(at(now)));
    assert_eq!((claim(145).to, claim(145).doubts), (at(100), vec![]));
    let late = claim(146);
    assert_eq!(late.to, at(146));
    assert_eq!(late.doubts[0].why, Why::SilentAlive);
    assert_eq!(
        said(&coverage, 50, 101).len(),
        1,
        "asked for, so it is missed"
    );
    let young = coverage.claim(&[OOM], at(100), Until::Now(at(120)));
    assert_eq!(
        young.doubts[0].why,
        Why::SilentAlive,
        "the word has to be about the interval"
    );
}

#[test]
fn a_writer_that_is_gone_without_a_stop_vouches_for_nothing_after_its_word() {
    let coverage = Coverage {
        is_live: false,
        ..live(vec![looking(10, &[OOM], &[])], 100)
    };
    assert_eq!(said(&coverage, 50, 100), []);
    let claim = coverage.claim(&[OOM], at(50), Until::Now(at(110)));
    assert_eq!(claim.doubts[0].why, Why::SilentDead);
    let recorded = live(
        vec![
            looking(10, &[OOM], &[]),
            gap(100, 105),
            looking(105, &[OOM], &[]),
        ],
        190,
    );
    let why = "nobody looked: crash; unfinished lines cut off: 1".to_owned();
    assert_eq!(said(&recorded, 50, 190), [(100, 105, why)]);
    assert_eq!(said(&recorded, 105, 190), []);
}

#[test]
fn losses_count_against_their_type_their_observer_and_their_time() {
    let with = |of| live(vec![looking(10, &[OOM], &[]), lost(40, 50, of)], 90);
    for (of, counts) in [
        (OOM, true),
        ("container", true),
        ("file", true),
        (EXIT, false),
        ("network", false),
        ("stdout", false),
    ] {
        assert_eq!(said(&with(of), 45, 60).len(), usize::from(counts), "{of}");
    }
    assert_eq!(said(&with(OOM), 51, 60), []);
    assert_eq!(
        said(&with(OOM), 10, 29),
        [],
        "with ten seconds for what waited before it was lost"
    );
    assert_eq!(said(&with(OOM), 45, 60), [(30, 50, "7 lost".to_owned())]);
}

#[test]
fn a_loss_leaves_the_types_it_cannot_have_been_of_covered() {
    const REFUSED: &str = "kernel.network.connection_refused";
    let types = [OOM, EXIT, REFUSED];
    let covered = |of| {
        let coverage = live(vec![looking(10, &types, &[]), lost(40, 50, of)], 90);
        let claim = coverage.claim(&types, at(45), Until::Moment(at(60)));
        claim.covered().into_iter().collect::<Vec<_>>()
    };
    assert_eq!(covered(OOM), [EXIT, REFUSED]);
    assert_eq!(covered("container"), [REFUSED]);
    assert!(covered("file").is_empty());
    assert_eq!(covered("stdout").len(), 3);
}

#[test]
fn what_expired_and_what_came_twice_cannot_be_claimed() {
    let expired = |to| {
        Entry::Expired(Expired {
            at: at(60),
            from: at(12),
            to: at(to),
            segments: 1,
            events: to,
            last_seal: "x.seal".into(),
            last_sha256: Sha::of(b""),
        })
    };
    let set = |by_nanos| {
        Entry::ClockSet(ClockSet {
            at: at(30),
            by_nanos,
        })
    };
    let coverage = live(
        vec![
            looking(10, &[OOM], &[]),
            set(-5_000_000_000),
            set(9),
            expired(15),
            expired(20),
        ],
        90,
    );
    assert_eq!(said(&coverage, 21, 29), []);
    assert_eq!(said(&coverage, 36, 90), []);
    let gone = "retention removed evidence (20 events so far)".to_owned();
    assert_eq!(said(&coverage, 14, 29), [(12, 20, gone)]);
    let why = "the clock was set back by 5 s: these moments came twice".to_owned();
    assert_eq!(said(&coverage, 35, 90), [(30, 35, why)]);
}

#[test]
fn moments_that_the_clock_jumped_over_cannot_be_claimed() {
    let set = Entry::ClockSet(ClockSet {
        at: at(40),
        by_nanos: 10_000_000_000,
    });
    let coverage = live(vec![looking(10, &[OOM], &[]), set], 90);
    assert_eq!(said(&coverage, 10, 29), []);
    assert_eq!(said(&coverage, 41, 90), []);
    let why = "the clock was set forward by 10 s: what happened then has earlier moments";
    assert_eq!(said(&coverage, 35, 60), [(30, 40, why.to_owned())]);
}

#[test]
fn coverage_that_cannot_be_read_counts_against_every_claim() {
    let coverage = Coverage {
        unreadable: 2,
        ..live(vec![looking(10, &[OOM], &[])], 90)
    };
    assert_eq!(said(&coverage, 20, 30).len(), 1);
}

#[test]
fn a_question_about_no_type_in_particular_is_about_those_of_the_observers() {
    assert_eq!(types_of(|observer| observer == "container"), [OOM, EXIT]);
    assert_eq!(types_of(|_| true).len(), Anomaly::ALL.len());
}

//! What an earlier run left.

use super::*;
use crate::evidence::claim::{Coverage, Until};
use crate::evidence::word::{LOCK_FILE, Word};

#[test]
fn a_crash_costs_the_unfinished_line_which_is_cut_and_counted() {
    let (disk, mut writer, mut clock) = fresh("2026-11-21T14:10:00Z");
    let from = clock.0.wall;
    writer.cover(looking(from), clock.0);
    put(&mut writer, from, 1, clock.0);
    disk.end_after(1, 20);
    writer
        .append(from, &line(from, 2), clock.0)
        .expect_err("the process ends");
    disk.restart(Crash::Process);
    assert_eq!(
        disk.content("2026-11-21T14.jsonl").len(),
        line(from, 1).len() + 20
    );
    let word = Timestamp(from.0 + 1);
    let now = clock.pass(5 * SECOND);
    let (mut writer, recovered) =
        Writer::open(disk.clone(), Limits::default(), Some(word), now).expect("it opens");
    let gap = Gap {
        from: word,
        to: now.wall,
        reason: "the run before did not end in good order".into(),
        cut_lines: 1,
    };
    assert_eq!(
        (recovered.cut_lines, recovered.cut_bytes, recovered.reopened),
        (1, 20, 1)
    );
    assert_eq!(recovered.gap, Some(gap.clone()));
    assert_eq!(coverage(&disk)[1..], [Entry::Gap(gap)]);
    put(&mut writer, from, 3, now);
    assert_eq!(
        disk.content("2026-11-21T14.jsonl"),
        [line(from, 1), line(from, 3)].concat()
    );
}

#[test]
fn zeros_that_a_loss_of_power_leaves_are_cut_and_damage_before_good_lines_stays() {
    let (disk, clock) = (SimulatedDisk::default(), Clock::new("2026-11-21T14:10:00Z"));
    let from = clock.0.wall;
    let good = [line(from, 1), b"damaged\n".to_vec(), line(from, 2)].concat();
    disk.put(
        "2026-11-21T14.jsonl",
        &[&good[..], b"torn\n", &[0; 4_000], b"\n\0\0"].concat(),
    );
    let (mut writer, recovered) = open(&disk, Limits::default(), clock.0);
    assert_eq!(disk.content("2026-11-21T14.jsonl"), good);
    assert_eq!(
        (recovered.cut_lines, recovered.cut_bytes),
        (3, 5 + 4_000 + 3)
    );
    let mut later = clock;
    writer.settle(later.pass(2 * NANOS_PER_HOUR));
    assert!(disk.text("2026-11-21T14.seal").contains("\"events\":3,"));
    whole(&disk);
}

#[test]
fn a_run_that_ended_in_good_order_leaves_no_gap() {
    let (disk, mut writer, mut clock) = fresh("2026-11-21T14:10:00Z");
    writer.cover(looking(clock.0.wall), clock.0);
    let stopped = Stopped {
        at: clock.pass(SECOND).wall,
        boot_id: "b".into(),
    };
    writer.cover(Entry::Stopped(stopped), clock.0);
    writer.finish(clock.0);
    let (_, recovered) = open(&disk, Limits::default(), clock.pass(SECOND));
    assert_eq!(recovered, Recovered::default());
    assert_eq!(coverage(&disk).len(), 2);
}

#[test]
fn what_is_read_only_without_a_seal_is_not_touched() {
    let (disk, clock) = (SimulatedDisk::default(), Clock::new("2026-11-21T14:10:00Z"));
    let moment = clock.0.wall;
    disk.put("2026-11-21T14.jsonl", &line(moment, 1));
    disk.freeze("2026-11-21T14.jsonl").expect("it is there");
    let (mut writer, recovered) = open(&disk, Limits::default(), clock.0);
    assert_eq!(recovered.damaged, ["2026-11-21T14.jsonl"]);
    put(&mut writer, moment, 2, clock.0);
    assert_eq!(disk.content("2026-11-21T14.jsonl"), line(moment, 1));
    assert_eq!(disk.content("2026-11-21T14.1.jsonl"), line(moment, 2));
}

/// Power fails at 12:01; the machine has no clock of its own, and learns the time at 12:30.
#[test]
fn a_boot_in_1970_hides_no_gap_and_takes_back_nothing_that_was_covered() {
    let (disk, mut writer, clock) = fresh("2026-11-21T12:00:00Z");
    let noon = clock.0.wall.0;
    let after_noon = |seconds: u64| Timestamp(noon + seconds * SECOND);
    writer.cover(looking(after_noon(0)), clock.0);
    disk.restart(Crash::Process);
    let at = |wall, boot: u64| Now {
        wall,
        boot_nanos: boot * SECOND,
    };
    let booted = at(Timestamp(20 * SECOND), 20);
    let word = Some(after_noon(60));
    let (mut writer, recovered) =
        Writer::open(disk.clone(), Limits::default(), word, booted).expect("it opens");
    let gap = recovered.gap.expect("the run before did not stop");
    assert_eq!((gap.from, gap.to), (after_noon(60), after_noon(60)));
    writer.cover(looking(booted.wall), booted);
    writer.settle(at(after_noon(1_800), 35));
    let word = Word {
        stored_to: after_noon(1_900),
        pid: 1,
    };
    disk.put(LOCK_FILE, &word.to_bytes());
    let coverage = Coverage::read(&disk, true).expect("it can be read");
    for (from, to, doubts) in [(0, 59, 0), (0, 60, 2), (61, 1_799, 1), (1_801, 1_899, 0)] {
        let until = Until::Moment(after_noon(to));
        let found = coverage.claim(&[], after_noon(from), until).doubts;
        assert_eq!(found.len(), doubts, "{from} to {to}: {found:?}");
    }
}

#[test]
fn a_clock_set_back_between_two_runs_is_told() {
    let (disk, mut writer, clock) = fresh("2026-11-21T12:00:00Z");
    let mut now = clock.0;
    let at = now.wall;
    let boot_id = "b".into();
    writer.cover(Entry::Stopped(Stopped { at, boot_id }), now);
    writer.finish(now);
    now.wall.0 -= 600 * SECOND;
    let (_, recovered) = open(&disk, Limits::default(), now);
    assert_eq!(recovered, Recovered::default());
    let Some(Entry::ClockSet(set)) = coverage(&disk).pop() else {
        panic!("{:?}", coverage(&disk));
    };
    assert_eq!((set.at, set.by_nanos), (now.wall, -600_000_000_000));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let (disk, mut writer, mut clock) = fresh("2026-11-21T14:10:00Z");
    put(&mut writer, clock.0.wall, 1, clock.0);
    writer.settle(clock.pass(NANOS_PER_HOUR));
    put(&mut writer, clock.0.wall, 2, clock.0);
    for file in ["2026-11-21T14.seal", "2026-11-21T15.jsonl"] {
        disk.spoil(file);
        let opened = Writer::open(disk.clone(), Limits::default(), None, clock.0);
        let refused = opened.expect_err("a bad block").to_string();
        assert_eq!(refused, format!("{file}: a bad block"));
    }
}

//! What goes, and in which order.

use super::*;

#[test]
fn retention_removes_the_oldest_sealed_segments_and_says_so() {
    let (disk, mut clock) = (SimulatedDisk::default(), Clock::new("2026-11-21T14:10:00Z"));
    let limits = Limits {
        segment_bytes_max: 1,
        retain_bytes_max: 1_500,
        ..Limits::default()
    };
    let (mut writer, _) = open(&disk, limits, clock.0);
    for number in 0..10 {
        put(&mut writer, clock.pass(SECOND).wall, number, clock.0);
    }
    let names = disk.names();
    assert!(
        !names.contains(&"2026-11-21T14.jsonl".to_owned()),
        "{names:?}"
    );
    assert!(
        names.contains(&"2026-11-21T14.9.jsonl".to_owned()),
        "{names:?}"
    );
    let kept = names.iter().filter(|name| name.ends_with(".seal")).count() as u64;
    let Some(Entry::Expired(expired)) = coverage(&disk).pop() else {
        panic!("the coverage ends with what has expired");
    };
    assert_eq!(expired.segments + kept, 10);
    assert_eq!(
        (expired.from, expired.events),
        (at("2026-11-21T14:10:01Z"), expired.segments)
    );
    whole(&disk);
    // The chain goes on even when all of it has gone meanwhile.
    let age = Limits {
        retain_age_nanos: SECOND,
        ..limits
    };
    let (mut writer, _) = open(&disk, age, clock.pass(3_600 * SECOND));
    writer.settle(clock.0);
    assert_eq!(disk.names(), ["coverage.jsonl"]);
    put(&mut writer, clock.0.wall, 11, clock.0);
    whole(&disk);
    assert!(disk.text("2026-11-21T15.seal").contains("\"previous\":\""));
}

#[test]
fn a_clock_that_learns_the_time_does_not_expire_what_it_just_sealed() {
    let (disk, mut writer, mut clock) = fresh("1970-01-01T00:59:00Z");
    put(&mut writer, clock.0.wall, 1, clock.0);
    clock.0.wall = at("2026-11-21T14:00:00Z");
    writer.settle(clock.pass(SECOND));
    assert_eq!(writer.head().expect("sealed").seal, "1970-01-01T00.seal");
    writer.settle(clock.pass(NANOS_PER_HOUR));
    assert!(disk.names().contains(&"1970-01-01T00.jsonl".to_owned()));
    let entries = coverage(&disk);
    assert!(matches!(entries[..], [Entry::ClockSet(_)]), "{entries:?}");
}

#[test]
fn a_clock_set_far_forward_costs_nothing_if_it_is_put_right_within_the_hour() {
    let (disk, mut writer, mut clock) = fresh("2026-11-21T14:10:00Z");
    put(&mut writer, clock.0.wall, 1, clock.0);
    writer.settle(clock.pass(2 * NANOS_PER_HOUR));
    let years = 70 * 365 * 24 * NANOS_PER_HOUR;
    clock.0.wall.0 += years;
    writer.settle(clock.pass(SECOND));
    let again = writer.settle(clock.pass(SECOND));
    assert_eq!(again, Some(Duration::from_secs(3_599)));
    assert!(disk.names().contains(&"2026-11-21T14.jsonl".to_owned()));
    clock.0.wall.0 -= years;
    writer.settle(clock.pass(NANOS_PER_HOUR));
    assert!(disk.names().contains(&"2026-11-21T14.jsonl".to_owned()));
    clock.0.wall.0 += years;
    writer.settle(clock.pass(SECOND));
    writer.settle(clock.pass(NANOS_PER_HOUR));
    assert_eq!(disk.names(), ["coverage.jsonl"], "it has stayed so");
}

#[test]
fn an_expiry_that_was_interrupted_at_any_call_is_finished_and_counted_once() {
    let part = Limits {
        segment_bytes_max: 1,
        ..Limits::default()
    };
    for calls in 1..=20 {
        let (disk, mut clock) = (SimulatedDisk::default(), Clock::new("2026-11-21T14:10:00Z"));
        let (mut writer, _) = open(&disk, part, clock.0);
        for number in 0..4 {
            put(&mut writer, clock.pass(SECOND).wall, number, clock.0);
        }
        writer.limits.retain_bytes_max = 1;
        disk.end_after(calls, 10);
        writer.expire(clock.0);
        disk.restart(Crash::Process);
        whole(&disk);
        let small = Limits {
            retain_bytes_max: 1,
            ..part
        };
        let (mut writer, _) = open(&disk, small, clock.pass(SECOND));
        writer.settle(clock.0);
        assert_eq!(disk.names(), ["coverage.jsonl"], "ended at call {calls}");
        let Some(Entry::Expired(expired)) = coverage(&disk).pop() else {
            panic!("ended at call {calls}: {:?}", coverage(&disk));
        };
        assert_eq!(
            (expired.segments, expired.events),
            (4, 4),
            "ended at call {calls}"
        );
        whole(&disk);
    }
}

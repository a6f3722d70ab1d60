//! What the disk refuses.

use super::*;

#[test]
fn a_full_disk_leaves_no_half_line_and_takes_lines_again() {
    let (disk, mut writer, clock) = fresh("2026-11-21T14:10:00Z");
    let moment = clock.0.wall;
    put(&mut writer, moment, 1, clock.0);
    disk.limit(Some(disk.bytes_used() + 10));
    let refused = writer
        .append(moment, &line(moment, 2), clock.0)
        .expect_err("it is full");
    assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
    assert_eq!(disk.content("2026-11-21T14.jsonl"), line(moment, 1));
    disk.limit(None);
    put(&mut writer, moment, 3, clock.0);
    assert_eq!(
        disk.content("2026-11-21T14.jsonl"),
        [line(moment, 1), line(moment, 3)].concat()
    );
}

#[test]
fn a_line_that_could_not_even_be_cut_back_is_cut_before_the_next() {
    let (disk, mut writer, clock) = fresh("2026-11-21T14:10:00Z");
    let moment = clock.0.wall;
    put(&mut writer, moment, 1, clock.0);
    // The write that comes short is the last call that works: the one that cuts is refused.
    disk.limit(Some(disk.bytes_used() + 10));
    disk.end_after(2, 0);
    writer
        .append(moment, &line(moment, 2), clock.0)
        .expect_err("it is full");
    disk.restart(Crash::Process);
    assert!(disk.content("2026-11-21T14.jsonl").len() > line(moment, 1).len());
    disk.limit(None);
    put(&mut writer, moment, 3, clock.0);
    assert_eq!(
        disk.content("2026-11-21T14.jsonl"),
        [line(moment, 1), line(moment, 3)].concat()
    );
}

#[test]
fn a_segment_that_cannot_be_sealed_takes_lines_until_it_can() {
    let (disk, mut writer, mut clock) = fresh("2026-11-21T14:59:59Z");
    put(&mut writer, clock.0.wall, 1, clock.0);
    writer.settle(clock.pass(SECOND));
    disk.set_read_only(true);
    let again = writer
        .settle(clock.pass(61 * SECOND))
        .expect("it tries again");
    assert_eq!(again, Duration::from_secs(1));
    let notices = writer.take_notices();
    assert!(
        matches!(notices[..], [Notice::NotSealed(..)]),
        "{notices:?}"
    );
    assert!(
        writer
            .append(clock.0.wall, &line(clock.0.wall, 2), clock.0)
            .is_err()
    );
    disk.set_read_only(false);
    writer.settle(clock.pass(SECOND));
    assert_eq!(writer.head().expect("sealed").seal, "2026-11-21T14.seal");
    whole(&disk);
}

/// However often it may sync: who comes back at once comes back for ever.
#[test]
fn whatever_the_disk_refuses_is_tried_again_after_a_pause() {
    let short = Limits {
        sync_within_nanos: 0,
        ..Limits::default()
    };
    let (disk, mut clock) = (SimulatedDisk::default(), Clock::new("2026-11-21T14:10:00Z"));
    let (mut writer, _) = open(&disk, short, clock.0);
    disk.limit(Some(0));
    writer.cover(looking(clock.0.wall), clock.0);
    let again = writer.settle(clock.0);
    assert_eq!(again, Some(Duration::from_secs(1)), "an entry without room");
    disk.limit(None);
    disk.refuse_syncs(true);
    writer.settle(clock.pass(SECOND));
    assert!(writer.is_covered());
    assert_eq!(writer.settle(clock.0), None, "a file that cannot be synced");
    let notices = writer.take_notices();
    let is_unsynced = |notice: &Notice| matches!(notice, Notice::NotSynced(..));
    assert!(notices.iter().any(is_unsynced), "{notices:?}");
}

#[test]
fn where_nothing_can_be_sealed_only_so_many_segments_are_open() {
    let (disk, mut writer, mut clock) = fresh("2026-11-21T00:30:00Z");
    let start = clock.0.wall;
    let in_hour = |hour: u64| Timestamp(start.0 + hour * NANOS_PER_HOUR);
    disk.refuse_syncs(true);
    for hour in 0..8 {
        put(&mut writer, in_hour(hour), hour, clock.0);
    }
    for _ in 0..2 {
        let ninth = writer.append(in_hour(8), &line(in_hour(8), 8), clock.0);
        assert!(ninth.is_err(), "there is no place for it");
        put(&mut writer, in_hour(7), 7, clock.0);
    }
    assert_eq!(
        writer.take_notices().len(),
        8,
        "each is tried once in a while"
    );
    disk.refuse_syncs(false);
    put(&mut writer, in_hour(8), 8, clock.pass(2 * SECOND));
    assert_eq!(writer.head().expect("sealed").seal, "2026-11-21T00.seal");
    whole(&disk);
}

#[test]
fn a_segment_that_is_too_old_and_cannot_go_is_asked_again_in_a_minute() {
    let (disk, mut writer, mut clock) = fresh("2026-11-21T14:10:00Z");
    put(&mut writer, clock.0.wall, 1, clock.0);
    writer.settle(clock.pass(2 * NANOS_PER_HOUR));
    disk.set_read_only(true);
    let again = writer.settle(clock.pass(15 * 24 * NANOS_PER_HOUR));
    assert_eq!(again, Some(Duration::from_secs(60)));
    let notices = writer.take_notices();
    let is_refused = |notice: &Notice| matches!(notice, Notice::NotExpired(..));
    assert!(notices.iter().any(is_refused), "{notices:?}");
    disk.set_read_only(false);
    writer.settle(clock.pass(60 * SECOND));
    assert_eq!(disk.names(), ["coverage.jsonl"]);
}

#[test]
fn coverage_that_the_disk_refuses_waits_and_losses_in_a_row_become_one() {
    let (disk, mut writer, mut clock) = fresh("2026-11-21T14:10:00Z");
    disk.limit(Some(0));
    let lost = |from: Timestamp, to: Timestamp, events| {
        let of = "file".to_owned();
        let stage = "disk_full".to_owned();
        let losses = vec![crate::coverage::Loss { of, stage, events }];
        Entry::Lost(Lost { from, to, losses })
    };
    let start = clock.0.wall;
    writer.cover(looking(start), clock.0);
    for events in 1..=3 {
        let from = clock.0.wall;
        writer.cover(lost(from, clock.pass(SECOND).wall, events), clock.0);
        assert!(!writer.is_covered());
    }
    assert_eq!(
        writer.settle(clock.0),
        Some(Duration::from_secs(1)),
        "it is tried again"
    );
    disk.limit(None);
    writer.settle(clock.pass(SECOND));
    assert!(writer.is_covered());
    let to = Timestamp(start.0 + 3 * SECOND);
    assert_eq!(coverage(&disk), [looking(start), lost(start, to, 6)]);
}

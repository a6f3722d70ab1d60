mod faults;
mod recovery;
mod retention;

use super::*;
use crate::coverage::{Gap, Looking, Lost, Stopped};
use crate::evidence::simulated::{Crash, SimulatedDisk};
use crate::evidence::verify::verify;
use crate::time::NANOS_PER_HOUR;

const SECOND: u64 = NANOS_PER_SECOND;

fn at(text: &str) -> Timestamp {
    Timestamp::from_rfc3339(text).expect("a moment")
}

/// Both clocks, moved by the test.
#[derive(Clone, Copy)]
struct Clock(Now);

impl Clock {
    fn new(text: &str) -> Self {
        Self(Now {
            wall: at(text),
            boot_nanos: 5_000 * SECOND,
        })
    }

    fn pass(&mut self, nanos: u64) -> Now {
        self.0.wall.0 += nanos;
        self.0.boot_nanos += nanos;
        self.0
    }
}

fn line(at: Timestamp, number: u64) -> Vec<u8> {
    format!("{{\"id\":\"{number:026}\",\"timestamp\":\"{at}\",\"n\":{number}}}\n").into_bytes()
}

fn open(disk: &SimulatedDisk, limits: Limits, now: Now) -> (Writer<SimulatedDisk>, Recovered) {
    Writer::open(disk.clone(), limits, None, now).expect("the directory opens")
}

fn fresh(text: &str) -> (SimulatedDisk, Writer<SimulatedDisk>, Clock) {
    let (disk, clock) = (SimulatedDisk::default(), Clock::new(text));
    let (writer, recovered) = open(&disk, Limits::default(), clock.0);
    assert_eq!(recovered, Recovered::default());
    (disk, writer, clock)
}

fn put(writer: &mut Writer<SimulatedDisk>, moment: Timestamp, number: u64, now: Now) {
    let line = line(moment, number);
    writer.append(moment, &line, now).expect("there is room");
}

fn whole(disk: &SimulatedDisk) {
    let verdict = verify(disk, None, &mut |_| ()).expect("it can be read");
    assert!(
        verdict.fault.is_none(),
        "{}",
        verdict.fault.expect("a fault")
    );
}

fn looking(from: Timestamp) -> Entry {
    Entry::Looking(Looking {
        from,
        boot_id: "b".into(),
        config_generation: 1,
        config_hash: "sha256:0".into(),
        scope: serde_json::Value::Null,
        types: Vec::new(),
        types_missing: BTreeMap::new(),
        hooks: Vec::new(),
    })
}

fn coverage(disk: &SimulatedDisk) -> Vec<Entry> {
    let text = disk.text("coverage.jsonl");
    let entry = |line| serde_json::from_str(line).expect("an entry");
    text.lines().map(entry).collect()
}

#[test]
fn the_segment_is_that_of_the_events_hour() {
    let (disk, mut writer, clock) = fresh("2026-11-21T15:00:00.001Z");
    put(&mut writer, at("2026-11-21T14:59:59.999Z"), 1, clock.0);
    put(&mut writer, at("2026-11-21T15:00:00.000Z"), 2, clock.0);
    assert_eq!(disk.names(), ["2026-11-21T14.jsonl", "2026-11-21T15.jsonl"]);
}

#[test]
fn late_begins_one_nanosecond_after_a_minute() {
    let event = at("2026-11-21T14:30:00Z");
    let (disk, mut writer, mut clock) = fresh("2026-11-21T15:01:00Z");
    put(&mut writer, event, 1, clock.0);
    assert_eq!(disk.names(), ["2026-11-21T14.jsonl"]);
    put(&mut writer, event, 2, clock.pass(1));
    assert_eq!(
        disk.names(),
        ["2026-11-21T14.jsonl", "2026-11-21T14.late.jsonl"]
    );
}

#[test]
fn an_hour_is_sealed_a_minute_after_its_end_and_its_late_events_in_turn() {
    let (disk, mut writer, mut clock) = fresh("2026-11-21T14:59:00Z");
    let event = at("2026-11-21T14:58:59Z");
    put(&mut writer, event, 1, clock.0);
    writer.settle(clock.pass(120 * SECOND));
    assert!(!disk.names().contains(&"2026-11-21T14.seal".to_owned()));
    writer.settle(clock.pass(1));
    assert!(disk.names().contains(&"2026-11-21T14.seal".to_owned()));
    assert!(disk.is_frozen("2026-11-21T14.jsonl") && disk.is_frozen("2026-11-21T14.seal"));
    for number in 2..=3 {
        put(&mut writer, event, number, clock.0);
        writer.settle(clock.0);
        writer.settle(clock.pass(60 * SECOND));
    }
    let segments: Vec<String> = disk.names();
    assert_eq!(
        segments
            .iter()
            .filter(|name| name.ends_with(".seal"))
            .collect::<Vec<_>>(),
        [
            "2026-11-21T14.late.1.seal",
            "2026-11-21T14.late.seal",
            "2026-11-21T14.seal"
        ]
    );
    assert_eq!(
        writer.head().expect("sealed").seal,
        "2026-11-21T14.late.1.seal"
    );
    whole(&disk);
}

#[test]
fn a_full_part_is_sealed_and_the_hour_goes_on_in_the_next() {
    let (disk, clock) = (SimulatedDisk::default(), Clock::new("2026-11-21T14:10:00Z"));
    let event = at("2026-11-21T14:09:59Z");
    let limits = Limits {
        segment_bytes_max: 2 * line(event, 0).len() as u64,
        ..Limits::default()
    };
    let (mut writer, _) = open(&disk, limits, clock.0);
    for number in 0..5 {
        put(&mut writer, event, number, clock.0);
    }
    assert_eq!(
        disk.names(),
        [
            "2026-11-21T14.1.jsonl",
            "2026-11-21T14.1.seal",
            "2026-11-21T14.2.jsonl",
            "2026-11-21T14.jsonl",
            "2026-11-21T14.seal"
        ]
    );
    assert!(disk.text("2026-11-21T14.1.seal").contains("\"events\":2,"));
    whole(&disk);
}

#[test]
fn nothing_waits_in_an_empty_directory_and_each_thing_at_its_time() {
    let (_, mut writer, mut clock) = fresh("2026-11-21T14:10:00Z");
    assert_eq!(writer.settle(clock.0), None);
    put(&mut writer, clock.0.wall, 1, clock.0);
    assert_eq!(
        writer.settle(clock.0),
        Some(Duration::from_secs(1)),
        "to sync"
    );
    let to_seal = writer.settle(clock.pass(SECOND)).expect("to seal");
    assert_eq!(to_seal, Duration::new(50 * 60 - 1 + 60, 1));
    let to_expire = writer
        .settle(clock.pass(3_600 * SECOND))
        .expect("to expire");
    assert!(
        to_expire > Duration::from_secs(13 * 24 * 3_600),
        "{to_expire:?}"
    );
    assert_eq!(writer.settle(clock.pass(15 * 24 * 3_600 * SECOND)), None);
}

#[test]
fn an_hour_that_comes_twice_goes_on_in_a_further_part() {
    let (disk, mut writer, mut clock) = fresh("2026-11-21T14:59:00Z");
    put(&mut writer, clock.0.wall, 1, clock.0);
    writer.settle(clock.pass(121 * SECOND));
    clock.0.wall.0 -= NANOS_PER_HOUR;
    writer.settle(clock.pass(SECOND));
    put(&mut writer, clock.0.wall, 2, clock.0);
    assert!(
        disk.names().contains(&"2026-11-21T14.1.jsonl".to_owned()),
        "{:?}",
        disk.names()
    );
    let entries = coverage(&disk);
    let [Entry::ClockSet(set)] = &entries[..] else {
        panic!("{entries:?}");
    };
    assert_eq!(set.by_nanos, -3_600_000_000_000);
    // An hour to come that the clock has left again does not stay open until it comes.
    clock.0.wall.0 -= 5 * NANOS_PER_HOUR;
    writer.settle(clock.pass(SECOND));
    writer.settle(clock.pass(60 * SECOND));
    assert_eq!(writer.head().expect("sealed").seal, "2026-11-21T14.1.seal");
    whole(&disk);
}

#[test]
fn the_ledger_is_written_when_it_changed_and_at_most_every_ten_seconds() {
    let (disk, mut writer, mut clock) = fresh("2026-11-21T14:10:00Z");
    let ledger = |since| Ledger {
        since_unix_nanos: since,
        ..Ledger::default()
    };
    let written = |disk: &SimulatedDisk| -> u64 {
        let ledger: Ledger = serde_json::from_str(&disk.text("ledger.json")).expect("a ledger");
        ledger.since_unix_nanos
    };
    writer.account(&ledger(1), clock.0);
    writer.account(&ledger(2), clock.pass(10 * SECOND - 1));
    assert_eq!(written(&disk), 1);
    writer.account(&ledger(3), clock.pass(1));
    assert_eq!(written(&disk), 3);
    writer.account(&ledger(4), clock.pass(1));
    assert_eq!(written(&disk), 3);
    writer.finish(clock.0);
    assert_eq!(written(&disk), 4);
    assert_eq!(disk.names(), ["ledger.json"]);
}

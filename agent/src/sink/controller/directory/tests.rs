use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use tapio_common::evidence::{Limits, Writer};
use tapio_common::time::{NANOS_PER_SECOND, Now, Timestamp};

use super::super::cursor::FILE;
use super::*;

const LIMITS: BatchLimits = BatchLimits {
    events_max: 4,
    bytes_max: 64 << 10,
};

/// A directory as the file sink writes it, an event a call.
struct Scene {
    path: PathBuf,
    writer: Writer<Folder>,
    next: u64,
}

impl Scene {
    fn new(segment_bytes_max: u64) -> Self {
        Self::keeping(segment_bytes_max, 1 << 20)
    }

    fn keeping(segment_bytes_max: u64, retain_bytes_max: u64) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tapio-cursor-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a new folder");
        let limits = Limits {
            segment_bytes_max,
            retain_bytes_max,
            ..Limits::default()
        };
        let folder = Folder::new(&path);
        let (writer, _) = Writer::open(folder, limits, None, now(0)).expect("an empty folder");
        Self {
            path,
            writer,
            next: 0,
        }
    }

    fn write(&mut self, events: u64) {
        for _ in 0..events {
            let at = now(self.next);
            let line = format!("{{\"timestamp\":\"{}\",\"n\":{}}}\n", at.wall, self.next);
            self.writer
                .append(at.wall, line.as_bytes(), at)
                .expect("room");
            self.next += 1;
        }
    }

    fn open(&self) -> Directory {
        Directory::open(&self.path).expect("a directory")
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.path).expect("it is ours");
    }
}

fn now(second: u64) -> Now {
    Now {
        wall: Timestamp((1_795_258_800 + second) * NANOS_PER_SECOND),
        boot_nanos: (1 + second) * NANOS_PER_SECOND,
    }
}

fn stamp(sequence: u64) -> Stamp {
    Stamp {
        sequence,
        sent_at_unix_nanos: sequence * 100,
    }
}

fn numbers(batch: &Batch) -> Vec<u64> {
    let lines = batch.lines.split(|byte| *byte == b'\n');
    lines
        .filter(|line| !line.is_empty())
        .map(|line| {
            let line: serde_json::Value = serde_json::from_slice(line).expect("a line");
            line["n"].as_u64().expect("a number")
        })
        .collect()
}

fn next(directory: &mut Directory) -> Option<Batch> {
    directory.next(LIMITS).expect("readable")
}

/// Sends everything there is, and says what that was.
fn drain(directory: &mut Directory) -> Vec<u64> {
    let mut seen = Vec::new();
    while let Some(batch) = next(directory) {
        let stamp = stamp(directory.next_sequence());
        directory.depart(&batch, stamp).expect("room");
        seen.extend(numbers(&batch));
        directory.settle(&batch, true);
    }
    directory.store().expect("room");
    seen
}

#[test]
fn everything_comes_once_in_order_however_often_the_agent_restarts() {
    for retain_bytes_max in [1 << 20, 2_048] {
        let mut scene = Scene::keeping(300, retain_bytes_max);
        let mut seen = Vec::new();
        for round in 0..9 {
            let mut directory = scene.open();
            scene.write(3);
            seen.extend(drain(&mut directory));
            scene.write(round);
            seen.extend(drain(&mut directory));
            scene.write(2); // left for the next run
        }
        seen.extend(drain(&mut scene.open()));
        assert_eq!(seen, (0..scene.next).collect::<Vec<_>>());
        assert!(drain(&mut scene.open()).is_empty());
    }
}

#[test]
fn a_batch_is_bounded_in_events_and_in_bytes_and_can_be_halved() {
    let mut scene = Scene::new(1 << 20);
    scene.write(10);
    let mut directory = scene.open();
    let mut batch = next(&mut directory).expect("lines");
    assert_eq!((batch.events(), batch.is_full(LIMITS)), (4, true));
    batch.halve();
    assert_eq!(numbers(&batch), [0, 1]);
    directory.settle(&batch, true);
    batch.halve();
    assert_eq!(numbers(&batch), [0]);
    batch.halve();
    assert_eq!(batch.events(), 1, "it cannot be less");
    let narrow = BatchLimits {
        bytes_max: 100,
        ..LIMITS
    };
    let batch = directory.next(narrow).expect("readable").expect("lines");
    assert_eq!(numbers(&batch), [2]);
}

#[test]
fn the_batch_on_its_way_is_sent_again_to_the_byte_and_then_what_follows() {
    let mut scene = Scene::new(1 << 20);
    scene.write(5);
    let mut directory = scene.open();
    let first = next(&mut directory).expect("lines");
    directory.depart(&first, stamp(1)).expect("room");
    directory.settle(&first, true);
    let second = next(&mut directory).expect("lines");
    directory.depart(&second, stamp(2)).expect("room");
    drop(directory); // it crashes before it hears an answer
    scene.write(3);
    let mut directory = scene.open();
    assert_eq!(directory.next_sequence(), 2);
    let again = next(&mut directory).expect("lines");
    assert_eq!(
        (again.lines.clone(), again.stamp),
        (second.lines, Some(stamp(2)))
    );
    directory.settle(&again, true);
    assert_eq!(directory.next_sequence(), 3);
    assert_eq!(drain(&mut directory), [5, 6, 7]);
}

#[test]
fn a_sequence_that_was_not_taken_is_used_again() {
    let mut scene = Scene::new(1 << 20);
    scene.write(5);
    let mut directory = scene.open();
    let refused = next(&mut directory).expect("lines");
    directory.depart(&refused, stamp(1)).expect("room");
    directory.settle(&refused, false);
    assert_eq!(directory.next_sequence(), 1);
    assert_eq!(drain(&mut directory), [4]);
    assert_eq!(scene.open().next_sequence(), 2);
}

#[test]
fn a_batch_that_is_gone_leaves_a_gap_in_the_sequence_and_nothing_twice() {
    let mut scene = Scene::new(1 << 20);
    scene.write(2);
    let mut directory = scene.open();
    let batch = next(&mut directory).expect("lines");
    directory.depart(&batch, stamp(1)).expect("room");
    let segment = scene.path.join(batch.segment.file());
    let whole = fs::read(&segment).expect("it is there");
    fs::write(&segment, &whole[..whole.len() / 2]).expect("writable"); // power was lost
    let mut directory = scene.open();
    assert_eq!(drain(&mut directory), [0]);
    assert_eq!(directory.next_sequence(), 3);
}

#[test]
fn what_this_run_stored_is_told_from_what_an_earlier_one_did() {
    let mut scene = Scene::new(1 << 20);
    scene.write(3);
    let mut directory = scene.open();
    scene.write(1);
    let batch = next(&mut directory).expect("lines");
    assert_eq!((batch.events(), batch.own_events()), (4, 1));
    directory.settle(&batch, true);
    scene.write(2);
    let batch = next(&mut directory).expect("lines");
    assert_eq!((batch.events(), batch.own_events()), (2, 2));
}

#[test]
fn half_a_line_waits_for_its_other_half_and_damage_is_passed_over() {
    let mut scene = Scene::new(1 << 20);
    scene.write(1);
    let mut directory = scene.open();
    let batch = next(&mut directory).expect("lines");
    directory.settle(&batch, true);
    let path = scene.path.join(batch.segment.file());
    let mut file = OpenOptions::new()
        .append(true)
        .open(path)
        .expect("it is there");
    file.write_all(b"{\"n\":").expect("writable");
    assert_eq!(next(&mut directory), None);
    file.write_all(b"7}\n").expect("writable");
    assert_eq!(drain(&mut directory), [7]);
    let long = [b"x".repeat(2 << 20), b"\n{\"n\":8}\n".to_vec()].concat();
    file.write_all(&long).expect("writable");
    let mut seen = Vec::new();
    while let Some(batch) = next(&mut directory) {
        let good = batch.lines.ends_with(b"{\"n\":8}\n");
        seen.extend(good.then_some(8));
        directory.settle(&batch, true);
    }
    assert_eq!(seen, [8]);
}

#[test]
fn what_retention_removed_is_not_waited_for() {
    let mut scene = Scene::keeping(300, 4_096);
    let mut directory = scene.open();
    scene.write(3);
    assert_eq!(drain(&mut directory), [0, 1, 2]);
    scene.write(200);
    let seen = drain(&mut directory);
    assert!(seen.len() < 150, "{} of 200 were kept", seen.len());
    assert_eq!(seen.last(), Some(&202));
    assert!(seen.windows(2).all(|two| two[0] < two[1]), "{seen:?}");
    assert!(drain(&mut scene.open()).is_empty());
}

#[test]
fn a_cursor_that_is_none_sends_all_of_it_again() {
    let mut scene = Scene::new(300);
    scene.write(7);
    assert_eq!(drain(&mut scene.open()).len(), 7);
    let path = scene.path.join(FILE);
    let good = fs::read(&path).expect("it was stored");
    for damage in [
        b"".as_slice(),
        b"{",
        b"{\"format\":2}",
        &good[..good.len() / 2],
    ] {
        fs::write(&path, damage).expect("writable");
        assert_eq!(scene.open().next_sequence(), 1);
        assert_eq!(drain(&mut scene.open()), [0, 1, 2, 3, 4, 5, 6]);
    }
}

#[test]
fn the_cursor_stays_small_however_many_segments_there_are() {
    let mut scene = Scene::new(300);
    let mut directory = scene.open();
    for _ in 0..30 {
        scene.write(3);
        drain(&mut directory);
    }
    let files = fs::read_dir(&scene.path).expect("a folder").count();
    assert!(files > 20, "{files}");
    let bytes = fs::metadata(scene.path.join(FILE)).expect("stored").len();
    assert!(bytes < 300, "{bytes}");
}

#[test]
fn segments_that_are_sealed_while_it_looks_are_not_sent_again_by_the_next_run() {
    for _ in 0..5 {
        let mut scene = Scene::new(300);
        let mut directory = scene.open();
        std::thread::scope(|scope| {
            let writing = scope.spawn(|| scene.write(240));
            while !writing.is_finished() {
                drain(&mut directory);
            }
        });
        drain(&mut directory);
        assert_eq!(drain(&mut scene.open()), [0; 0]);
    }
}

#[test]
fn a_segment_whose_seal_is_damaged_is_not_sent_again_by_every_run() {
    let mut scene = Scene::new(300);
    scene.write(40);
    let sent = drain(&mut scene.open());
    assert_eq!(sent.len(), 40);
    let seals = fs::read_dir(&scene.path).expect("a folder");
    let seals = seals.map(|entry| entry.expect("an entry").path());
    let mut seals: Vec<_> = seals
        .filter(|path| path.extension().is_some_and(|it| it == "seal"))
        .collect();
    seals.sort();
    assert!(seals.len() > 2, "{seals:?}");
    fs::remove_file(&seals[1]).expect("it is there");
    fs::write(&seals[1], "{}").expect("writable");
    for _ in 0..3 {
        // The first run may find that it is damaged, and whether all before it was sent.
        drain(&mut scene.open());
    }
    assert_eq!(drain(&mut scene.open()), [0; 0]);
}

#[test]
fn the_number_of_a_batch_that_retention_removed_is_not_used_again() {
    let mut scene = Scene::new(1 << 20);
    scene.write(2);
    let mut directory = scene.open();
    let batch = next(&mut directory).expect("lines");
    directory.depart(&batch, stamp(1)).expect("room");
    let mut directory = scene.open();
    fs::remove_file(scene.path.join(batch.segment.file())).expect("it is there");
    assert_eq!(next(&mut directory), None);
    assert_eq!(directory.next_sequence(), 2);
}

#[test]
fn what_is_not_settled_is_counted_by_seals_and_by_lines() {
    let mut scene = Scene::new(300);
    scene.write(20);
    assert_eq!(scene.open().unsettled().expect("readable"), 20);
    let mut directory = scene.open();
    let batch = next(&mut directory).expect("lines");
    directory.settle(&batch, true);
    directory.store().expect("room");
    let left = 20 - batch.events();
    assert_eq!(directory.unsettled().expect("readable"), left);
    assert_eq!(scene.open().unsettled().expect("readable"), left);
}

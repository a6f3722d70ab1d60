use std::io::{BufReader, Cursor};

use super::*;
use crate::evidence::simulated::SimulatedDisk;
use crate::evidence::{Limits, Writer};
use crate::time::{NANOS_PER_SECOND, Now};

fn at(text: &str) -> Timestamp {
    Timestamp::from_rfc3339(text).expect("a moment")
}

fn files(disk: &SimulatedDisk, from: &str, to: &str) -> Vec<String> {
    let found = segments(disk, at(from), at(to)).expect("it can be listed");
    found.iter().map(|segment| segment.name.file()).collect()
}

#[test]
fn only_the_segments_of_the_interval_are_named() {
    let disk = SimulatedDisk::default();
    let limits = Limits {
        segment_bytes_max: 1,
        ..Limits::default()
    };
    let mut now = Now {
        wall: at("2026-11-21T10:10:00Z"),
        boot_nanos: 0,
    };
    let (mut writer, _) = Writer::open(disk.clone(), limits, None, now).expect("it opens");
    for _ in 0..4 {
        let line = format!("{{\"timestamp\":\"{}\"}}\n", now.wall);
        writer
            .append(now.wall, line.as_bytes(), now)
            .expect("there is room");
        now.wall.0 += 20 * 60 * NANOS_PER_SECOND;
        now.boot_nanos += 20 * 60 * NANOS_PER_SECOND;
    }
    disk.put("2026-11-21T12.jsonl", b"");
    let day = ("2026-11-21T00:00:00Z", "2026-11-21T23:00:00Z");
    assert_eq!(files(&disk, day.0, day.1).len(), 5);
    assert_eq!(
        files(&disk, "2026-11-21T10:30:00Z", "2026-11-21T10:49:59Z"),
        ["2026-11-21T10.1.jsonl"]
    );
    assert_eq!(
        files(&disk, "2026-11-21T10:30:01Z", "2026-11-21T11:10:00Z"),
        ["2026-11-21T10.2.jsonl", "2026-11-21T11.jsonl"]
    );
    assert_eq!(
        files(&disk, "2026-11-21T12:59:59Z", day.1),
        ["2026-11-21T12.jsonl"]
    );
    disk.rename("2026-11-21T10.seal", "2026-11-21T10.seal.expired")
        .expect("it is there");
    assert_eq!(files(&disk, day.0, day.1).len(), 4, "what expires is gone");
}

#[test]
fn whole_lines_come_with_their_offsets_and_half_a_line_does_not() {
    let text = b"one\n\nthree\nhalf";
    for capacity in 1..20 {
        let mut lines = Lines::new(BufReader::with_capacity(capacity, &text[..]));
        let mut found = Vec::new();
        while let Some((at, line)) = lines.read_next().expect("memory can be read") {
            found.push((at, String::from_utf8_lossy(line).into_owned()));
        }
        assert_eq!(
            found,
            [(0, "one".into()), (4, String::new()), (5, "three".into())]
        );
    }
}

#[test]
fn damage_longer_than_any_line_is_passed_over() {
    let damage = vec![b'x'; LINE_BYTES_MAX];
    let text = [b"a\n", &damage[..], b"\nb\n"].concat();
    let mut lines = Lines::new(BufReader::new(&text[..]));
    assert_eq!(lines.read_next().expect("readable"), Some((0, &b"a"[..])));
    let after = u64::try_from(damage.len() + 3).expect("a length");
    assert_eq!(
        lines.read_next().expect("readable"),
        Some((after, &b"b"[..]))
    );
    assert_eq!(lines.read_next().expect("readable"), None);
}

#[test]
fn reading_on_from_an_offset_takes_whole_lines_only() {
    let read = |text: &[u8], offset, bytes_max| {
        let mut lines = Vec::new();
        let next = whole_lines_from(&mut Cursor::new(text), offset, bytes_max, &mut lines);
        (
            next.expect("memory can be read"),
            String::from_utf8(lines).expect("UTF-8"),
        )
    };
    let text = b"one\ntwo\nthr";
    assert_eq!(read(text, 0, 100), (8, "one\ntwo\n".into()));
    assert_eq!(read(text, 4, 5), (8, "two\n".into()));
    assert_eq!(read(text, 8, 100), (8, String::new()), "not there yet");
    assert_eq!(read(text, 0, 2), (4, "one\n".into()), "one line at least");
    assert_eq!(read(text, 0, 4), (4, "one\n".into()));
    assert_eq!(read(text, 0, 7), (4, "one\n".into()));
    let damage = vec![0; LINE_BYTES_MAX + 10];
    let (next, lines) = read(&damage, 0, 10);
    assert!(next > 0 && lines.is_empty(), "{next}");
}

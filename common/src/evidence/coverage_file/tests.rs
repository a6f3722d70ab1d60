use std::collections::BTreeMap;

use super::*;
use crate::coverage::{Loss, Stopped};
use crate::evidence::seal::Sha;
use crate::evidence::simulated::SimulatedDisk;

fn now(second: u64) -> Now {
    let nanos = second * crate::time::NANOS_PER_SECOND;
    Now {
        wall: Timestamp(nanos),
        boot_nanos: nanos,
    }
}

fn looking(second: u64) -> Entry {
    Entry::Looking(Looking {
        from: now(second).wall,
        boot_id: "b".into(),
        config_generation: 1,
        config_hash: String::new(),
        scope: serde_json::Value::Null,
        types: vec!["kernel.container.oom_kill".into()],
        types_missing: BTreeMap::new(),
        hooks: Vec::new(),
    })
}

fn stopped(second: u64) -> Entry {
    Entry::Stopped(Stopped {
        at: now(second).wall,
        boot_id: "b".into(),
    })
}

fn lost(second: u64, of: &str) -> Entry {
    Entry::Lost(Lost {
        from: now(second).wall,
        to: now(second + 1).wall,
        losses: vec![Loss {
            of: of.into(),
            stage: "lost".into(),
            events: 1,
        }],
    })
}

fn expired(second: u64) -> Expired {
    Expired {
        at: now(second).wall,
        from: now(0).wall,
        to: now(second).wall,
        segments: second,
        events: second,
        last_seal: "2026-11-21T10.seal".into(),
        last_sha256: Sha::of(b"seal"),
    }
}

fn read(disk: &SimulatedDisk) -> Vec<Entry> {
    let mut entries = Vec::new();
    let reader = disk.read(COVERAGE_FILE).expect("it is there");
    read_entries(reader, |entry| entries.extend(entry)).expect("it can be read");
    entries
}

#[test]
fn the_file_stays_bounded_and_keeps_what_was_in_force_and_what_expired() {
    let disk = SimulatedDisk::default();
    let mut file = CoverageFile::after(Left::default());
    let mut add = |entry, second| file.add(&disk, entry, now(second)).expect("there is room");
    add(looking(0), 0);
    add(Entry::Expired(expired(1)), 1);
    for second in 2..9_000 {
        add(lost(second, "kernel.container.oom_kill"), second);
        assert!(disk.content(COVERAGE_FILE).len() as u64 <= COVERAGE_BYTES_MAX);
    }
    let entries = read(&disk);
    assert_eq!(entries[0], Entry::Expired(expired(1)));
    let Entry::Looking(in_force) = &entries[1] else {
        panic!("{:?}", entries[1]);
    };
    assert_eq!(
        in_force.from,
        entries[2].from(),
        "nothing is claimed of what was forgotten"
    );
    assert_eq!(
        entries.last(),
        Some(&lost(8_999, "kernel.container.oom_kill"))
    );
}

#[test]
fn nothing_is_in_force_where_the_newer_half_begins_after_a_stop() {
    let mut entries = vec![looking(0), stopped(1)];
    entries.extend((2..100).map(|second| lost(second, "container")));
    let kept = newer_half(entries, 1_000).expect("it serialises");
    assert!(kept.len() > 2);
    assert!(
        kept.iter().all(|entry| matches!(entry, Entry::Lost(_))),
        "{kept:?}"
    );
}

#[test]
fn what_waits_is_bounded_and_what_is_forgotten_becomes_a_gap() {
    let mut waiting = Vec::new();
    for second in 0..200 {
        wait(&mut waiting, looking(2 * second));
        wait(&mut waiting, lost(2 * second, "container"));
    }
    assert_eq!(waiting.len(), WAITING_MAX);
    let Entry::Gap(gap) = &waiting[0] else {
        panic!("{:?}", waiting[0]);
    };
    assert_eq!(gap.from, now(0).wall);
    assert!(gap.to >= waiting[1].from());
}

#[test]
fn a_torn_entry_is_cut_before_the_next_one() {
    let disk = SimulatedDisk::default();
    disk.put(
        COVERAGE_FILE,
        b"{\"kind\":\"from the future\"}\n{\"kind\":\"stop",
    );
    let left = Left::read(&disk).expect("it can be read");
    let mut file = CoverageFile::after(left);
    file.add(&disk, stopped(3), now(3)).expect("there is room");
    assert_eq!(read(&disk), [stopped(3)]);
    assert!(
        disk.text(COVERAGE_FILE)
            .starts_with("{\"kind\":\"from the future\"}\n{\"kind\":\"stopped\"")
    );
}

#[test]
fn what_the_run_before_left_says_since_when_nobody_can_be_shown_to_have_looked() {
    let since = |state, word: Option<u64>| {
        let left = Left {
            state: Some(state),
            ..Left::default()
        };
        left.crashed_since(word.map(|second| now(second).wall))
    };
    assert_eq!(since(looking(5), Some(9)), Some(now(9).wall));
    assert_eq!(
        since(looking(5), Some(3)),
        Some(now(5).wall),
        "a word of the run before"
    );
    assert_eq!(since(looking(5), None), Some(now(5).wall));
    assert_eq!(since(stopped(5), Some(3)), None);
    assert_eq!(Left::default().crashed_since(Some(Timestamp(1))), None);
}

#[test]
fn damage_longer_than_any_entry_is_one_that_cannot_be_read_and_is_not_held_in_memory() {
    let mut bytes = Vec::new();
    push_line(&mut bytes, &looking(1)).expect("it serialises");
    bytes.resize(bytes.len() + (3 << 20), b'x');
    bytes.push(b'\n');
    push_line(&mut bytes, &stopped(2)).expect("it serialises");
    let mut entries = Vec::new();
    let whole = read_entries(&bytes[..], |entry| entries.push(entry)).expect("it can be read");
    assert_eq!(entries, [Some(looking(1)), None, Some(stopped(2))]);
    assert_eq!(whole, len_of(&bytes));
}

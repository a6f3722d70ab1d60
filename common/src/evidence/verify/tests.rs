use super::*;
use crate::evidence::seal::Seal;
use crate::evidence::simulated::SimulatedDisk;
use crate::evidence::{Limits, Writer};
use crate::time::{NANOS_PER_SECOND, Now, Timestamp};

/// A directory of `seals` sealed segments of three events each, and one more that is open.
fn directory(seals: u64) -> (SimulatedDisk, Writer<SimulatedDisk>) {
    let disk = SimulatedDisk::default();
    let start = Timestamp::from_rfc3339("2026-11-21T00:10:00Z").expect("a moment");
    let now = |hour: u64| Now {
        wall: Timestamp(start.0 + hour * 3_600 * NANOS_PER_SECOND),
        boot_nanos: hour * 3_600 * NANOS_PER_SECOND,
    };
    let (mut writer, _) =
        Writer::open(disk.clone(), Limits::default(), None, now(0)).expect("it opens");
    for hour in 0..=seals {
        writer.settle(now(hour));
        for event in 0..3 {
            let moment = now(hour).wall;
            let line = format!("{{\"timestamp\":\"{moment}\",\"n\":{event}}}\n");
            writer
                .append(moment, line.as_bytes(), now(hour))
                .expect("there is room");
        }
    }
    (disk, writer)
}

fn found(disk: &SimulatedDisk, anchor: Option<&Anchor>) -> Verdict {
    verify(disk, anchor, &mut |_| ()).expect("it can be read")
}

fn fault(disk: &SimulatedDisk) -> String {
    found(disk, None).fault.expect("a fault").to_string()
}

fn anchor(writer: &Writer<SimulatedDisk>) -> Anchor {
    let head = writer.head().expect("something is sealed");
    Anchor {
        sha256: head.sha256,
        seal: Some(head.seal.clone()),
    }
}

/// Rewrites a segment and a seal that fits it, as somebody would who knows the format.
fn forge(disk: &SimulatedDisk, name: &str) {
    let name = SegmentName::from_file(&format!("{name}.jsonl")).expect("a segment");
    disk.tamper(&name.file(), |bytes| {
        let at = bytes
            .windows(5)
            .position(|part| part == b"\"n\":1")
            .expect("the event");
        bytes[at + 4] = b'7';
    });
    let mut seal = Seal::from_bytes(name, &disk.content(&name.seal_file())).expect("a seal");
    seal.sha256 = Sha::of(&disk.content(&name.file()));
    disk.tamper(&name.seal_file(), |bytes| *bytes = seal.to_bytes());
}

#[test]
fn a_directory_as_it_was_written_has_no_fault() {
    let (disk, writer) = directory(4);
    let verdict = found(&disk, Some(&anchor(&writer)));
    assert!(verdict.fault.is_none());
    assert_eq!((verdict.segments, verdict.events), (4, 12));
    assert_eq!(verdict.unsealed, ["2026-11-21T04.jsonl"]);
    assert_eq!(verdict.sealed_since_anchor, Some(0));
    assert_eq!(found(&disk, None).sealed_since_anchor, None);
}

#[test]
fn a_young_directory_has_nothing_to_vouch_for() {
    let (disk, _) = directory(0);
    let verdict = found(&disk, None);
    assert!(verdict.fault.is_none() && verdict.newest.is_none());
}

#[test]
fn every_flipped_bit_of_a_segment_is_named_with_its_segment() {
    let (disk, _) = directory(2);
    let len = disk.content("2026-11-21T01.jsonl").len();
    for bit in 0..len * 8 {
        let flip = |bytes: &mut Vec<u8>| bytes[bit / 8] ^= 1 << (bit % 8);
        disk.tamper("2026-11-21T01.jsonl", flip);
        let said = fault(&disk);
        assert!(
            said.starts_with("2026-11-21T01.jsonl is not what was sealed"),
            "{bit}: {said}"
        );
        disk.tamper("2026-11-21T01.jsonl", flip);
    }
    assert!(found(&disk, None).fault.is_none());
}

#[test]
fn a_flipped_bit_of_a_seal_is_a_fault_wherever_it_is() {
    let (disk, writer) = directory(3);
    let len = disk.content("2026-11-21T01.seal").len();
    for bit in 0..len * 8 {
        let flip = |bytes: &mut Vec<u8>| bytes[bit / 8] ^= 1 << (bit % 8);
        disk.tamper("2026-11-21T01.seal", flip);
        assert!(
            found(&disk, Some(&anchor(&writer))).fault.is_some(),
            "{bit}"
        );
        disk.tamper("2026-11-21T01.seal", flip);
    }
}

#[test]
fn a_line_removed_is_named_with_what_is_missing() {
    let (disk, _) = directory(3);
    let whole = disk.content("2026-11-21T01.jsonl").len();
    disk.tamper("2026-11-21T01.jsonl", |bytes| {
        let end = bytes
            .iter()
            .position(|byte| *byte == b'\n')
            .expect("a line");
        bytes.drain(..=end);
    });
    let cut = disk.content("2026-11-21T01.jsonl").len();
    assert_eq!(
        fault(&disk),
        format!(
            "2026-11-21T01.jsonl is not what was sealed: 3 events in {whole} bytes were sealed, \
             2 events in {cut} bytes are there"
        )
    );
}

#[test]
fn a_segment_deleted_between_two_seals_is_named_by_its_neighbours() {
    let (disk, _) = directory(4);
    disk.remove("2026-11-21T01.jsonl").expect("it is there");
    assert_eq!(
        fault(&disk),
        "2026-11-21T01.jsonl is missing: its seal is there, the segment was removed"
    );
    disk.remove("2026-11-21T01.seal").expect("it is there");
    let said = fault(&disk);
    assert!(
        said.starts_with("2026-11-21T02.seal follows a seal that is not here ("),
        "{said}"
    );
    assert!(said.ends_with("after 2026-11-21T00.seal a segment was removed or a seal replaced"));
}

#[test]
fn the_oldest_segment_deleted_is_told_from_an_expired_one() {
    let (disk, _) = directory(3);
    disk.remove("2026-11-21T00.jsonl").expect("it is there");
    disk.remove("2026-11-21T00.seal").expect("it is there");
    let said = fault(&disk);
    assert!(
        said.starts_with("2026-11-21T01.seal is the oldest and follows a seal"),
        "{said}"
    );
    assert!(
        said.ends_with("retention has removed nothing here"),
        "{said}"
    );
}

#[test]
fn a_seal_replaced_by_one_that_fits_its_segment_breaks_the_chain_behind_it() {
    let (disk, _) = directory(4);
    forge(&disk, "2026-11-21T01");
    let said = fault(&disk);
    assert!(
        said.starts_with("2026-11-21T02.seal follows a seal that is not here ("),
        "{said}"
    );
    assert!(said.ends_with("after 2026-11-21T01.seal a segment was removed or a seal replaced"));
}

#[test]
fn the_newest_seal_replaced_shows_only_against_the_head() {
    let (disk, writer) = directory(3);
    forge(&disk, "2026-11-21T02");
    assert!(
        found(&disk, None).fault.is_none(),
        "without a head it cannot be told"
    );
    let said = found(&disk, Some(&anchor(&writer)))
        .fault
        .expect("a fault")
        .to_string();
    assert_eq!(
        said,
        "2026-11-21T02.seal is not the seal the head speaks of: it was replaced"
    );
    let only_hash = Anchor {
        seal: None,
        ..anchor(&writer)
    };
    let said = found(&disk, Some(&only_hash))
        .fault
        .expect("a fault")
        .to_string();
    assert!(
        said.contains("is not here: the tail after 2026-11-21T02.seal was cut"),
        "{said}"
    );
}

#[test]
fn a_cut_tail_shows_only_against_the_head() {
    let (disk, writer) = directory(3);
    for file in [
        "2026-11-21T02.jsonl",
        "2026-11-21T02.seal",
        "2026-11-21T03.jsonl",
    ] {
        disk.remove(file).expect("it is there");
    }
    assert!(
        found(&disk, None).fault.is_none(),
        "without a head it cannot be told"
    );
    let said = found(&disk, Some(&anchor(&writer)))
        .fault
        .expect("a fault")
        .to_string();
    assert!(said.starts_with("the head 2026-11-21T02.seal ("), "{said}");
    assert!(
        said.ends_with("the tail after 2026-11-21T01.seal was cut, or 2026-11-21T01.seal replaced")
    );
}

#[test]
fn an_older_head_vouches_for_what_came_before_it() {
    let (disk, _) = directory(4);
    let old = Anchor {
        sha256: Sha::of(&disk.content("2026-11-21T01.seal")),
        seal: None,
    };
    let verdict = found(&disk, Some(&old));
    assert!(verdict.fault.is_none());
    assert_eq!(verdict.sealed_since_anchor, Some(2));
}

#[test]
fn a_seal_removed_from_a_read_only_segment_is_missed() {
    let (disk, _) = directory(3);
    disk.remove("2026-11-21T02.seal").expect("it is there");
    assert_eq!(
        fault(&disk),
        "2026-11-21T02.jsonl was sealed and its seal is missing"
    );
}

#[test]
fn the_first_fault_is_the_one_that_is_named() {
    let (disk, _) = directory(4);
    for name in ["2026-11-21T03.jsonl", "2026-11-21T01.jsonl"] {
        disk.tamper(name, |bytes| bytes[5] ^= 1);
    }
    let verdict = found(&disk, None);
    assert_eq!((verdict.segments, verdict.events), (1, 3));
    assert!(
        verdict
            .fault
            .expect("a fault")
            .to_string()
            .starts_with("2026-11-21T01.jsonl")
    );
}

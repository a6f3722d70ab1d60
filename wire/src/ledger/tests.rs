use tapio_common::catalogue::{Anomaly, Observer};
use tapio_common::ledger::{FORMAT, ObserverCounts, SinkCounts, TypeCounts};

use super::*;
use crate::ErrorCode;

/// Every field of every row says something, and no two the same.
fn full() -> Ledger {
    let mut last = 0;
    let mut next = || {
        last += 1;
        last
    };
    let mut row = || TypeCounts {
        seen: next(),
        summaries: next(),
        filtered: next(),
        aggregated: next(),
        ambiguous: next(),
        lost: next(),
        submitted: next(),
        received: next(),
        ignored: next(),
        queue_drops: next(),
        emitted: next(),
    };
    let types = Anomaly::ALL.iter();
    let types = types.map(|anomaly| (anomaly.event_type().to_owned(), row()));
    let types = types.collect();
    let counts = ObserverCounts {
        missed: Some(0),
        in_ring: 1_001,
        malformed: 1_002,
    };
    let observers = Observer::ALL.iter();
    let sink = SinkCounts {
        delivered: 1_003,
        earlier: 1_009,
        pending: 1_004,
        dropped: [
            ("queue_full".to_owned(), 1_005),
            ("a \"b\"".to_owned(), 1_006),
        ]
        .into(),
        earlier_dropped: [("expired".to_owned(), 1_010)].into(),
    };
    Ledger {
        format: FORMAT,
        boot_id: "3a6c \"é\" \\".to_owned(),
        since_unix_nanos: u64::MAX,
        observers: observers
            .map(|observer| (observer.name().to_owned(), counts))
            .collect(),
        types,
        sinks: [
            ("file".to_owned(), sink.clone()),
            ("kafka".to_owned(), sink),
        ]
        .into(),
    }
}

fn read(json: &str) -> Result<PackedLedger, WireError> {
    read_body(json.as_bytes(), Kind::Unversioned, PackedLedger::read)
}

#[test]
fn nothing_is_lost_by_packing() {
    let ledger = full();
    let packed = PackedLedger::try_from(&ledger).expect("packs");
    let json = serde_json::to_vec(&ledger).expect("serialises");
    assert_eq!(packed.to_json(), json);
    assert_eq!(packed.to_ledger().expect("reads back"), ledger);
    assert!(
        packed.packed().len() * 3 < json.len(),
        "{} bytes",
        packed.packed().len()
    );
}

#[test]
fn nulls_unknown_fields_and_white_space_are_not_kept() {
    let spacious = "\n{ \"format\" : 1 ,\r\n\t\"note\" : [ { } ] , \"observers\" : { \"node\" : \
                    { \"missed\" : null , \"in_ring\" : 2 , \"x\" : 1 , \"x\" : 2 } } }";
    let packed = read(spacious).expect("is taken");
    assert_eq!(
        String::from_utf8(packed.to_json()),
        Ok(r#"{"format":1,"observers":{"node":{"in_ring":2}}}"#.to_owned())
    );
}

#[test]
fn the_text_may_be_as_long_as_the_limit_says() {
    let padded = |len: usize| {
        let empty = r#"{"note":""}"#.len();
        format!(r#"{{"note":"{}"}}"#, "n".repeat(len - empty))
    };
    assert!(read(&padded(LEDGER_BYTES_MAX - 1)).is_ok());
    assert!(read(&padded(LEDGER_BYTES_MAX)).is_ok());
    let error = read(&padded(LEDGER_BYTES_MAX + 1)).expect_err("is too long");
    assert_eq!(error.code, ErrorCode::InvalidField);
}

#[test]
fn what_is_wrong_is_named_with_its_path() {
    for (json, code, message) in [
        (
            r#"{"types":{"kernel.a.b":{"lost":-1}}}"#,
            ErrorCode::MalformedJson,
            "types.kernel.a.b.lost must be a whole number from 0 to 18446744073709551615",
        ),
        (
            r#"{"format":4294967296}"#,
            ErrorCode::MalformedJson,
            "format must be a whole number from 0 to 4294967295",
        ),
        (
            r#"{"sinks":{"s":{"dropped":{"r":1,"r":2}}}}"#,
            ErrorCode::MalformedJson,
            "sinks.s.dropped.r is given twice",
        ),
        (
            r#"{"observers":{"o":{"missed":1,"in_ring":0,"missed":null}}}"#,
            ErrorCode::MalformedJson,
            "observers.o.missed is given twice",
        ),
        (
            r#"{"sinks":{"s\n":{}}}"#,
            ErrorCode::InvalidField,
            "sinks.s\\n holds a control character",
        ),
        (
            r#"{"boot_id":"\u007f"}"#,
            ErrorCode::InvalidField,
            "boot_id holds a control character",
        ),
    ] {
        let error = read(json).expect_err(json);
        assert_eq!((error.code, &*error.message), (code, message), "{json}");
    }
}

//! The table in `tests/data/storage`: a record, and the occurrence a person wants of it.

use serde_json::Value;
use tapio_common::abi::Plain;
use tapio_common::abi::shared::{ABI_VERSION, HIERARCHY_V2};
use tapio_common::abi::storage::REQUEST_HAS_STATUS;
use tapio_common::catalogue::Observer;

use super::*;
use crate::observer::tests::{flags, number, play_table};

fn bytes_of(record: &Value) -> Vec<u8> {
    let known = [
        ("REQUEST_ISSUE_SEEN", REQUEST_ISSUE_SEEN),
        ("REQUEST_OWNER_IS_KERNEL", REQUEST_OWNER_IS_KERNEL),
        ("REQUEST_CRITICAL", REQUEST_CRITICAL),
        ("REQUEST_CGROUP_IS_CHARGED", REQUEST_CGROUP_IS_CHARGED),
        ("REQUEST_HAS_STATUS", REQUEST_HAS_STATUS),
    ];
    let mut fact = RequestFact::zeroed();
    fact.header.abi_version = ABI_VERSION;
    fact.header.kind = match record["kind"].as_str() {
        Some("error") => RECORD_IO_ERROR,
        Some("latency") => RECORD_LATENCY_SPIKE,
        other => panic!("no kind {other:?}"),
    };
    fact.header.cgroup.id = number(record, "cgroup");
    fact.header.cgroup.hierarchy = match fact.header.cgroup.id {
        0 => 0,
        _ => HIERARCHY_V2,
    };
    fact.flags = flags(record, &known);
    fact.process.pid = number(record, "pid");
    fill_text(&mut fact.process.comm, &record["comm"]);
    fill_text(&mut fact.disk, &record["disk"]);
    fact.sector = match record["sector"].as_i64() {
        Some(-1) => NO_SECTOR,
        _ => number(record, "sector"),
    };
    fact.bytes = number(record, "bytes");
    fact.status = number(record, "status");
    fact.errno = number(record, "errno");
    fact.requeues = number(record, "requeues");
    fact.latency_ns = number(record, "latency_ns");
    fact.op = number(record, "op");
    fact.major = number(record, "major");
    fact.minor = number(record, "minor");
    fact.as_bytes().to_vec()
}

fn fill_text(to: &mut [u8], text: &Value) {
    let text = text.as_str().unwrap_or_default().as_bytes();
    to[..text.len()].copy_from_slice(text);
}

#[test]
fn every_case_of_the_table() {
    let cases = play_table(Observer::Storage, bytes_of);
    assert!(cases >= 24, "{cases} cases");
}

//! The table in `tests/data/node`: a record, and the occurrence a person wants of it.

use serde_json::Value;
use tapio_common::abi::Plain;
use tapio_common::abi::shared::ABI_VERSION;
use tapio_common::catalogue::Observer;

use super::*;
use crate::observer::tests::{flags, number, play_table};

fn bytes_of(record: &Value) -> Vec<u8> {
    let mut turn = CpuTurn::zeroed();
    turn.header.abi_version = ABI_VERSION;
    turn.header.kind = match record["kind"].as_str() {
        Some("stall") => RECORD_CPU_STALL,
        Some("pressure") => RECORD_MEMORY_PRESSURE,
        Some("ipc") => RECORD_IPC_DEGRADATION,
        other => panic!("no kind {other:?}"),
    };
    turn.flags = flags(record, &[("TURN_LEFT", TURN_LEFT)]);
    turn.cpu = number(record, "cpu");
    turn.cycles = number(record, "cycles");
    turn.counted = number(record, "counted");
    turn.duration_ns = number(record, "duration_ns");
    turn.limit = number(record, "limit");
    turn.as_bytes().to_vec()
}

#[test]
fn every_case_of_the_table() {
    let cases = play_table(Observer::Node, bytes_of);
    assert!(cases >= 8, "{cases} cases");
}

//! The table in `tests/data/network`: a record, and the occurrence a person wants of it.

use serde_json::Value;
use tapio_common::abi::Plain;
use tapio_common::abi::shared::ABI_VERSION;
use tapio_common::catalogue::Observer;

use super::*;
use crate::observer::tests::{flags, number, play_table};

fn bytes_of_ip(text: &Value) -> [u8; 16] {
    let text = text.as_str().expect("an address");
    match text.parse().expect("an address") {
        IpAddr::V6(ip) => ip.octets(),
        IpAddr::V4(ip) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&ip.octets());
            bytes
        }
    }
}

fn bytes_of(record: &Value) -> Vec<u8> {
    let known = [
        ("CONNECTION_HAS_OWNER", CONNECTION_HAS_OWNER.into()),
        ("CONNECTION_ACCEPTED", CONNECTION_ACCEPTED.into()),
        ("CONNECTION_HAS_LISTENER", CONNECTION_HAS_LISTENER.into()),
        ("CONNECTION_LISTENERS", CONNECTION_LISTENERS.into()),
        ("CONNECTION_OWNER_LOST", CONNECTION_OWNER_LOST.into()),
    ];
    let mut fact = ConnectionFact::zeroed();
    fact.header.abi_version = ABI_VERSION;
    fact.header.kind = match record["kind"].as_str() {
        Some("end") => RECORD_CONNECTION_END,
        Some("retransmits") => RECORD_RETRANSMITS,
        Some("round_trip") => RECORD_ROUND_TRIP,
        other => panic!("no kind {other:?}"),
    };
    let connection = &mut fact.connection;
    connection.local_ip = bytes_of_ip(&record["local_ip"]);
    connection.remote_ip = bytes_of_ip(&record["remote_ip"]);
    connection.local_port = number(record, "local_port");
    connection.remote_port = number(record, "remote_port");
    connection.family = number(record, "family");
    connection.flags = flags(record, &known).try_into().expect("16 bits");
    connection.netns = number(record, "netns");
    connection.process.pid = number(record, "pid");
    let comm = record["comm"].as_str().unwrap_or_default().as_bytes();
    connection.process.comm[..comm.len()].copy_from_slice(comm);
    fact.error = number(record, "error");
    fact.old_state = number(record, "old_state");
    fact.new_state = number(record, "new_state");
    fact.syn_retries = number(record, "syn_retries");
    fact.count = number(record, "count");
    fact.total_retrans = number(record, "total_retrans");
    fact.snd_cwnd = number(record, "snd_cwnd");
    fact.srtt_us = number(record, "srtt_us");
    fact.baseline_us = number(record, "baseline_us");
    fact.samples = number(record, "samples");
    fact.as_bytes().to_vec()
}

#[test]
fn every_case_of_the_table() {
    let cases = play_table(Observer::Network, bytes_of);
    assert!(cases >= 30, "{cases} cases");
}

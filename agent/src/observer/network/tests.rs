//! The table in `tests/data/network`: a record, and the occurrence a person wants of it.

use std::path::Path;

use serde_json::{Value, json};
use tapio_common::abi::Plain;
use tapio_common::abi::shared::ABI_VERSION;
use tapio_common::catalogue::Observer;

use super::*;
use crate::observer::classify;
use crate::observer::tests::line_of;

fn number<T: TryFrom<i64>>(record: &Value, name: &str) -> T {
    let number = record[name].as_i64().unwrap_or(0);
    T::try_from(number).unwrap_or_else(|_| panic!("{name}: {number}"))
}

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

/// The flags of a connection by their names in the ABI.
fn flags(record: &Value) -> u16 {
    let known = [
        ("CONNECTION_HAS_OWNER", CONNECTION_HAS_OWNER),
        ("CONNECTION_ACCEPTED", CONNECTION_ACCEPTED),
        ("CONNECTION_HAS_LISTENER", CONNECTION_HAS_LISTENER),
        ("CONNECTION_LISTENERS", CONNECTION_LISTENERS),
        ("CONNECTION_OWNER_LOST", CONNECTION_OWNER_LOST),
    ];
    let names = record["flags"].as_array().expect("flags");
    names.iter().fold(0, |flags, name| {
        let found = known.iter().find(|(known, _)| name == known);
        flags | found.unwrap_or_else(|| panic!("no flag {name}")).1
    })
}

fn bytes_of(record: &Value) -> Vec<u8> {
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
    connection.flags = flags(record);
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

/// The parts of an occurrence that are the observer's.
fn said_of(record: &Value) -> Value {
    let anomalous = match classify(Observer::Network, &bytes_of(record)) {
        Err(malformed) => return json!({"malformed": malformed.to_string()}),
        Ok(Classified::Ignored(anomaly)) => return json!({"ignored": anomaly.event_type()}),
        Ok(Classified::Anomalous(anomalous)) => anomalous,
    };
    let line: Value = serde_json::from_slice(&line_of(&anomalous)).expect("a line");
    json!({
        "type": line["type"],
        "severity": line["severity"],
        "outcome": line["outcome"],
        "error": line["error"],
        "data": line["data"],
    })
}

#[test]
fn every_case_of_the_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/network");
    let mut cases = 0;
    for file in std::fs::read_dir(folder).expect("the table's folder") {
        let path = file.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("a table");
        let table: Value = serde_json::from_str(&text).expect("a table in JSON");
        for case in table["cases"].as_array().expect("cases") {
            let mut record = table["every_record_has"].clone();
            let own = case["record"].as_object().expect("a record");
            let fields = record.as_object_mut().expect("fields");
            fields.extend(own.clone());
            let said = said_of(&record);
            for (name, wanted) in case["wanted"].as_object().expect("what is wanted") {
                let rule = &case["rule"];
                if name == "data" {
                    assert_eq!(
                        said["data"],
                        data_of(&table, wanted),
                        "{}: {rule}",
                        path.display()
                    );
                } else {
                    assert_eq!(&said[name], wanted, "{}: {rule}: {name}", path.display());
                }
            }
            cases += 1;
        }
    }
    assert!(cases >= 30, "{cases} cases");
}

/// All the data that is wanted: the table's own, changed by the case's; null takes a field away.
fn data_of(table: &Value, wanted: &Value) -> Value {
    let mut data = table["every_data_has"].clone();
    let fields = data.as_object_mut().expect("fields");
    for (name, value) in wanted.as_object().expect("fields") {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    data
}

//! The tables of `tests/data`: records as a person writes them, and the occurrences wanted of them.
//!
//! A table has what all its records and all their data have in common; a case changes that, and
//! null takes a field of the data away.

use std::path::Path;

use serde_json::{Value, json};
use tapio_common::catalogue::{Observer, Outcome};

use super::line_of;
use crate::observer::{Anomalous, Classified, classify};

/// A number of a record; 0 where none is written.
#[track_caller]
pub fn number<T: TryFrom<i64>>(record: &Value, name: &str) -> T {
    let number = record[name].as_i64().unwrap_or(0);
    T::try_from(number).unwrap_or_else(|_| panic!("{name}: {number}"))
}

/// The flags of a record by their names in the ABI.
#[track_caller]
pub fn flags(record: &Value, known: &[(&str, u32)]) -> u32 {
    let names = record["flags"].as_array().expect("flags");
    names.iter().fold(0, |flags, name| {
        let found = known.iter().find(|(known, _)| name == known);
        flags | found.unwrap_or_else(|| panic!("no flag {name}")).1
    })
}

/// Plays every case of every table of this observer; how many there were.
#[track_caller]
pub fn play_table(observer: Observer, bytes_of: fn(&Value) -> Vec<u8>) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data");
    let folder = folder.join(observer.name());
    let mut cases = 0;
    for file in std::fs::read_dir(folder).expect("the table's folder") {
        let path = file.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("a table");
        let table: Value = serde_json::from_str(&text).expect("a table in JSON");
        for case in table["cases"].as_array().expect("cases") {
            let mut record = table["every_record_has"].clone();
            let own = case["record"].as_object().expect("a record");
            record.as_object_mut().expect("fields").extend(own.clone());
            let said = said_of(observer, &bytes_of(&record));
            let (path, rule) = (path.display(), &case["rule"]);
            for (name, wanted) in case["wanted"].as_object().expect("what is wanted") {
                let wanted = match name.as_str() {
                    "data" => data_of(&table, wanted),
                    _ => wanted.clone(),
                };
                assert_eq!(said[name], wanted, "{path}: {rule}: {name}");
            }
            cases += 1;
        }
    }
    cases
}

/// The parts of an occurrence that are the observer's.
pub fn said_of(observer: Observer, record: &[u8]) -> Value {
    let anomalous = match classify(observer, record) {
        Err(malformed) => return json!({"malformed": malformed.to_string()}),
        Ok(Classified::Ignored(anomaly)) => return json!({"ignored": anomaly.event_type()}),
        Ok(Classified::Anomalous(anomalous)) => anomalous,
    };
    assert_among_many(&anomalous);
    let line: Value = serde_json::from_slice(&line_of(&anomalous)).expect("a line");
    json!({
        "type": line["type"],
        "severity": line["severity"],
        "outcome": line["outcome"],
        "error": line["error"],
        "data": line["data"],
    })
}

/// What a closing record says of all facts of a type is true of this one.
#[track_caller]
fn assert_among_many(anomalous: &Anomalous) {
    let anomaly = anomalous.anomaly;
    let least = anomaly.severity_min();
    assert!(anomalous.severity >= least, "{anomalous:?} below {least:?}");
    let shared = anomaly.outcome_of_all();
    let (outcome, _) = anomalous.describe();
    assert!(
        shared == Outcome::Unknown || shared == outcome,
        "{anomalous:?}: {outcome:?}, not {shared:?}"
    );
}

/// All the data that is wanted.
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

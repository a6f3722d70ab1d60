//! The seeds of the fuzz targets, run through the same properties. Everything else that is at hand
//! goes through them too: each body of `tests/data/wire` is one more seed for every payload.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../tests/fuzz/src/wire.rs"]
mod properties;

type Property = fn(&[u8]);

const PROPERTIES: [(&str, Property); 5] = [
    ("hello", properties::hello),
    ("heartbeat", properties::heartbeat),
    ("events", properties::events),
    ("query", properties::query),
    ("responses", properties::responses),
];

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    for entry in entries {
        let path = entry.expect("the folder can be listed").path();
        if path.is_dir() {
            below(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn run(property: Property, folder: &str) -> usize {
    let mut files = Vec::new();
    below(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
        &mut files,
    );
    for path in &files {
        let body = fs::read(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        println!("{}", path.display()); // shown when the property fails
        property(&body);
    }
    files.len()
}

#[test]
fn the_seeds_of_every_target_hold() {
    for (target, property) in PROPERTIES {
        let seeds = run(property, &format!("../tests/fuzz/seeds/{target}"));
        assert!(seeds >= 5, "{target} has only {seeds} seeds");
    }
}

#[test]
fn every_body_at_hand_holds_for_every_payload() {
    for (_, property) in PROPERTIES {
        assert!(run(property, "../tests/data/wire") >= 200);
    }
}

/// Each body cut at every byte, and with every byte turned into one that JSON gives a meaning.
#[test]
fn damaged_bodies_hold_too() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/wire/good");
    for (payload, name) in [
        ("hello", "with-additions"),
        ("heartbeat", "with-additions"),
        ("events", "v1"),
        ("compiled-config", "with-additions"),
    ] {
        let body = fs::read(root.join(payload).join(name).with_extension("json"));
        let body = body.expect("the golden body is there");
        let property = PROPERTIES.iter().find(|(target, _)| *target == payload);
        let property =
            property.map_or(properties::responses as Property, |(_, property)| *property);
        for at in 0..body.len() {
            property(&body[..at]);
            for byte in b"\"}[,\\0- \x00\xff" {
                let mut damaged = body.clone();
                damaged[at] = *byte;
                property(&damaged);
            }
        }
    }
}

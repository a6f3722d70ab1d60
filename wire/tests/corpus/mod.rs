//! Where the wire's test data is, and how a body is read and written by the name of its folder.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tapio_wire::limits::BATCH_EVENTS_MAX;
use tapio_wire::{
    CompiledConfig, ConfigResponse, ErrorEnvelope, EventBatch, EventsResponse, Heartbeat,
    HeartbeatResponse, Hello, HelloResponse, Status, WireError,
};

pub fn folder(name: &str) -> PathBuf {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/wire");
    Path::new(root).join(name)
}

pub fn body(name: &str) -> Vec<u8> {
    fs::read(folder(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The bodies of a folder of payload folders, as `hello/v1.json`, sorted.
pub fn bodies(name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for kind in listing(&folder(name))
        .into_iter()
        .filter(|path| path.is_dir())
    {
        for path in listing(&kind) {
            let relative = path
                .strip_prefix(folder(name))
                .expect("is below the folder");
            let relative = relative.to_str().expect("names are ASCII");
            if !relative.ends_with(".canonical.json") {
                found.push(relative.to_owned());
            }
        }
    }
    found.sort_unstable();
    found
}

fn listing(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    entries
        .map(|entry| entry.expect("the folder can be listed").path())
        .collect()
}

/// The rows of a table, without its heading.
pub fn table(name: &str) -> Vec<Vec<String>> {
    let text = String::from_utf8(body(name)).expect("a table is UTF-8");
    text.lines()
        .skip(1)
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

/// Reads a body as the payload its folder names, and writes it again.
pub fn canonical(name: &str, body: &[u8]) -> Result<String, WireError> {
    fn write(payload: impl Serialize) -> String {
        serde_json::to_string(&payload).expect("what was read can be written")
    }
    match name.split('/').next() {
        Some("hello") => Hello::parse(body).map(write),
        Some("hello-response") => HelloResponse::parse(body).map(write),
        Some("compiled-config") => CompiledConfig::parse(body).map(write),
        Some("config-response") => ConfigResponse::parse(body).map(write),
        Some("heartbeat") => Heartbeat::parse(body).map(write),
        Some("heartbeat-response") => HeartbeatResponse::parse(body).map(write),
        Some("events") => EventBatch::parse(body, BATCH_EVENTS_MAX).map(write),
        Some("events-response") => EventsResponse::parse(body).map(write),
        Some("status") => Status::parse(body).map(write),
        Some("error") => ErrorEnvelope::parse(body).map(write),
        other => panic!("{name}: no payload is called {other:?}"),
    }
}

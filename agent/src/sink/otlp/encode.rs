//! A batch as the JSON of an OTLP export request for logs.
//!
//! One resource per node and owner, so that `container.id` and `k8s.pod.uid` stand where OTLP wants
//! them, and one record per occurrence. All its facts are attributes `tapio.…`, nested ones by
//! their path and unchanged in name; nothing is left out and nothing composed. 64-bit numbers are
//! texts, as the JSON of protocol buffers has them, and one that no int64 holds is a text itself.

use std::borrow::Cow;

use tapio_common::catalogue::Severity;
use tapio_common::time::Timestamp;

use super::facts::{Facts, push_text};
use crate::sink::outbox::{Block, Mark};

const SERVICE: &str = "tapio-agent";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The records of one resource.
#[derive(Debug)]
struct Group<'a> {
    node: Cow<'a, str>,
    container_id: Option<Cow<'a, str>>,
    pod_uid: Option<Cow<'a, str>>,
    records: Vec<u8>,
}

/// The request's body.
pub fn request(batch: &[Block], observed: Timestamp) -> Vec<u8> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (line, mark) in batch.iter().flat_map(Block::iter) {
        // What cannot be read as facts is passed on as it is: evidence is not lost over its form.
        let (facts, body) = match Facts::read(line) {
            Ok(facts) => (facts, Cow::Borrowed(mark.anomaly.event_type())),
            Err(_) => (Facts::default(), String::from_utf8_lossy(line)),
        };
        let group = group_of(&mut groups, &facts);
        push_record(group, &facts, &body, mark, observed);
    }
    let mut body = br#"{"resourceLogs":["#.to_vec();
    for (at, group) in groups.iter().enumerate() {
        if at > 0 {
            body.push(b',');
        }
        push_group(&mut body, group);
    }
    body.extend_from_slice(b"]}");
    body
}

fn group_of<'g, 'a>(groups: &'g mut Vec<Group<'a>>, facts: &Facts<'a>) -> &'g mut Group<'a> {
    let is_it = |group: &Group<'a>| {
        group.node == facts.node
            && group.container_id == facts.container_id
            && group.pod_uid == facts.pod_uid
    };
    // The newest first: what happens together is mostly of one owner.
    let at = groups.iter().rposition(is_it).unwrap_or_else(|| {
        groups.push(Group {
            node: facts.node.clone(),
            container_id: facts.container_id.clone(),
            pod_uid: facts.pod_uid.clone(),
            records: Vec::new(),
        });
        groups.len() - 1
    });
    &mut groups[at]
}

fn push_group(body: &mut Vec<u8>, group: &Group<'_>) {
    body.extend_from_slice(br#"{"resource":{"attributes":["#);
    let owner = [
        ("container.id", &group.container_id),
        ("k8s.pod.uid", &group.pod_uid),
    ];
    let owner = owner
        .iter()
        .filter_map(|(name, text)| Some((*name, text.as_deref()?)));
    let ours = [
        ("service.name", SERVICE),
        ("service.version", VERSION),
        ("host.name", group.node.as_ref()),
    ];
    for (at, (name, text)) in ours.into_iter().chain(owner).enumerate() {
        if at > 0 {
            body.push(b',');
        }
        for (before, text) in [(r#"{"key":"#, name), (r#","value":{"stringValue":"#, text)] {
            body.extend_from_slice(before.as_bytes());
            push_text(body, text);
        }
        body.extend_from_slice(b"}}");
    }
    body.extend_from_slice(br#"]},"scopeLogs":[{"scope":{"name":"tapio","version":"#);
    push_text(body, VERSION);
    body.extend_from_slice(br#"},"logRecords":["#);
    body.extend_from_slice(&group.records);
    body.extend_from_slice(b"]}]}");
}

fn push_record(
    group: &mut Group<'_>,
    facts: &Facts<'_>,
    body: &str,
    mark: &Mark,
    observed: Timestamp,
) {
    let out = &mut group.records;
    if !out.is_empty() {
        out.push(b',');
    }
    let (number, word) = severity(mark.severity);
    let head = format!(
        "{{\"timeUnixNano\":\"{}\",\"observedTimeUnixNano\":\"{}\",\"severityNumber\":{number},\
         \"severityText\":\"{word}\",\"eventName\":\"{}\",\"body\":{{\"stringValue\":",
        mark.at.0,
        observed.0,
        mark.anomaly.event_type()
    );
    out.extend_from_slice(head.as_bytes());
    push_text(out, body);
    out.extend_from_slice(br#"},"attributes":["#);
    out.extend_from_slice(&facts.attributes);
    out.extend_from_slice(b"]}");
}

/// OTLP's numbers: each of its words spans four, of which the first is the plain one.
fn severity(severity: Severity) -> (u8, &'static str) {
    match severity {
        Severity::Debug => (5, "DEBUG"),
        Severity::Info => (9, "INFO"),
        Severity::Warning => (13, "WARN"),
        Severity::Error => (17, "ERROR"),
        Severity::Critical => (21, "FATAL"),
    }
}

#[cfg(test)]
mod tests;

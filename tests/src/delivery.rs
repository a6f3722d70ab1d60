//! Whether a controller has what an agent keeps: all of it, once, in order, and as it was.
//!
//! On one side the evidence directory, on the other the controller's own copy. Nothing either of them
//! says of itself counts here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::golden::differences;

/// Told of one kind at the most: a broken run breaks thousands.
const TOLD_MAX: usize = 5;

/// What is wrong, in words. `segments` are the occurrences of the directory by file, `accepted` the
/// lines of the copy in their order.
pub fn complaints(segments: &BTreeMap<String, Vec<Value>>, accepted: &[Value]) -> Vec<String> {
    let mut told = repeated(accepted);
    let arrived: BTreeMap<&str, (usize, &Value)> = accepted
        .iter()
        .enumerate()
        .map(|(at, line)| (text(line, "id"), (at, line)))
        .collect();
    let kept: BTreeSet<&str> = segments
        .values()
        .flatten()
        .map(|event| text(event, "id"))
        .collect();
    told.extend(few(kept
        .iter()
        .filter(|id| !arrived.contains_key(*id))
        .map(|id| format!("{id} is kept and never arrived"))));
    told.extend(few(arrived
        .keys()
        .filter(|id| !kept.contains(*id))
        .map(|id| format!("{id} arrived and is not kept"))));
    for (name, events) in segments {
        told.extend(disordered(name, events, &arrived));
        told.extend(few(events.iter().filter_map(|event| {
            let (_, line) = arrived.get(text(event, "id"))?;
            let differences = differences(&line["facts"], &event["data"], &[]);
            let same_type = line["type"] == event["type"];
            (!same_type || !differences.is_empty())
                .then(|| format!("{event} arrived otherwise: {}", differences.join(", ")))
        })));
    }
    told.extend(few(skipped(accepted).into_iter()));
    told
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or("(nothing)")
}

fn few(told: impl Iterator<Item = String>) -> Vec<String> {
    told.take(TOLD_MAX).collect()
}

/// Events that an agent's batches brought more than once.
fn repeated(accepted: &[Value]) -> Vec<String> {
    let mut times: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for line in accepted {
        *times
            .entry((text(line, "agent_id"), text(line, "id")))
            .or_default() += 1;
    }
    let repeated = times.iter().filter(|(_, times)| **times > 1);
    few(repeated.map(|((agent, id), times)| format!("{id} of {agent} is there {times} times")))
}

/// Events that arrived before one that stands above them in their file.
fn disordered(
    name: &str,
    events: &[Value],
    arrived: &BTreeMap<&str, (usize, &Value)>,
) -> Vec<String> {
    let places: Vec<(usize, &str)> = events
        .iter()
        .filter_map(|event| {
            let id = text(event, "id");
            arrived.get(id).map(|(at, _)| (*at, id))
        })
        .collect();
    let wrong = places.windows(2).filter(|pair| pair[0].0 > pair[1].0);
    few(wrong.map(|pair| format!("{name}: {} arrived before {}", pair[1].1, pair[0].1)))
}

/// Places where an agent's sequence is neither the one before nor the next.
fn skipped(accepted: &[Value]) -> Vec<String> {
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    let mut told = Vec::new();
    for line in accepted {
        let (agent, sequence) = (text(line, "agent_id"), line["sequence"].as_u64());
        let Some(sequence) = sequence else {
            told.push(format!("{line} has no sequence"));
            continue;
        };
        if let Some(before) = last.insert(agent, sequence) {
            if sequence != before && Some(sequence) != before.checked_add(1) {
                told.push(format!("{agent}: batch {sequence} follows batch {before}"));
            }
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kept(ids: &[&str]) -> BTreeMap<String, Vec<Value>> {
        let event = |id: &&str| json!({"id": id, "type": "kernel.x", "data": {"pid": 1}});
        [("T10".to_owned(), ids.iter().map(event).collect())].into()
    }

    fn line(sequence: u64, id: &str) -> Value {
        json!({"agent_id": "a", "sequence": sequence, "type": "kernel.x", "id": id,
            "facts": {"pid": 1, "outcome": "failure"}})
    }

    #[test]
    fn all_of_it_once_and_in_order_is_no_complaint() {
        let accepted = [line(1, "1"), line(1, "2"), line(2, "3")];
        assert_eq!(complaints(&kept(&["1", "2", "3"]), &accepted), [""; 0]);
    }

    #[test]
    fn whatever_is_wrong_is_told() {
        let mut bent = line(1, "1");
        bent["facts"]["pid"] = 2.into();
        for (ids, accepted, wanted) in [
            (
                &["1", "2"][..],
                vec![line(1, "1")],
                "2 is kept and never arrived",
            ),
            (
                &["1"],
                vec![line(1, "1"), line(1, "2")],
                "2 arrived and is not kept",
            ),
            (
                &["1"],
                vec![line(1, "1"), line(1, "1")],
                "1 of a is there 2 times",
            ),
            (
                &["1", "2"],
                vec![line(1, "2"), line(2, "1")],
                "T10: 2 arrived before 1",
            ),
            (
                &["1", "2"],
                vec![line(1, "1"), line(3, "2")],
                "a: batch 3 follows batch 1",
            ),
            (
                &["1", "2"],
                vec![line(2, "1"), line(1, "2")],
                "a: batch 1 follows batch 2",
            ),
            (&["1"], vec![bent], "arrived otherwise"),
        ] {
            let told = complaints(&kept(ids), &accepted);
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].contains(wanted), "{told:?}");
        }
    }
}

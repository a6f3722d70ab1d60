//! One accepted event is one line: who sent it, in which batch, and then the event as it came.

use serde::Serialize;
use tapio_wire::{EventBatch, WireEvent};

/// With what every line begins.
pub const BEGINNING: &str = "{\"agent_id\":";

/// About what surrounds the facts of one event in a line.
const LINE_BYTES_AROUND: usize = 256;

/// The lines of a batch, each with its line break.
pub fn lines_of(batch: &EventBatch<'_>) -> serde_json::Result<Vec<u8>> {
    let mut opening = Vec::new();
    member(&mut opening, BEGINNING, &batch.agent_id)?;
    member(&mut opening, ",\"node_name\":", &batch.node_name)?;
    member(&mut opening, ",\"sequence\":", &batch.sequence)?;
    let len =
        |event: &WireEvent<'_>| opening.len() + event.facts.as_str().len() + LINE_BYTES_AROUND;
    let mut lines = Vec::with_capacity(batch.events.iter().map(len).sum());
    for event in &batch.events {
        lines.extend_from_slice(&opening);
        member(&mut lines, ",\"type\":", &event.event_type)?;
        let at = &event.timestamp_unix_nanos;
        member(&mut lines, ",\"timestamp_unix_nanos\":", at)?;
        member(&mut lines, ",\"observer\":", &event.observer)?;
        member(&mut lines, ",\"severity\":", &event.severity)?;
        if let Some(id) = &event.id {
            member(&mut lines, ",\"id\":", id)?;
        }
        lines.extend_from_slice(b",\"facts\":");
        event.facts.write_on_one_line(&mut lines);
        lines.extend_from_slice(b"}\n");
    }
    Ok(lines)
}

fn member(line: &mut Vec<u8>, key: &str, value: &impl Serialize) -> serde_json::Result<()> {
    line.extend_from_slice(key.as_bytes());
    serde_json::to_writer(line, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_one_line_with_its_sender() {
        let body = concat!(
            r#"{"wire_version":"tapio-wire/v1","agent_id":"a\"1","node_name":"n","sequence":7,"#,
            r#""sent_at_unix_nanos":1,"events":["#,
            r#"{"type":"kernel.network.x","timestamp_unix_nanos":5,"observer":"network","#,
            r#""severity":"notice","facts":{"a":"#,
            "\r\n1",
            r#"},"id":"01"},"#,
            r#"{"type":"kernel.node.y","timestamp_unix_nanos":6,"observer":"node","#,
            r#""severity":"info","facts":null}]}"#
        );
        let batch = EventBatch::parse(body.as_bytes(), 2).unwrap();
        let lines = String::from_utf8(lines_of(&batch).unwrap()).unwrap();
        assert_eq!(
            lines,
            concat!(
                r#"{"agent_id":"a\"1","node_name":"n","sequence":7,"type":"kernel.network.x","#,
                r#""timestamp_unix_nanos":5,"observer":"network","severity":"notice","id":"01","#,
                "\"facts\":{\"a\":  1}}\n",
                r#"{"agent_id":"a\"1","node_name":"n","sequence":7,"type":"kernel.node.y","#,
                r#""timestamp_unix_nanos":6,"observer":"node","severity":"info","facts":null}"#,
                "\n"
            )
        );
    }
}

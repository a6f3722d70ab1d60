//! `POST /v1/agents/hello`: an agent registers, or registers anew.

use crate::payload::payload;
use crate::values::{Generation, Names, Pairs, Text, WireVersion};

payload! {
    pub struct Hello<'a> Body {
        wire_version: WireVersion, required;
        agent_id: Text<'a>, required;
        node_name: Text<'a>, required;
        tapio_version: Text<'a>, required;
        kernel_release: Text<'a>, required;
        arch: Text<'a>, required;
        capabilities: Names<'a>, optional;
        /// Bytes of each BPF object.
        object_sizes: Pairs<'a, u64>, optional;
        /// Maps of each BPF object.
        map_counts: Pairs<'a, u64>, optional;
        #[serde(skip_serializing_if = "Option::is_none")]
        boot_id: Option<Text<'a>>, optional;
        /// The sequence of the next batch this agent will send.
        #[serde(skip_serializing_if = "Option::is_none")]
        next_sequence: Option<u64>, optional;
    }
}

payload! {
    pub struct HelloResponse<'a> Body {
        wire_version: WireVersion, required;
        /// False: the registry is full.
        accepted: bool, required;
        controller_id: Text<'a>, required;
        config_version: Generation, required;
        send_interval_ms: u64, required;
        max_batch_events: u64, required;
    }
}

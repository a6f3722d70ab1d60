//! `POST /v1/agents/hello`.

use std::sync::Arc;

use tapio_wire::values::WireVersion;
use tapio_wire::{Hello, HelloResponse, WireError};

use super::respond;
use crate::http::message::Response;
use crate::moment::Moment;
use crate::registry::Registration;
use crate::site::Site;

pub fn answer(site: &Site, body: &[u8], now: Moment) -> Result<Response, WireError> {
    let hello = Hello::parse(body)?;
    let agent_id: Arc<str> = Arc::from(&*hello.agent_id);
    let registration = Registration {
        node_name: if hello.node_name == hello.agent_id {
            Arc::clone(&agent_id)
        } else {
            Arc::from(&*hello.node_name)
        },
        agent_id,
        tapio_version: Arc::from(&*hello.tapio_version),
    };
    let (accepted, config) = site.registry.with(|registry| {
        let accepted = registry.hello(registration, hello.next_sequence, now);
        (accepted, registry.config())
    });
    respond(&HelloResponse {
        wire_version: WireVersion,
        accepted,
        controller_id: site.controller_id.as_str().into(),
        config_version: config.generation,
        send_interval_ms: config.batching.send_interval_ms,
        max_batch_events: config.batching.max_batch_events,
    })
}

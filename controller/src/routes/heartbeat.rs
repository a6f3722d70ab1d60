//! `POST /v1/agents/heartbeat`.

use tapio_wire::status::Echo;
use tapio_wire::values::WireVersion;
use tapio_wire::{Heartbeat, HeartbeatResponse, WireError};

use super::respond;
use crate::http::message::Response;
use crate::moment::Moment;
use crate::site::Site;

pub fn answer(site: &Site, body: &[u8], now: Moment) -> Result<Response, WireError> {
    let heartbeat = Heartbeat::parse(body)?;
    let report = Echo::of(&heartbeat)?;
    let (agent_id, config_hash) = (&heartbeat.agent_id, &heartbeat.config_hash);
    let (outcome, generation) = site.registry.with(|registry| {
        let outcome = registry.heartbeat(agent_id, config_hash, report, now);
        (outcome, registry.generation())
    });
    let accepted = outcome.is_ok();
    drop(outcome); // frees the report that was replaced or not taken, after the lock
    respond(&HeartbeatResponse {
        wire_version: WireVersion,
        accepted,
        next_config_version: generation,
    })
}

//! `POST /v1/events`: a batch is taken whole or refused whole.
//!
//! Where accepted events are kept, the copy is written before the batch counts as taken: if it
//! cannot be, the answer is a 500, nothing was counted, and the agent sends the batch again.

use tapio_wire::values::WireVersion;
use tapio_wire::{EventBatch, EventsResponse, WireError};

use super::respond;
use crate::accepted::{Unwritten, lines_of};
use crate::http::message::Response;
use crate::moment::Moment;
use crate::registry::{Batch, Receipt};
use crate::site::Site;

pub fn answer(
    site: &Site,
    body: Result<&[u8], WireError>,
    now: Moment,
) -> Result<Response, WireError> {
    let refused = |error: WireError, events: u64| {
        site.registry.with(|registry| registry.reject(events));
        error
    };
    let body = body.map_err(|error| refused(error, 0))?;
    let events = EventBatch::parse(body, site.batch_events_max)
        .map_err(|error| refused(error, EventBatch::count_events(body)))?;
    let receipt = take(site, body, &events, now)?;
    respond(&EventsResponse {
        wire_version: WireVersion,
        accepted: u64::from(receipt.accepted),
        rejected: 0,
        next_config_version: receipt.generation,
    })
}

fn take(
    site: &Site,
    body: &[u8],
    events: &EventBatch<'_>,
    now: Moment,
) -> Result<Receipt, WireError> {
    let batch = Batch {
        agent_id: &events.agent_id,
        sequence: events.sequence,
        digest: site.digest(body),
        events: u32::try_from(events.events.len()).map_err(|_| WireError::internal())?,
    };
    match &site.accepted {
        None => Ok(site.registry.with(|registry| registry.take(batch, now))),
        Some(accepted) => {
            let lines = lines_of(events).map_err(|_| WireError::internal())?;
            accepted
                .write(batch, lines, now)
                .map_err(|Unwritten| WireError::internal())
        }
    }
}

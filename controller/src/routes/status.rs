//! `GET /v1/status`: everything the registry holds, page by page.
//!
//! The body is made while it is sent. The lock is held for the copying of one page of rows,
//! whatever the size of the fleet; an agent that comes or goes meanwhile is listed or not, and
//! nobody is listed twice.

use std::sync::Arc;

use tapio_wire::status::{AgentRow, STATUS_END, StatusConfig, write_status_head};
use tapio_wire::values::WireVersion;
use tapio_wire::{Status, WireError};

use crate::http::message::{Body, ContentType, Response};
use crate::moment::Moment;
use crate::registry::{Shared, Snapshot};
use crate::site::Site;

/// Rows copied in one turn of the lock: a few microseconds of it.
const ROWS: usize = 32;

/// A page ends with the row that reaches this; a reader who never reads costs one page.
const PAGE_BYTES: usize = 65_536;

pub fn answer(site: &Site, now: Moment) -> Result<Response, WireError> {
    let mut walk = Walk::begin(Arc::clone(&site.registry), now);
    let mut first = Vec::with_capacity(1_024);
    let summary = site.registry.with(|registry| registry.summary());
    let head = Status {
        wire_version: WireVersion,
        controller_id: site.controller_id.as_str().into(),
        started_at_unix: site.started_at_unix,
        config: StatusConfig {
            version: summary.config.generation,
            config_hash: summary.config.hash.as_str().into(),
        },
        totals: summary.totals,
        agents: Vec::new(),
    };
    write_status_head(&mut first, &head).map_err(|_| WireError::internal())?;
    if !walk.write_page(&mut first) {
        return Ok(Response::json(first));
    }
    let mut first = Some(first);
    let pages = Box::new(move |page: &mut Vec<u8>| match first.take() {
        Some(mut written) => {
            page.append(&mut written);
            true
        }
        None => walk.write_page(page),
    });
    Ok(Response::new(200, ContentType::Json, Body::Pages(pages)))
}

/// A walk over all agents in the order of their ids.
struct Walk {
    registry: Arc<Shared>,
    now: Moment,
    /// Rows that were copied and are not written yet.
    rows: std::vec::IntoIter<Snapshot>,
    after: Option<Arc<str>>,
    /// Nobody comes after `rows`.
    is_last: bool,
    any: bool,
}

impl Walk {
    fn begin(registry: Arc<Shared>, now: Moment) -> Self {
        Self {
            registry,
            now,
            rows: Vec::new().into_iter(),
            after: None,
            is_last: false,
            any: false,
        }
    }

    /// Appends the next rows; false after the last, with the end of the body.
    fn write_page(&mut self, page: &mut Vec<u8>) -> bool {
        let begin = page.len();
        while page.len() - begin < PAGE_BYTES {
            match self.next_row() {
                Some(snapshot) => self.write_row(&snapshot, page),
                None => {
                    page.extend_from_slice(STATUS_END);
                    return false;
                }
            }
        }
        true
    }

    fn next_row(&mut self) -> Option<Snapshot> {
        while self.rows.len() == 0 && !self.is_last {
            let after = self.after.take();
            let mut rows = Vec::with_capacity(ROWS);
            self.after = self
                .registry
                .with(|registry| registry.page(after.as_ref(), ROWS, &mut rows));
            self.is_last = self.after.is_none();
            self.rows = rows.into_iter();
        }
        self.rows.next()
    }

    fn write_row(&mut self, snapshot: &Snapshot, page: &mut Vec<u8>) {
        let whole = page.len();
        if self.any {
            page.push(b',');
        }
        match row(snapshot, self.now).write(page) {
            Ok(()) => self.any = true,
            Err(error) => {
                page.truncate(whole);
                let agent_id = &snapshot.registration.agent_id;
                log::error!("status: the row of {agent_id:?} cannot be written: {error}");
            }
        }
    }
}

fn row(snapshot: &Snapshot, now: Moment) -> AgentRow<'_> {
    let age = |at: u64| now.uptime_ms.saturating_sub(at) / 1_000;
    AgentRow {
        agent_id: &snapshot.registration.agent_id,
        node_name: &snapshot.registration.node_name,
        tapio_version: &snapshot.registration.tapio_version,
        registered_at_unix: snapshot.registered_at_unix,
        last_heartbeat_age_seconds: snapshot.heartbeat_at_ms.map(age),
        reported: snapshot.reported.as_ref(),
        sequence: snapshot.sequence,
    }
}

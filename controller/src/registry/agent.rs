//! One agent: its registration, its newest report and the order of its batches.
//!
//! Small on purpose: a fleet has a hundred thousand of them. What `/v1/status` echoes is kept as
//! the text it will be, and names that are the same are the same allocation.

use std::sync::Arc;

use tapio_wire::status::{Echo, SequenceStatus};

use super::Batch;
use super::census::Ballot;
use super::sequence::{Sequence, Standing};
use crate::moment::Moment;

/// What hello says that is kept.
#[derive(Debug, Clone)]
pub struct Registration {
    pub agent_id: Arc<str>,
    pub node_name: Arc<str>,
    pub tapio_version: Arc<str>,
}

/// A registered agent as one page of `/v1/status` copies it out of the lock.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub registration: Registration,
    pub registered_at_unix: u64,
    /// When the newest heartbeat came.
    pub heartbeat_at_ms: Option<u64>,
    pub reported: Option<Echo>,
    pub sequence: SequenceStatus,
}

#[derive(Debug)]
struct Known {
    node_name: Arc<str>,
    tapio_version: Arc<str>,
    registered_at_unix: u64,
}

#[derive(Debug)]
pub(super) struct Agent {
    /// `None` for one that never said hello.
    known: Option<Known>,
    /// When anything was last heard of it.
    pub(super) heard_ms: u64,
    reported: Option<(Echo, u64)>,
    pub(super) ballot: Option<Ballot>,
    pub(super) sequence: Sequence,
}

impl Agent {
    pub(super) fn stranger(now: Moment) -> Self {
        Self {
            known: None,
            heard_ms: now.uptime_ms,
            reported: None,
            ballot: None,
            sequence: Sequence::default(),
        }
    }

    pub(super) fn registered(registration: Registration, now: Moment) -> Self {
        let mut agent = Self::stranger(now);
        agent.register(registration, now);
        agent
    }

    pub(super) fn is_stranger(&self) -> bool {
        self.known.is_none()
    }

    /// Registers anew; the answer is how many batches this hello shows to be missing.
    pub(super) fn hello(
        &mut self,
        registration: Registration,
        next_sequence: Option<u64>,
        now: Moment,
    ) -> u64 {
        self.register(registration, now);
        let before = self.sequence.gaps_total();
        self.sequence.hello(next_sequence);
        self.sequence.gaps_total() - before
    }

    fn register(&mut self, registration: Registration, now: Moment) {
        self.heard_ms = now.uptime_ms;
        self.known = Some(Known {
            node_name: registration.node_name,
            tapio_version: registration.tapio_version,
            registered_at_unix: now.unix_seconds,
        });
    }

    pub(super) fn heartbeat(&mut self, report: Echo, now: Moment) -> Option<Echo> {
        self.heard_ms = now.uptime_ms;
        self.reported
            .replace((report, now.uptime_ms))
            .map(|(before, _)| before)
    }

    pub(super) fn take(&mut self, batch: Batch<'_>, now: Moment) -> Standing {
        self.heard_ms = now.uptime_ms;
        self.sequence
            .take(batch.sequence, batch.digest, batch.events)
    }

    /// `None` for a stranger: status lists who registered.
    pub(super) fn snapshot(&self, agent_id: &Arc<str>) -> Option<Snapshot> {
        let known = self.known.as_ref()?;
        Some(Snapshot {
            registration: Registration {
                agent_id: Arc::clone(agent_id),
                node_name: Arc::clone(&known.node_name),
                tapio_version: Arc::clone(&known.tapio_version),
            },
            registered_at_unix: known.registered_at_unix,
            heartbeat_at_ms: self.reported.as_ref().map(|(_, at)| *at),
            reported: self.reported.as_ref().map(|(echo, _)| echo.clone()),
            sequence: self.sequence.status(),
        })
    }
}

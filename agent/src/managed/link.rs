//! What the two threads that speak to the controller share: who speaks to whom, and the few
//! numbers that one of them learns and the other needs.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tapio_wire::Batching;

use crate::http::Endpoint;
use crate::stop::Stop;

/// A controller may not ask for batches rarer than this.
const SEND_INTERVAL_MAX: Duration = Duration::from_secs(3_600);

/// One controller, and the agent as it knows it.
#[derive(Debug)]
pub struct Link {
    pub endpoint: Endpoint,
    pub agent_id: String,
    pub node_name: String,
    send_interval_ms: AtomicU64,
    batch_events_max: AtomicU64,
    /// Sequences begin at 1; zero while there are none that outlive a restart.
    next_sequence: AtomicU64,
    /// Heartbeats that the controller has taken.
    heartbeats: AtomicU64,
    /// Closed after the first turn, in vain or not.
    greeted: Stop,
}

impl Link {
    pub fn new(endpoint: Endpoint, agent_id: String, node_name: String) -> io::Result<Self> {
        let link = Self {
            endpoint,
            agent_id,
            node_name,
            send_interval_ms: AtomicU64::new(0),
            batch_events_max: AtomicU64::new(0),
            next_sequence: AtomicU64::new(0),
            heartbeats: AtomicU64::new(0),
            greeted: Stop::new()?,
        };
        link.set_batching(Batching::default());
        Ok(link)
    }

    /// As the controller says in hello and with every config.
    pub fn set_batching(&self, batching: Batching) {
        self.send_interval_ms
            .store(batching.send_interval_ms, Ordering::Relaxed);
        self.batch_events_max
            .store(batching.max_batch_events.max(1), Ordering::Relaxed);
    }

    pub fn send_interval(&self) -> Duration {
        let interval = Duration::from_millis(self.send_interval_ms.load(Ordering::Relaxed));
        interval.min(SEND_INTERVAL_MAX)
    }

    pub fn batch_events_max(&self) -> u64 {
        self.batch_events_max.load(Ordering::Relaxed)
    }

    /// The sequence of the next batch, where a restart does not begin anew.
    pub fn next_sequence(&self) -> Option<u64> {
        Some(self.next_sequence.load(Ordering::Relaxed)).filter(|next| *next > 0)
    }

    pub fn set_next_sequence(&self, next: u64) {
        self.next_sequence.store(next, Ordering::Relaxed);
    }

    /// The controller has taken one more heartbeat: it is there, and speaks as this agent does.
    pub fn count_heartbeat(&self) {
        self.heartbeats.fetch_add(1, Ordering::Release);
    }

    pub fn heartbeats(&self) -> u64 {
        self.heartbeats.load(Ordering::Acquire)
    }

    /// Batches go out from now on: hello has said where they begin, and the config how large they
    /// are, as far as either came through.
    pub fn set_greeted(&self) {
        drop(self.greeted.guard());
    }

    pub fn greeted(&self) -> &Stop {
        &self.greeted
    }
}

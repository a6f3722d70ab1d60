//! Forgetting agents that were silent too long, a page at a time.
//!
//! A few pages each second, so that a hundred thousand agents cost neither a long lock nor a burst.

use std::sync::Arc;
use std::time::Duration;

use crate::moment::Clock;
use crate::registry::Shared;

/// Agents looked at in one turn of the lock.
const PAGE_AGENTS: usize = 256;

/// Pages of one sweep; with a sweep a second, 100,000 agents take half a minute.
const PAGES: usize = 16;

#[derive(Debug)]
pub struct Forgetter {
    silent_ms: Option<u64>,
    clock: Clock,
    registry: Arc<Shared>,
    after: Option<Arc<str>>,
}

impl Forgetter {
    pub fn new(silent: Option<Duration>, clock: Clock, registry: Arc<Shared>) -> Self {
        Self {
            silent_ms: silent.map(|silent| u64::try_from(silent.as_millis()).unwrap_or(u64::MAX)),
            clock,
            registry,
            after: None,
        }
    }

    /// Goes on where the last sweep stopped, and begins again after the last agent.
    pub fn sweep(&mut self) {
        let now = self.clock.now();
        for _ in 0..PAGES {
            let after = self.after.take();
            let (next, forgotten) = self
                .registry
                .with(|registry| registry.forget(after.as_ref(), PAGE_AGENTS, self.silent_ms, now));
            for agent in &forgotten {
                log::debug!("forgot agent {:?}", agent.agent_id);
            }
            if !forgotten.is_empty() {
                log::info!(
                    "forgot {} agents that were silent too long",
                    forgotten.len()
                );
            }
            self.after = next;
            if self.after.is_none() {
                break;
            }
        }
    }
}

//! What agents told the controller: one map, one lock, in memory only.
//!
//! Everything here is quick and cannot fail half-way: callers parse, check, hash and render
//! before they ask for the lock, and what is no longer needed is handed back to be freed after
//! it. Long walks go page by page. Event payloads are never kept.

pub mod census;
pub mod sequence;

mod agent;
mod lock;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use tapio_wire::status::{Echo, Totals};
use tapio_wire::values::Generation;

use crate::config::ActiveConfig;
use crate::moment::Moment;
use agent::Agent;
use census::Census;
use sequence::{Digest, Standing};

pub use agent::{Registration, Snapshot};
pub use lock::Shared;

/// Agents that sent batches without ever saying hello, and are followed all the same. Beyond
/// this their batches are still taken and counted.
const STRANGERS_MAX: usize = 1_024;

/// How long such an agent is followed.
const STRANGER_KEPT_MS: u64 = 3_600_000;

/// What identifies one batch of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch<'a> {
    pub agent_id: &'a str,
    pub sequence: u64,
    pub digest: Digest,
    pub events: u32,
}

/// What its sender is told, and how it stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    pub accepted: u32,
    pub standing: Standing,
    pub generation: Generation,
}

/// What `/metrics` and the head of `/v1/status` say about the registry as a whole.
#[derive(Debug, Clone)]
pub struct Summary {
    pub config: Arc<ActiveConfig>,
    pub totals: Totals,
    pub agents: u64,
    pub strangers: u64,
    pub forgotten: u64,
    pub gaps: u64,
    pub regressions: u64,
    pub duplicates: u64,
}

#[derive(Debug)]
pub struct Registry {
    agents: BTreeMap<Arc<str>, Box<Agent>>,
    agents_max: usize,
    strangers: usize,
    forgotten: u64,
    gaps: u64,
    regressions: u64,
    duplicates: u64,
    totals: Totals,
    census: Census,
    config: Arc<ActiveConfig>,
}

impl Registry {
    pub fn new(config: ActiveConfig, agents_max: usize) -> Self {
        Self {
            agents: BTreeMap::new(),
            agents_max,
            strangers: 0,
            forgotten: 0,
            gaps: 0,
            regressions: 0,
            duplicates: 0,
            totals: Totals::default(),
            census: Census::default(),
            config: Arc::new(config),
        }
    }

    pub fn config(&self) -> Arc<ActiveConfig> {
        Arc::clone(&self.config)
    }

    pub fn generation(&self) -> Generation {
        self.config.generation
    }

    /// Serves `config` from now on and hands back the one before it.
    pub fn adopt(&mut self, config: Arc<ActiveConfig>) -> Arc<ActiveConfig> {
        std::mem::replace(&mut self.config, config)
    }

    /// Registers an agent, or registers it anew; false where there is no room for another.
    pub fn hello(
        &mut self,
        registration: Registration,
        next_sequence: Option<u64>,
        now: Moment,
    ) -> bool {
        let room = self.agents.len() - self.strangers < self.agents_max;
        if let Some(agent) = self.agents.get_mut(&registration.agent_id) {
            if agent.is_stranger() {
                if !room {
                    return false;
                }
                self.strangers -= 1;
            }
            let missing = agent.hello(registration, next_sequence, now);
            self.gaps = self.gaps.saturating_add(missing);
            return true;
        }
        if room {
            let agent_id = Arc::clone(&registration.agent_id);
            self.agents
                .insert(agent_id, Box::new(Agent::registered(registration, now)));
        }
        room
    }

    /// Stores what a registered agent reports, and hands back the report before it. `Err` for an
    /// agent nobody here knows, which stores nothing.
    pub fn heartbeat(
        &mut self,
        agent_id: &str,
        config_hash: &str,
        report: Echo,
        now: Moment,
    ) -> Result<Option<Echo>, Echo> {
        match self.agents.get_mut(agent_id) {
            Some(agent) if !agent.is_stranger() => {
                let served = &self.config.hash;
                agent.ballot = Some(self.census.count(agent.ballot, config_hash, served));
                Ok(agent.heartbeat(report, now))
            }
            Some(_) | None => Err(report),
        }
    }

    /// How many events the agent's last batch held, if this is that very batch.
    pub fn duplicate_of(&self, batch: Batch<'_>) -> Option<u32> {
        self.agents
            .get(batch.agent_id)?
            .sequence
            .duplicate_of(batch.sequence, batch.digest)
    }

    /// Takes a batch, or acknowledges it again.
    pub fn take(&mut self, batch: Batch<'_>, now: Moment) -> Receipt {
        let standing = match self.sender(batch.agent_id, now) {
            Some(agent) => agent.take(batch, now),
            None => Standing::Baseline,
        };
        let accepted = match standing {
            Standing::Duplicate(events) => {
                self.duplicates += 1;
                events
            }
            Standing::Baseline | Standing::InOrder | Standing::Gap(_) | Standing::Regression => {
                self.totals.batches_accepted_total += 1;
                self.totals.accepted_events_total += u64::from(batch.events);
                batch.events
            }
        };
        match standing {
            Standing::Gap(missing) => self.gaps = self.gaps.saturating_add(missing),
            Standing::Regression => self.regressions += 1,
            Standing::Baseline | Standing::InOrder | Standing::Duplicate(_) => {}
        }
        Receipt {
            accepted,
            standing,
            generation: self.config.generation,
        }
    }

    /// Counts a batch that was refused, of so many events as could be told.
    pub fn reject(&mut self, events: u64) {
        self.totals.batches_rejected_total += 1;
        self.totals.rejected_events_total += events;
    }

    pub fn summary(&self) -> Summary {
        Summary {
            config: self.config(),
            totals: self.totals,
            agents: count(self.agents.len() - self.strangers),
            strangers: count(self.strangers),
            forgotten: self.forgotten,
            gaps: self.gaps,
            regressions: self.regressions,
            duplicates: self.duplicates,
        }
    }

    pub fn census(&self) -> Census {
        self.census.clone()
    }

    /// Copies the rows of up to `scan_max` agents after `after` in the order of their ids. The
    /// answer is where the next page begins, or `None` after the last agent.
    pub fn page(
        &self,
        after: Option<&Arc<str>>,
        scan_max: usize,
        rows: &mut Vec<Snapshot>,
    ) -> Option<Arc<str>> {
        let mut place = Place::default();
        for (agent_id, agent) in self.following(after).take(scan_max) {
            rows.extend(agent.snapshot(agent_id));
            place.pass(agent_id);
        }
        place.next(scan_max)
    }

    fn following(&self, after: Option<&Arc<str>>) -> impl Iterator<Item = (&Arc<str>, &Agent)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.agents.range::<Arc<str>, _>((from, Bound::Unbounded));
        range.map(|(agent_id, agent)| (agent_id, &**agent))
    }

    /// Forgets, among up to `scan_max` agents after `after`, those not heard since `silent_ms`
    /// ago (never, if `None`). What is forgotten is handed out to be freed by the caller.
    pub fn forget(
        &mut self,
        after: Option<&Arc<str>>,
        scan_max: usize,
        silent_ms: Option<u64>,
        now: Moment,
    ) -> (Option<Arc<str>>, Vec<Forgotten>) {
        let mut place = Place::default();
        let mut silent = Vec::new();
        for (agent_id, agent) in self.following(after).take(scan_max) {
            let limit = match (agent.is_stranger(), silent_ms) {
                (true, limit) => {
                    Some(limit.map_or(STRANGER_KEPT_MS, |ms| ms.min(STRANGER_KEPT_MS)))
                }
                (false, limit) => limit,
            };
            if limit.is_some_and(|limit| now.uptime_ms.saturating_sub(agent.heard_ms) > limit) {
                silent.push(Arc::clone(agent_id));
            }
            place.pass(agent_id);
        }
        let next = place.next(scan_max);
        let forgotten = silent
            .iter()
            .filter_map(|agent_id| self.remove(agent_id))
            .collect();
        (next, forgotten)
    }

    fn remove(&mut self, agent_id: &Arc<str>) -> Option<Forgotten> {
        let (agent_id, agent) = self.agents.remove_entry(agent_id)?;
        if agent.is_stranger() {
            self.strangers -= 1;
        } else {
            self.forgotten += 1;
        }
        if let Some(ballot) = agent.ballot {
            self.census.leave(ballot);
        }
        Some(Forgotten {
            agent_id,
            _agent: agent,
        })
    }

    /// The record of whoever sends a batch; a stranger gets one while there is room.
    fn sender(&mut self, agent_id: &str, now: Moment) -> Option<&mut Agent> {
        if !self.agents.contains_key(agent_id) {
            if self.strangers >= STRANGERS_MAX {
                return None;
            }
            self.strangers += 1;
            self.agents
                .insert(agent_id.into(), Box::new(Agent::stranger(now)));
        }
        self.agents.get_mut(agent_id).map(|agent| &mut **agent)
    }
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// How far a walk in pages has come.
#[derive(Default)]
struct Place<'a> {
    passed: usize,
    last: Option<&'a Arc<str>>,
}

impl<'a> Place<'a> {
    fn pass(&mut self, agent_id: &'a Arc<str>) {
        self.passed += 1;
        self.last = Some(agent_id);
    }

    /// Where the next page begins; a page that was not full is the last.
    fn next(&self, scan_max: usize) -> Option<Arc<str>> {
        let full = self.passed >= scan_max;
        self.last.filter(|_| full).map(Arc::clone)
    }
}

/// An agent that was silent too long, on its way out.
#[derive(Debug)]
pub struct Forgotten {
    pub agent_id: Arc<str>,
    _agent: Box<Agent>,
}

#[cfg(test)]
mod tests;

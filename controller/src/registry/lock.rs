//! The one lock of the controller, and how long it was ever held.
//!
//! A panic elsewhere must not take the registry with it: a poisoned lock is taken all the same,
//! which is sound because no method of the registry can stop half-way.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Registry;

#[derive(Debug)]
pub struct Shared {
    registry: Mutex<Registry>,
    longest_hold_ns: AtomicU64,
}

impl Shared {
    pub fn new(registry: Registry) -> Self {
        Self {
            registry: Mutex::new(registry),
            longest_hold_ns: AtomicU64::new(0),
        }
    }

    /// Runs `work` with the lock held. Nothing that reads, writes, parses or renders belongs in
    /// it.
    pub fn with<T>(&self, work: impl FnOnce(&mut Registry) -> T) -> T {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let since = Instant::now();
        let result = work(&mut registry);
        drop(registry);
        let held_ns = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        if held_ns > self.longest_hold_ns.load(Ordering::Relaxed) {
            self.longest_hold_ns.fetch_max(held_ns, Ordering::Relaxed);
        }
        result
    }

    /// By the clock on the wall: a holder that was scheduled away counts in full.
    pub fn longest_hold(&self) -> Duration {
        Duration::from_nanos(self.longest_hold_ns.load(Ordering::Relaxed))
    }
}

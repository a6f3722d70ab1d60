//! The one lock of the controller, and how long it was held.
//!
//! A panic elsewhere must not take the registry with it: a poisoned lock is taken all the same,
//! which is sound because no method of the registry can stop half-way.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Registry;

/// Longer than this nobody should have to wait for another.
const LONG: Duration = Duration::from_millis(1);

/// How long the lock was held, by the clock on the wall: a holder that was scheduled away counts
/// in full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holds {
    pub total: u64,
    /// Of them, those of more than a millisecond.
    pub long: u64,
    pub longest: Duration,
}

#[derive(Debug)]
struct Held {
    registry: Registry,
    holds: Holds,
}

#[derive(Debug)]
pub struct Shared {
    held: Mutex<Held>,
}

impl Shared {
    pub fn new(registry: Registry) -> Self {
        Self {
            held: Mutex::new(Held {
                registry,
                holds: Holds::default(),
            }),
        }
    }

    /// Runs `work` with the lock held. Nothing that reads, writes, parses or renders belongs in
    /// it.
    pub fn with<T>(&self, work: impl FnOnce(&mut Registry) -> T) -> T {
        let mut held = self.lock();
        let since = Instant::now();
        let result = work(&mut held.registry);
        let lasted = since.elapsed();
        held.holds.total += 1;
        held.holds.long += u64::from(lasted > LONG);
        held.holds.longest = held.holds.longest.max(lasted);
        result
    }

    pub fn holds(&self) -> Holds {
        self.lock().holds
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! When something happened, in the two ways the controller needs it.
//!
//! Handlers are handed the moment of their request and ask no clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A moment, read once per request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// For people; may jump.
    pub unix_seconds: u64,
    /// Since the controller started; never goes backwards.
    pub uptime_ms: u64,
}

/// The clock of one controller.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    pub fn now(&self) -> Moment {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH);
        Moment {
            // A clock before 1970 is a machine that was not set: zero says so.
            unix_seconds: unix.map_or(0, |since| since.as_secs()),
            uptime_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }
}

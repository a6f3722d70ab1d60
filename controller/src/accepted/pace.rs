//! Whether the copy keeps up, so that a slow disk costs batches their answer and nobody else theirs.
//!
//! Handlers wait for their batch to be written. When writing has become slow, letting every one of
//! them wait would hold up heartbeats and a stop; so all but an occasional probe are refused at
//! once, and the first probe that is quick again opens the way. No clock here: time is passed in.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// An order that took so long says that the copy does not keep up.
pub const SLOW_MS_MIN: u64 = 250;

/// While it does not, one batch in so long is let through to see.
const PROBE_MS: u64 = 500;

#[derive(Debug, Default)]
pub struct Pace {
    slow: AtomicBool,
    /// Somebody gave up, and no order has been quick since.
    given_up: AtomicBool,
    next_probe_ms: AtomicU64,
}

impl Pace {
    /// An order is done. True for the first quick one after somebody gave up.
    pub fn took(&self, ms: u64) -> bool {
        let slow = ms >= SLOW_MS_MIN;
        self.slow.store(slow, Ordering::Release);
        !slow && self.given_up.swap(false, Ordering::AcqRel)
    }

    /// A handler stopped waiting. True for the first to do so.
    pub fn gave_up(&self) -> bool {
        self.slow.store(true, Ordering::Release);
        !self.given_up.swap(true, Ordering::AcqRel)
    }

    /// Whether a batch may wait for the writer now.
    pub fn admits(&self, now_ms: u64) -> bool {
        if !self.slow.load(Ordering::Acquire) {
            return true;
        }
        let due = self.next_probe_ms.load(Ordering::Acquire);
        now_ms >= due
            && self
                .next_probe_ms
                .compare_exchange(due, now_ms + PROBE_MS, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_writer_admits_everyone() {
        let pace = Pace::default();
        pace.took(SLOW_MS_MIN - 1);
        assert!((0..100).all(|_| pace.admits(7)));
    }

    #[test]
    fn a_slow_one_admits_a_probe_at_a_time_until_one_is_quick() {
        for give_up in [false, true] {
            let pace = Pace::default();
            assert!(!pace.took(SLOW_MS_MIN));
            assert!(!give_up || pace.gave_up());
            assert!(pace.admits(1_000));
            assert!(!pace.admits(1_000));
            assert!(!pace.admits(1_000 + PROBE_MS - 1));
            assert!(pace.admits(1_000 + PROBE_MS));
            assert_eq!(pace.took(0), give_up);
            assert!((0..100).all(|_| pace.admits(1_000 + PROBE_MS)));
        }
    }

    #[test]
    fn giving_up_and_being_quick_again_are_news_once() {
        let pace = Pace::default();
        for _ in 0..2 {
            assert_eq!([pace.gave_up(), pace.gave_up()], [true, false]);
            assert!(!pace.took(SLOW_MS_MIN), "still slow");
            assert!(!pace.gave_up());
            assert_eq!([pace.took(0), pace.took(0)], [true, false]);
        }
    }
}

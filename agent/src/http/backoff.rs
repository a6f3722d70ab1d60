//! When to try again: exponential, capped, with full jitter, so that a fleet that failed together
//! does not come back together.

use std::time::Duration;

/// Pseudo-random numbers for jitter; nothing secret hangs on them (SplitMix64).
#[derive(Debug, Clone)]
pub struct Chance {
    state: u64,
}

impl Chance {
    /// Whoever seeds two of them alike gets the same numbers twice.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Another one, that goes its own way.
    pub fn fork(&mut self) -> Self {
        Self::new(self.next())
    }

    /// Anything from nothing to `most`.
    pub fn up_to(&mut self, most: Duration) -> Duration {
        let nanos = crate::clock::nanos(most);
        Duration::from_nanos(self.next() % nanos.saturating_add(1).max(1))
    }
}

/// The delays between attempts that fail.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
}

impl Backoff {
    /// The first delay is up to `first`, every further one up to twice as much, never over `most`.
    pub fn new(first: Duration, most: Duration) -> Self {
        Self {
            first,
            most,
            failures: 0,
        }
    }

    /// After one more failure: how long to wait.
    pub fn delay(&mut self, chance: &mut Chance) -> Duration {
        let doubled = 1u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1);
        chance.up_to(self.first.saturating_mul(doubled).min(self.most))
    }

    /// The last attempt failed.
    pub fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// It worked.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_cap_and_use_all_of_their_range() {
        let (first, most) = (Duration::from_secs(1), Duration::from_secs(20));
        for (failures, cap) in [(0, 1), (1, 2), (2, 4), (4, 16), (5, 20), (31, 20), (70, 20)] {
            let cap = Duration::from_secs(cap);
            let mut chance = Chance::new(7);
            let delays: Vec<Duration> = (0..1_000)
                .map(|_| {
                    let mut backoff = Backoff::new(first, most);
                    backoff.failures = failures;
                    backoff.delay(&mut chance)
                })
                .collect();
            assert!(delays.iter().all(|delay| *delay <= cap));
            assert!(delays.iter().any(|delay| *delay < cap / 10));
            assert!(delays.iter().any(|delay| *delay > cap / 10 * 9));
        }
    }

    #[test]
    fn success_begins_anew() {
        let mut backoff = Backoff::new(Duration::from_millis(1), Duration::from_secs(60));
        let mut chance = Chance::new(1);
        for _ in 0..40 {
            backoff.delay(&mut chance);
        }
        backoff.reset();
        assert!(backoff.delay(&mut chance) <= Duration::from_millis(1));
    }

    #[test]
    fn up_to_nothing_is_nothing() {
        assert_eq!(Chance::new(3).up_to(Duration::ZERO), Duration::ZERO);
    }
}

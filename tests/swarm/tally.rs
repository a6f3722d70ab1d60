//! What a swarm did, second by second.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// One second, or all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections tried, those that were refused included.
    pub connections: u64,
    pub requests: u64,
    /// Turns that failed, whatever the reason.
    pub failures: u64,
    /// How much later than it was due a turn began, at the most: a crowd that is held up itself
    /// says nothing of the controller.
    pub late_ms_max: u64,
}

/// Since a moment, in seconds from it.
#[derive(Debug)]
pub struct Tally {
    start: Instant,
    seconds: Vec<Counts>,
    /// How often a turn failed of what, for people.
    pub reasons: BTreeMap<String, u64>,
}

impl Tally {
    pub fn new(start: Instant) -> Self {
        Self {
            start,
            seconds: Vec::new(),
            reasons: BTreeMap::new(),
        }
    }

    pub fn at(&mut self, now: Instant) -> &mut Counts {
        let second = self.second(now);
        if self.seconds.len() <= second {
            self.seconds.resize(second + 1, Counts::default());
        }
        &mut self.seconds[second]
    }

    fn second(&self, moment: Instant) -> usize {
        let since = moment.saturating_duration_since(self.start).as_secs();
        usize::try_from(since).unwrap_or(usize::MAX)
    }

    pub fn total(&self) -> Counts {
        self.seconds
            .iter()
            .fold(Counts::default(), |sum, second| Counts {
                connections: sum.connections + second.connections,
                requests: sum.requests + second.requests,
                failures: sum.failures + second.failures,
                late_ms_max: sum.late_ms_max.max(second.late_ms_max),
            })
    }

    /// The whole seconds between two moments.
    fn between(&self, from: Instant, to: Instant) -> &[Counts] {
        let whole = from + Duration::from_millis(999);
        let (from, to) = (self.second(whole), self.second(to));
        self.seconds
            .get(from..to.min(self.seconds.len()))
            .unwrap_or_default()
    }

    /// The mean of a second.
    pub fn mean(&self, from: Instant, to: Instant, of: fn(&Counts) -> u64) -> f64 {
        let seconds = self.between(from, to);
        let sum: u64 = seconds.iter().map(of).sum();
        sum as f64 / seconds.len() as f64
    }

    /// The most in one second.
    pub fn peak(&self, from: Instant, to: Instant, of: fn(&Counts) -> u64) -> u64 {
        let seconds = self.between(from, to);
        seconds.iter().map(of).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_peaks_are_of_whole_seconds() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut tally = Tally::new(start);
        for (second, requests) in [5, 2, 4, 9].into_iter().enumerate() {
            tally.at(at(second as u64 * 1_000 + 500)).requests += requests;
        }
        let requests = |counts: &Counts| counts.requests;
        assert_eq!(tally.mean(at(500), at(3_500), requests), 3.0);
        assert_eq!(tally.peak(at(500), at(3_500), requests), 4);
        assert_eq!(tally.peak(at(0), at(9_000), requests), 9);
        assert!(tally.mean(at(1_200), at(1_900), requests).is_nan());
    }
}

//! When something is due: on a grid of its own interval, and after a failure by backoff.
//!
//! Where on the grid an agent stands is chance, and it stays there, also after an outage: agents
//! that were restarted together do not come together, and do not bunch when a controller returns.
//! Pure: boot time is passed in.

use std::time::Duration;

use crate::clock::nanos;
use crate::http::{Backoff, Chance};

/// The first retry comes within this time, or within a quarter of the interval if that is longer: a
/// fleet of long intervals must not knock at a dead door much oftener than at an open one.
const RETRY_FIRST: Duration = Duration::from_secs(1);

/// One kind of call.
#[derive(Debug)]
pub struct Rhythm {
    interval: Duration,
    grid_at: u64,
    due_at: u64,
    backoff: Backoff,
}

impl Rhythm {
    /// Due `phase` after `start`, and from there every `interval`.
    pub fn new(interval: Duration, start: u64, phase: Duration) -> Self {
        let into = nanos(phase) % nanos(interval).max(1);
        let grid_at = start.saturating_add(into);
        Self {
            interval,
            grid_at,
            due_at: grid_at,
            // Full jitter has half the cap in the mean: a fleet that retries comes as often as one
            // that does not, or a little more so.
            backoff: Backoff::new(
                RETRY_FIRST.max(interval / 4).min(interval),
                interval.mul_f64(1.5),
            ),
        }
    }

    pub fn due_at(&self) -> u64 {
        self.due_at
    }

    pub fn is_due(&self, now: u64) -> bool {
        self.due_at <= now
    }

    pub fn make_due(&mut self, now: u64) {
        self.due_at = now;
    }

    /// It worked: due again at the next place on the grid.
    pub fn succeed(&mut self, now: u64) {
        self.backoff.reset();
        let interval = nanos(self.interval).max(1);
        let passed = now.saturating_sub(self.grid_at) / interval;
        let next = self.grid_at.saturating_add(passed.saturating_mul(interval));
        self.due_at = if next > now {
            next
        } else {
            next.saturating_add(interval)
        };
    }

    /// The last one did not work.
    pub fn is_failing(&self) -> bool {
        self.backoff.is_failing()
    }

    /// Calls that failed together and equally often are given equal luck, and so one retry.
    pub fn fail(&mut self, now: u64, luck: &Chance) {
        let delay = self.backoff.delay(&mut luck.clone());
        self.due_at = now.saturating_add(nanos(delay));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn rhythm(interval: u64, start: u64, phase: u64) -> Rhythm {
        let seconds = Duration::from_secs;
        Rhythm::new(seconds(interval), start * SECOND, seconds(phase))
    }

    #[test]
    fn it_keeps_to_its_grid_however_late_a_turn_was() {
        let mut beat = rhythm(30, 100, 7);
        assert_eq!(beat.due_at(), 107 * SECOND);
        for (now, due) in [(107, 137), (136, 137), (137, 167), (150, 167), (300, 317)] {
            beat.succeed(now * SECOND);
            assert_eq!(beat.due_at(), due * SECOND, "{now}");
        }
    }

    #[test]
    fn what_came_before_the_first_place_on_the_grid_comes_again_there() {
        let mut beat = rhythm(30, 100, 7);
        beat.succeed(103 * SECOND);
        assert_eq!(beat.due_at(), 107 * SECOND);
    }

    #[test]
    fn rhythms_of_one_phase_meet_where_one_interval_holds_the_other() {
        let (poll, beat) = (rhythm(30, 100, 27), rhythm(10, 100, 27));
        assert_eq!(poll.due_at(), 127 * SECOND);
        assert_eq!(beat.due_at(), 107 * SECOND);
    }

    #[test]
    fn what_failed_together_is_tried_again_together() {
        let (mut poll, mut beat) = (rhythm(30, 0, 0), rhythm(30, 0, 0));
        let mut chance = Chance::new(5);
        for failures in 0..8 {
            let luck = chance.fork();
            poll.fail(0, &luck);
            beat.fail(0, &luck);
            assert_eq!(poll.due_at(), beat.due_at());
            let cap = ((15 * SECOND / 2) << failures).min(45 * SECOND);
            assert!(poll.due_at() <= cap, "{failures}");
        }
    }
}

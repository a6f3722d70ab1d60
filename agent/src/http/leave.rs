//! How a thread that talks to somebody slow still leaves in time.
//!
//! Until the agent is asked to leave, a wait lasts as long as its own deadline. From then on all
//! waits of the thread together may last for the grace, and not a moment longer.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use crate::clock;
use crate::stop::{Stop, await_any};

/// One thread's leaving.
#[derive(Debug)]
pub struct Leave<'a> {
    stop: &'a Stop,
    grace: Duration,
    /// Boot time at which the grace is over, once the agent was seen to leave.
    until: Cell<Option<u64>>,
}

/// What a wait came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    Ready,
    /// The deadline has passed.
    Late,
    /// The agent leaves and the grace is over.
    Left,
}

impl<'a> Leave<'a> {
    /// With a grace of zero every wait ends as soon as the agent is asked to leave.
    pub fn new(stop: &'a Stop, grace: Duration) -> Self {
        Self {
            stop,
            grace,
            until: Cell::new(None),
        }
    }

    /// Whether the agent is asked to leave.
    pub fn is_asked(&self) -> bool {
        self.until.get().is_some() || (self.stop.is_closed() && self.ask())
    }

    /// Whether it is, and the grace is over too.
    pub fn is_over(&self) -> bool {
        self.is_asked()
            && self
                .until
                .get()
                .is_some_and(|until| clock::boot_nanos() >= until)
    }

    /// Waits so long, or until the agent is asked to leave; says whether it is.
    pub fn pause(&self, limit: Duration) -> bool {
        self.is_asked() || (self.stop.wait(Some(limit)) && self.ask())
    }

    /// Waits for one of `events` until `deadline` (boot time) or the end of the grace.
    pub fn await_io(&self, source: BorrowedFd<'_>, events: libc::c_short, deadline: u64) -> Waited {
        loop {
            let until = self.until.get();
            let end = until.map_or(deadline, |until| until.min(deadline));
            let left = Duration::from_nanos(end.saturating_sub(clock::boot_nanos()));
            let is_ready = match until {
                Some(_) => await_any(&[(source, events)], Some(left))[0],
                None => {
                    let waits = [(source, events), (self.stop.as_fd(), libc::POLLIN)];
                    let [is_ready, stops] = await_any(&waits, Some(left));
                    if stops && !is_ready && self.ask() {
                        continue;
                    }
                    is_ready
                }
            };
            return match (is_ready, until) {
                (true, _) => Waited::Ready,
                (false, Some(until)) if until <= deadline => Waited::Left,
                (false, _) => Waited::Late,
            };
        }
    }

    /// The agent is asked to leave: from here the grace counts.
    fn ask(&self) -> bool {
        if self.until.get().is_none() {
            self.until.set(Some(clock::boot_nanos_in(self.grace)));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_wait_lasts_for_its_deadline_and_no_longer() {
        let (stop, quiet) = (
            Stop::new().expect("an eventfd"),
            Stop::new().expect("an eventfd"),
        );
        let leave = Leave::new(&stop, LONG);
        let deadline = clock::boot_nanos_in(Duration::from_millis(20));
        assert_eq!(
            leave.await_io(quiet.as_fd(), libc::POLLIN, deadline),
            Waited::Late
        );
        assert!(!leave.is_asked());
        drop(quiet.guard());
        assert_eq!(
            leave.await_io(quiet.as_fd(), libc::POLLIN, deadline),
            Waited::Ready
        );
    }

    #[test]
    fn all_waits_together_last_for_the_grace_once_the_agent_leaves() {
        let (stop, quiet) = (
            Stop::new().expect("an eventfd"),
            Stop::new().expect("an eventfd"),
        );
        let leave = Leave::new(&stop, Duration::from_millis(20));
        drop(stop.guard());
        let deadline = clock::boot_nanos_in(LONG);
        let began = clock::boot_nanos();
        for _ in 0..3 {
            assert_eq!(
                leave.await_io(quiet.as_fd(), libc::POLLIN, deadline),
                Waited::Left
            );
        }
        assert!(leave.is_over());
        assert!(leave.pause(LONG));
        assert!(clock::boot_nanos() - began < clock::nanos(LONG));
    }
}

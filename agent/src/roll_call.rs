//! The roll call: somebody asks how the agent is, and each thread that events go through answers.
//!
//! Questions are numbered. A ring thread waits for the bell beside its ring, and says up to which
//! number it has heard; the batch thread, which it wakes with that, reads it and tells whoever
//! asked. While nobody asks, nobody wakes.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use tapio_common::catalogue::Observer;

use crate::bell::Bell;

/// What a ring that no thread reads has heard.
const NOBODY: u64 = u64::MAX;

/// The questions so far, and who has heard them.
#[derive(Debug)]
pub struct RollCall {
    asked: AtomicU64,
    /// Rung and never silenced: whoever waits is woken by each ring of it.
    bell: Bell,
    rings: Vec<(Observer, AtomicU64)>,
}

impl RollCall {
    pub fn of(observers: &[Observer]) -> io::Result<Self> {
        let ring = |observer: &Observer| (*observer, AtomicU64::new(NOBODY));
        Ok(Self {
            asked: AtomicU64::new(0),
            bell: Bell::new()?,
            rings: observers.iter().map(ring).collect(),
        })
    }

    /// Asks everybody.
    pub fn call(&self) {
        self.asked.fetch_add(1, Ordering::Release);
        self.bell.ring();
    }

    /// The number of the newest question.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Acquire)
    }

    /// The thread of this ring is there, and has heard all that was asked so far.
    pub fn answer(&self, observer: Observer) {
        for (_, heard) in self.rings.iter().filter(|(name, _)| *name == observer) {
            heard.store(self.asked(), Ordering::Release);
        }
    }

    /// Up to which number each ring's thread has heard.
    pub fn heard(&self) -> impl Iterator<Item = (Observer, u64)> {
        let rings = self.rings.iter();
        rings
            .map(|(observer, heard)| (*observer, heard.load(Ordering::Acquire)))
            .filter(|(_, heard)| *heard != NOBODY)
    }
}

/// To be waited on edge by edge.
impl AsFd for RollCall {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rings_with_a_thread_are_waited_for() {
        let roll = RollCall::of(&[Observer::Network, Observer::Container]).expect("an eventfd");
        roll.call();
        assert_eq!(roll.heard().count(), 0);
        roll.answer(Observer::Container);
        roll.call();
        roll.answer(Observer::Storage);
        let heard: Vec<_> = roll.heard().collect();
        assert_eq!((roll.asked(), heard), (2, vec![(Observer::Container, 1)]));
    }
}

//! The folds that are open, by when they are to be closed.
//!
//! A fold is opened by the kernel, with the record that says so, and stands for the facts of one
//! window. Windows differ in length, so the next to close is not always the first that opened.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use tapio_common::abi::shared::FOLD_SLOTS;
use tapio_common::catalogue::Observer;
use tapio_common::time::Now;

use crate::observer::Anomalous;

/// A program that began within the window may still add to the slot a moment later.
const MARGIN_NS: u64 = 10_000_000;

/// A slot is open once at a time, so there are no more than this for one observer.
const OPEN_MAX: usize = FOLD_SLOTS as usize * Observer::ALL.len();

/// Ordered by the moment it is due.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Open {
    due_boot_ns: u64,
    observer: Observer,
    slot: u32,
}

#[derive(Debug, Default)]
pub struct OpenFolds {
    heap: BinaryHeap<Reverse<Open>>,
}

impl OpenFolds {
    /// Remembers the fold that this anomaly opens, if it opens one.
    pub fn note(&mut self, anomalous: &Anomalous) {
        let Some(slot) = anomalous.fold() else {
            return;
        };
        // What does not fit is found by the sweep at the end, late but not lost.
        if self.heap.len() < OPEN_MAX {
            self.heap.push(Reverse(Open {
                due_boot_ns: anomalous.fold_ends_boot_ns().saturating_add(MARGIN_NS),
                observer: anomalous.anomaly.observer(),
                slot,
            }));
        }
    }

    /// The next fold whose window is over.
    pub fn due(&mut self, now: Now) -> Option<(Observer, u32)> {
        let Reverse(open) = self.heap.peek()?;
        if open.due_boot_ns > now.boot_nanos {
            return None;
        }
        self.heap
            .pop()
            .map(|Reverse(open)| (open.observer, open.slot))
    }

    /// How long until then.
    pub fn next_in(&self, now: Now) -> Option<Duration> {
        let Reverse(open) = self.heap.peek()?;
        let left = open.due_boot_ns.saturating_sub(now.boot_nanos);
        Some(Duration::from_nanos(left))
    }
}

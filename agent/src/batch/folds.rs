//! The folds that are open, by when they are to be closed.
//!
//! A fold is opened by the kernel, with the record that says so, and stands for the facts of one
//! window. Windows differ in length, so the next to close is not always the first that opened. Where
//! such a record got lost behind the ring, nobody knows which slot it opened: all are looked at
//! once a window has passed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use tapio_common::abi::shared::{FOLD_SLOTS, FOLD_WINDOW_NS};
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
    /// How many records that open a fold are known to have got lost.
    unopened: u64,
    sweep_due_boot_ns: Option<u64>,
}

impl OpenFolds {
    /// Remembers the fold that this anomaly opens, if it opens one.
    pub fn note(&mut self, anomalous: &Anomalous) {
        let Some(slot) = anomalous.fold() else {
            return;
        };
        // What does not fit is found by a sweep, late but not lost.
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

    /// So many records that open a fold got lost by now.
    pub fn lose(&mut self, unopened: u64, now: Now) {
        if self.unopened == unopened {
            return;
        }
        self.unopened = unopened;
        let due = now.boot_nanos.saturating_add(FOLD_WINDOW_NS + MARGIN_NS);
        self.sweep_due_boot_ns.get_or_insert(due);
    }

    /// Whether it is time to look at every slot.
    pub fn sweep(&mut self, now: Now) -> bool {
        let is_due = |due: &mut u64| *due <= now.boot_nanos;
        self.sweep_due_boot_ns.take_if(is_due).is_some()
    }

    /// How long until the next fold or sweep is due.
    pub fn next_in(&self, now: Now) -> Option<Duration> {
        let of_heap = self.heap.peek().map(|Reverse(open)| open.due_boot_ns);
        let due = of_heap.into_iter().chain(self.sweep_due_boot_ns).min()?;
        Some(Duration::from_nanos(due.saturating_sub(now.boot_nanos)))
    }
}

#[cfg(test)]
mod tests {
    use tapio_common::time::Timestamp;

    use super::*;

    fn at(boot_nanos: u64) -> Now {
        Now {
            wall: Timestamp(boot_nanos),
            boot_nanos,
        }
    }

    /// What opened the fold got lost at the queue: its slot is looked at when a window has passed,
    /// however many more get lost meanwhile.
    #[test]
    fn a_fold_nobody_heard_of_is_looked_for_after_a_window() {
        let mut folds = OpenFolds::default();
        folds.lose(0, at(7));
        assert_eq!(folds.next_in(at(7)), None);
        folds.lose(1, at(10));
        folds.lose(5, at(20));
        let due = 10 + FOLD_WINDOW_NS + MARGIN_NS;
        assert_eq!(folds.next_in(at(10)), Some(Duration::from_nanos(due - 10)));
        assert!(!folds.sweep(at(due - 1)));
        assert!(folds.sweep(at(due)));
        assert_eq!(
            (folds.sweep(at(due)), folds.next_in(at(due))),
            (false, None)
        );
        folds.lose(5, at(due));
        assert_eq!(folds.next_in(at(due)), None, "one sweep for one loss");
    }
}

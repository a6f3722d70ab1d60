//! The loss ledger: every fact that was caused, and where it went.
//!
//! One ledger describes one agent run. Each stage counts where it happens; at rest three sums are
//! equal, exactly, and [`Ledger::check`] says which one is not. Keys come from closed sets (the
//! catalogue, the sinks, the drop reasons) and rows of zeros are left out of the JSON. What an
//! observer's kernel cannot count (`missed`) is absent, not zero.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

/// The version of the JSON below.
pub const FORMAT: u32 = 1;

fn is_zero(value: &u64) -> bool {
    *value == 0
}

macro_rules! counters {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct $name {
            $($(#[$field_doc])*
            #[serde(skip_serializing_if = "is_zero")]
            pub $field: u64,)+
        }

        impl $name {
            pub fn is_zero(&self) -> bool {
                *self == Self::default()
            }

            /// Every counter with its name, in the order of the stages.
            pub fn rows(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($field), self.$field)),+].into_iter()
            }
        }
    };
}

counters! {
    /// The way of one type's facts, from the predicate in the kernel to the batcher.
    TypeCounts {
        /// Facts for which the raw predicate held, before folding and filters.
        seen,
        /// Closing records of folds: they enter the flow beside the facts they stand for.
        summaries,
        /// Out of scope, an ignored code, below a count, or no failure after all.
        filtered,
        /// Facts that a fold stands for.
        aggregated,
        /// Facts that could not be tied to one object.
        ambiguous,
        /// No room in the ring.
        lost,
        /// Records handed to the ring, or to the batcher for a summary.
        submitted,
        /// Records read back and parsed.
        received,
        /// Parsed, and no anomaly.
        ignored,
        /// No room between the ring thread and the batcher.
        queue_drops,
        /// Occurrences handed to the sinks.
        emitted,
    }
}

/// What an observer as a whole can lose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObserverCounts {
    /// Runs the kernel skipped; `None` where this kernel does not count them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missed: Option<u64>,
    /// Submitted and not yet read.
    #[serde(skip_serializing_if = "is_zero")]
    pub in_ring: u64,
    /// Records whose bytes were not a record.
    #[serde(skip_serializing_if = "is_zero")]
    pub malformed: u64,
}

/// What became of the occurrences given to one sink.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SinkCounts {
    #[serde(skip_serializing_if = "is_zero")]
    pub delivered: u64,
    /// Delivered as well, and emitted by an earlier run: no part of the sum.
    #[serde(skip_serializing_if = "is_zero")]
    pub earlier: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub pending: u64,
    /// By reason; the reasons are the sink's own closed set.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dropped: BTreeMap<String, u64>,
    /// Dropped as well, and emitted by an earlier run: no part of the sum.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub earlier_dropped: BTreeMap<String, u64>,
}

impl SinkCounts {
    pub fn dropped_total(&self) -> u64 {
        self.dropped.values().copied().fold(0, u64::saturating_add)
    }
}

/// The ledger of one agent run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    pub format: u32,
    pub boot_id: String,
    pub since_unix_nanos: u64,
    pub observers: BTreeMap<String, ObserverCounts>,
    pub types: BTreeMap<String, TypeCounts>,
    pub sinks: BTreeMap<String, SinkCounts>,
}

/// A sum that does not add up. At rest there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imbalance {
    /// The type, the observer or the sink it was found at.
    pub at: String,
    pub equation: &'static str,
    pub left: u128,
    pub right: u128,
}

impl fmt::Display for Imbalance {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{}: {} does not hold: {} != {}",
            self.at, self.equation, self.left, self.right
        )
    }
}

impl Ledger {
    /// Every equation that does not hold. Only at rest is an empty answer owed: in between,
    /// counters of different stages are read at different moments. A ledger may come from
    /// elsewhere and say anything, so the sums have room for it.
    pub fn check(&self) -> Vec<Imbalance> {
        let mut found = Vec::new();
        let mut expect = |at: &str, equation, left: &[u64], right: &[u64]| {
            let (left, right) = (wide_sum(left), wide_sum(right));
            if left != right {
                found.push(Imbalance {
                    at: at.to_owned(),
                    equation,
                    left,
                    right,
                });
            }
        };
        for (name, row) in &self.types {
            expect(
                name,
                "seen + summaries = filtered + aggregated + ambiguous + lost + submitted",
                &[row.seen, row.summaries],
                &[
                    row.filtered,
                    row.aggregated,
                    row.ambiguous,
                    row.lost,
                    row.submitted,
                ],
            );
            expect(
                name,
                "received = ignored + queue_drops + emitted",
                &[row.received],
                &[row.ignored, row.queue_drops, row.emitted],
            );
        }
        for name in self.observer_names() {
            let row = self.observers.get(name).copied().unwrap_or_default();
            let of_observer = |pick: fn(&TypeCounts) -> u64| -> Vec<u64> {
                self.types_of(name)
                    .map(|(_, counts)| pick(counts))
                    .collect()
            };
            let mut right = of_observer(|counts| counts.received);
            right.extend([row.in_ring, row.malformed]);
            expect(
                name,
                "submitted = in_ring + malformed + received",
                &of_observer(|counts| counts.submitted),
                &right,
            );
        }
        let emitted: Vec<u64> = self.types.values().map(|row| row.emitted).collect();
        for (name, row) in &self.sinks {
            let mut right: Vec<u64> = row.dropped.values().copied().collect();
            right.extend([row.delivered, row.pending]);
            expect(
                name,
                "emitted = delivered + pending + dropped",
                &emitted,
                &right,
            );
        }
        found
    }

    /// Nothing was on its way when it was put together.
    pub fn is_at_rest(&self) -> bool {
        self.observers.values().all(|row| row.in_ring == 0) && self.check().is_empty()
    }

    /// Every observer there is a row for, or a type of: a row of zeros is left out of the JSON,
    /// and its equation has to hold all the same.
    fn observer_names(&self) -> BTreeSet<&str> {
        let of_types = self.types.keys().filter_map(|name| name.split('.').nth(1));
        let mut names = BTreeSet::new();
        names.extend(self.observers.keys().map(String::as_str).chain(of_types));
        names
    }

    /// The rows of one observer's types, by the event type's own prefix.
    pub fn types_of<'a>(
        &'a self,
        observer: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a TypeCounts)> {
        self.types.iter().filter(move |(name, _)| {
            name.strip_prefix("kernel.")
                .and_then(|rest| rest.strip_prefix(observer))
                .is_some_and(|rest| rest.starts_with('.'))
        })
    }

    /// Leaves out the rows in which nothing was counted.
    pub fn without_zero_rows(mut self) -> Self {
        self.types.retain(|_, row| !row.is_zero());
        self.observers
            .retain(|_, row| *row != ObserverCounts::default());
        self
    }
}

fn wide_sum(counters: &[u64]) -> u128 {
    counters.iter().copied().map(u128::from).sum()
}

#[cfg(test)]
mod tests;

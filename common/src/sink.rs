//! What a sink is to the batcher, and how its counts are kept.
//!
//! A sink's front lives on the batch thread and never waits for anything remote: what does not fit
//! into its own bounded queue is dropped there, by reason. Every occurrence taken is accounted for
//! exactly once, as delivered, pending or dropped, in the [`SinkAccount`] the ledger is read from.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::catalogue::{Anomaly, Severity};
use crate::coverage::Entry;
use crate::ledger::{Ledger, SinkCounts};
use crate::time::{Now, Timestamp};

/// One occurrence as a sink gets it: the line, and what a sink may need without parsing it.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    /// The JSON object and its newline.
    pub line: &'a [u8],
    pub at: Timestamp,
    pub anomaly: Anomaly,
    pub severity: Severity,
}

/// Where occurrences go. All calls come from the one batch thread.
pub trait Sink {
    /// Takes one occurrence; never blocks on anything remote.
    fn take(&mut self, written: &Written<'_>);

    /// Ends a batch, or answers the time asked for: what was taken goes on its way.
    ///
    /// `Some(within)` asks for another call that soon even if nothing arrives (a file to sync, a
    /// segment to seal); `None` while nothing waits, so that an idle agent does not wake.
    fn flush(&mut self, now: Now) -> Option<Duration>;

    /// A sink that keeps evidence keeps beside it when and at what the agent was looking.
    fn cover(&mut self, _entry: &Entry) {}

    /// And how much it may have missed. Called when the ledger has changed, at a bounded rate.
    fn account(&mut self, _ledger: &Ledger) {}
}

macro_rules! drop_reasons {
    ($($(#[$doc:meta])+ $variant:ident $name:literal;)+) => {
        /// Why a sink could not deliver. One table for all sinks, so that no reason goes uncounted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum DropReason { $($(#[$doc])+ $variant),+ }

        impl DropReason {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

drop_reasons! {
    /// The sink's own queue had no room: its reader or its peer is slower than the events.
    QueueFull "queue_full";
    /// The agent left before the sink's peer had taken it.
    Stopped "stopped";
    /// Nobody reads the other end any more.
    Closed "closed";
    /// The disk or the quota is full.
    DiskFull "disk_full";
    /// The system refused the write for another reason.
    WriteFailed "write_failed";
    /// The peer refused it for good.
    Refused "refused";
    /// The evidence directory, from which it would have been read, could not take it.
    NotKept "not_kept";
    /// It could not be read back from the evidence directory.
    Unreadable "unreadable";
    /// Retention removed it before the peer could take it.
    Expired "expired";
}

/// The counts of one sink, written where things happen and read by whoever builds a ledger.
#[derive(Debug, Default)]
pub struct SinkAccount {
    delivered: AtomicU64,
    earlier: AtomicU64,
    queued: AtomicU64,
    unqueued: AtomicU64,
    dropped: [AtomicU64; DropReason::ALL.len()],
    earlier_dropped: [AtomicU64; DropReason::ALL.len()],
}

impl SinkAccount {
    /// Taken, and waiting in a queue.
    pub fn queue(&self, events: u64) {
        self.queued.fetch_add(events, Ordering::Relaxed);
    }

    /// Left the queue: [`deliver`](Self::deliver) or [`drop_for`](Self::drop_for) says where to.
    pub fn unqueue(&self, events: u64) {
        self.unqueued.fetch_add(events, Ordering::Relaxed);
    }

    pub fn deliver(&self, events: u64) {
        self.delivered.fetch_add(events, Ordering::Relaxed);
    }

    /// Delivered as well, and taken by an earlier run.
    pub fn deliver_earlier(&self, events: u64) {
        self.earlier.fetch_add(events, Ordering::Relaxed);
    }

    pub fn drop_for(&self, reason: DropReason, events: u64) {
        self.dropped[reason as usize].fetch_add(events, Ordering::Relaxed);
    }

    /// Dropped as well, and taken by an earlier run.
    pub fn drop_earlier_for(&self, reason: DropReason, events: u64) {
        self.earlier_dropped[reason as usize].fetch_add(events, Ordering::Relaxed);
    }

    /// Taken, and neither delivered nor dropped yet.
    pub fn pending(&self) -> u64 {
        // Who reads what is stored elsewhere may be done with it before it is counted as queued.
        let unqueued = self.unqueued.load(Ordering::Relaxed);
        self.queued.load(Ordering::Relaxed).saturating_sub(unqueued)
    }

    pub fn dropped_total(&self) -> u64 {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        self.dropped.iter().map(of).sum()
    }

    pub fn counts(&self) -> SinkCounts {
        SinkCounts {
            delivered: self.delivered.load(Ordering::Relaxed),
            earlier: self.earlier.load(Ordering::Relaxed),
            pending: self.pending(),
            dropped: by_reason(&self.dropped),
            earlier_dropped: by_reason(&self.earlier_dropped),
        }
    }
}

/// Those that were counted at all.
fn by_reason(counters: &[AtomicU64; DropReason::ALL.len()]) -> BTreeMap<String, u64> {
    let mut rows = BTreeMap::new();
    for (reason, counter) in DropReason::ALL.iter().zip(counters) {
        let events = counter.load(Ordering::Relaxed);
        if events > 0 {
            rows.insert(reason.name().to_owned(), events);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_name_and_a_counter_of_its_own() {
        let account = SinkAccount::default();
        for (at, reason) in (1..).zip(DropReason::ALL.iter().copied()) {
            account.drop_for(reason, at);
            account.drop_earlier_for(reason, 100 * at);
        }
        let counts = account.counts();
        assert_eq!(counts.dropped.len(), DropReason::ALL.len());
        for (at, reason) in (1..).zip(DropReason::ALL.iter()) {
            assert_eq!(counts.dropped[reason.name()], at);
            assert_eq!(counts.earlier_dropped[reason.name()], 100 * at);
        }
    }

    #[test]
    fn what_leaves_the_queue_is_pending_no_more() {
        let account = SinkAccount::default();
        account.queue(5);
        account.unqueue(3);
        account.deliver(2);
        account.drop_for(DropReason::Closed, 1);
        let counts = account.counts();
        assert_eq!(
            (counts.delivered, counts.pending, counts.dropped_total()),
            (2, 2, 1)
        );
    }
}

//! The agent's own half of the ledger: what was counted after the kernel's half.
//!
//! Every counter has one writer: a ring thread, the batch thread, a sink. Rows of different
//! threads stand on different cache lines. Whoever wants a ledger reads them all, at any time, and
//! puts them together with what the kernel counted; at rest the sums are equal.

use std::sync::atomic::{AtomicU64, Ordering};

use tapio_common::catalogue::{Anomaly, Observer};
use tapio_common::ledger::{FORMAT, Ledger, ObserverCounts, TypeCounts};
use tapio_common::sink::SinkAccount;
use tapio_common::time::Timestamp;

use crate::sink::name::SinkName;

const TYPES: usize = Anomaly::ALL.len();

/// A counter per type.
type Row = [AtomicU64; TYPES];

fn add_one(row: &Row, anomaly: Anomaly) {
    row[anomaly as usize].fetch_add(1, Ordering::Relaxed);
}

fn read(row: &Row, anomaly: Anomaly) -> u64 {
    row[anomaly as usize].load(Ordering::Relaxed)
}

/// What one observer's ring thread counts.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct RingAccount {
    received: Row,
    ignored: Row,
    queue_drops: Row,
    malformed: AtomicU64,
    /// Of the queue's drops, those that would have opened a fold.
    unopened_folds: AtomicU64,
}

impl RingAccount {
    pub fn receive(&self, anomaly: Anomaly) {
        add_one(&self.received, anomaly);
    }

    pub fn ignore(&self, anomaly: Anomaly) {
        add_one(&self.ignored, anomaly);
    }

    pub fn drop_at_queue(&self, anomaly: Anomaly) {
        add_one(&self.queue_drops, anomaly);
    }

    pub fn lose_opening(&self) {
        self.unopened_folds.fetch_add(1, Ordering::Relaxed);
    }

    pub fn malform(&self) {
        self.malformed.fetch_add(1, Ordering::Relaxed);
    }
}

/// What the batch thread counts.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct BatchAccount {
    emitted: Row,
    summaries: Row,
}

impl BatchAccount {
    pub fn emit(&self, anomaly: Anomaly) {
        add_one(&self.emitted, anomaly);
    }

    /// A closing record enters the flow here, as submitted and received at once.
    pub fn summarise(&self, anomaly: Anomaly) {
        add_one(&self.summaries, anomaly);
    }
}

/// What came of asking the controller for a config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchResult {
    Applied,
    Unchanged,
    Failed,
}

impl FetchResult {
    pub const ALL: &'static [Self] = &[Self::Applied, Self::Unchanged, Self::Failed];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
        }
    }
}

/// What the controller's threads count; all zeros where there is no controller.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct ControllerAccount {
    send_failures: AtomicU64,
    fetches: [AtomicU64; FetchResult::ALL.len()],
}

impl ControllerAccount {
    pub fn send_failures(&self) -> u64 {
        self.send_failures.load(Ordering::Relaxed)
    }

    pub fn fail_to_send(&self) {
        self.send_failures.fetch_add(1, Ordering::Relaxed);
    }

    pub fn fetch(&self, result: FetchResult) {
        self.fetches[result as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub fn fetches(&self, result: FetchResult) -> u64 {
        self.fetches[result as usize].load(Ordering::Relaxed)
    }
}

/// What the kernel counted for one observer, as the loader reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KernelCounts {
    /// The kernel's stages of every type; the agent's are zero.
    pub types: Vec<(Anomaly, TypeCounts)>,
    pub missed: Option<u64>,
    pub in_ring: u64,
    pub wants: Wants,
}

/// What found no room in a table of the kernel's side. It costs an event a field, named in its
/// `not_observed`, or a fold; never the event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wants {
    /// An owner, a sender.
    pub table_full: u64,
    /// Facts told one by one because other cgroups hold the slots.
    pub fold_collisions: u64,
}

/// The newest of them, for whoever shows them.
#[derive(Debug, Default)]
struct WantsRead {
    table_full: AtomicU64,
    fold_collisions: AtomicU64,
}

/// The counters of one agent run.
#[derive(Debug)]
pub struct Accounts {
    boot_id: String,
    since: Timestamp,
    rings: Vec<(Observer, RingAccount)>,
    wants: Vec<(Observer, WantsRead)>,
    /// Cgroups whose name found no room.
    unnamed: AtomicU64,
    batch: BatchAccount,
    sinks: Vec<(SinkName, SinkAccount)>,
    controller: ControllerAccount,
}

impl Accounts {
    pub fn new(
        boot_id: &str,
        since: Timestamp,
        observers: &[Observer],
        sinks: &[SinkName],
    ) -> Self {
        let blank = |name: &SinkName| (*name, SinkAccount::default());
        Self {
            boot_id: boot_id.to_owned(),
            since,
            rings: observers
                .iter()
                .map(|observer| (*observer, RingAccount::default()))
                .collect(),
            wants: observers
                .iter()
                .map(|observer| (*observer, WantsRead::default()))
                .collect(),
            unnamed: AtomicU64::new(0),
            batch: BatchAccount::default(),
            sinks: sinks.iter().map(blank).collect(),
            controller: ControllerAccount::default(),
        }
    }

    /// When the run began.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// Those that were asked for.
    pub fn observers(&self) -> impl Iterator<Item = Observer> {
        self.rings.iter().map(|(observer, _)| *observer)
    }

    pub fn controller(&self) -> &ControllerAccount {
        &self.controller
    }

    pub fn ring(&self, observer: Observer) -> Option<&RingAccount> {
        let row = self.rings.iter().find(|(name, _)| *name == observer);
        row.map(|(_, account)| account)
    }

    /// Records that got lost at the batcher's queue and would have opened a fold.
    pub fn unopened_folds(&self) -> u64 {
        let of_rings = self.rings.iter().map(|(_, ring)| &ring.unopened_folds);
        of_rings.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    pub fn batch(&self) -> &BatchAccount {
        &self.batch
    }

    pub fn sinks(&self) -> impl Iterator<Item = (SinkName, &SinkAccount)> {
        self.sinks.iter().map(|(name, account)| (*name, account))
    }

    fn keep_wants(&self, observer: Observer, wants: Wants) {
        for (_, read) in self.wants.iter().filter(|(name, _)| *name == observer) {
            read.table_full.store(wants.table_full, Ordering::Relaxed);
            read.fold_collisions
                .store(wants.fold_collisions, Ordering::Relaxed);
        }
    }

    /// As they were when the last ledger was put together.
    pub fn wants(&self) -> impl Iterator<Item = (Observer, Wants)> {
        self.wants.iter().map(|(observer, read)| {
            let wants = Wants {
                table_full: read.table_full.load(Ordering::Relaxed),
                fold_collisions: read.fold_collisions.load(Ordering::Relaxed),
            };
            (*observer, wants)
        })
    }

    /// So many cgroups have no name by now because there was no room for it.
    pub fn leave_unnamed(&self, cgroups: u64) {
        self.unnamed.store(cgroups, Ordering::Relaxed);
    }

    pub fn unnamed(&self) -> u64 {
        self.unnamed.load(Ordering::Relaxed)
    }

    /// Both halves put together.
    pub fn ledger(&self, mut kernel: impl FnMut(Observer) -> KernelCounts) -> Ledger {
        let mut ledger = Ledger {
            format: FORMAT,
            boot_id: self.boot_id.clone(),
            since_unix_nanos: self.since.0,
            ..Ledger::default()
        };
        for (observer, ring) in &self.rings {
            let counted = kernel(*observer);
            self.keep_wants(*observer, counted.wants);
            let counts = ObserverCounts {
                missed: counted.missed,
                in_ring: counted.in_ring,
                malformed: ring.malformed.load(Ordering::Relaxed),
            };
            ledger.observers.insert(observer.name().to_owned(), counts);
            for (anomaly, row) in counted.types {
                let row = self.complete(row, ring, anomaly);
                ledger.types.insert(anomaly.event_type().to_owned(), row);
            }
        }
        for (name, account) in self.sinks() {
            ledger
                .sinks
                .insert(name.name().to_owned(), account.counts());
        }
        ledger.without_zero_rows()
    }

    fn complete(&self, mut row: TypeCounts, ring: &RingAccount, anomaly: Anomaly) -> TypeCounts {
        let summaries = read(&self.batch.summaries, anomaly);
        row.summaries = summaries;
        row.submitted += summaries;
        row.received = read(&ring.received, anomaly) + summaries;
        row.ignored = read(&ring.ignored, anomaly);
        row.queue_drops = read(&ring.queue_drops, anomaly);
        row.emitted = read(&self.batch.emitted, anomaly);
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(_: Observer) -> KernelCounts {
        let row = TypeCounts {
            seen: 10,
            filtered: 1,
            aggregated: 3,
            lost: 1,
            submitted: 5,
            ..TypeCounts::default()
        };
        KernelCounts {
            types: vec![
                (Anomaly::AbnormalExit, row),
                (Anomaly::OomKill, TypeCounts::default()),
            ],
            missed: None,
            in_ring: 1,
            wants: Wants {
                table_full: 4,
                fold_collisions: 2,
            },
        }
    }

    /// Five submitted: one malformed, one still in the ring, one ignored, one without room, one
    /// emitted; and the closing record of the fold of three.
    fn busy() -> Accounts {
        let accounts = Accounts::new(
            "boot",
            Timestamp(5),
            &[Observer::Container],
            &[SinkName::Stdout],
        );
        let ring = accounts.ring(Observer::Container).expect("a row");
        let kind = Anomaly::AbnormalExit;
        ring.malform();
        (0..3).for_each(|_| ring.receive(kind));
        ring.ignore(kind);
        ring.drop_at_queue(kind);
        accounts.batch().summarise(kind);
        (0..2).for_each(|_| accounts.batch().emit(kind));
        let (_, sink) = accounts.sinks().next().expect("a sink");
        sink.deliver(2);
        accounts
    }

    #[test]
    fn both_halves_make_a_ledger_that_adds_up() {
        // A fold that is closed stands for three facts in one record, on top of what was submitted:
        // seen 10 + 1 summary = 1 filtered + 3 aggregated + 1 lost + 6 submitted.
        let ledger = busy().ledger(kernel);
        assert_eq!(ledger.check(), []);
        assert_eq!((ledger.format, ledger.since_unix_nanos), (FORMAT, 5));
        assert_eq!(ledger.types.len(), 1, "rows of zeros are left out");
        assert_eq!(ledger.observers["container"].malformed, 1);
    }

    #[test]
    fn what_found_no_room_is_kept_with_every_ledger() {
        let accounts = busy();
        accounts.ledger(kernel);
        let wants = kernel(Observer::Container).wants;
        assert_eq!(
            accounts.wants().collect::<Vec<_>>(),
            [(Observer::Container, wants)]
        );
    }

    #[test]
    fn whatever_is_counted_once_too_often_shows() {
        let kind = Anomaly::AbnormalExit;
        let nudges: [fn(&Accounts); 7] = [
            |accounts| accounts.rings[0].1.receive(Anomaly::AbnormalExit),
            |accounts| accounts.rings[0].1.ignore(Anomaly::AbnormalExit),
            |accounts| accounts.rings[0].1.drop_at_queue(Anomaly::AbnormalExit),
            |accounts| accounts.rings[0].1.malform(),
            |accounts| accounts.batch.emit(Anomaly::AbnormalExit),
            |accounts| accounts.sinks[0].1.deliver(1),
            |accounts| accounts.batch.summarise(Anomaly::AbnormalExit),
        ];
        for (at, nudge) in nudges.into_iter().enumerate() {
            let accounts = busy();
            nudge(&accounts);
            assert!(
                !accounts.ledger(kernel).check().is_empty(),
                "{at}: {kind:?}"
            );
        }
    }
}

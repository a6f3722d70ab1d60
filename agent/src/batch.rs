//! The batch thread: anomalies become occurrences, occurrences go to every sink.
//!
//! It sleeps until an anomaly arrives or until the agent's one timer is due, and that timer is
//! armed only while something waits: an open fold, a sink's file, a ledger that changed. What came
//! together is handled together, with one reading of the clocks. It ends when the last ring thread
//! is gone: then the open folds are closed and everything is handed on.

mod books;
mod folds;
mod scribe;

use std::sync::OnceLock;
use std::time::Duration;

use crossbeam_channel::RecvTimeoutError;
use tapio_common::abi::shared::CgroupRef;
use tapio_common::catalogue::Observer;
use tapio_common::coverage::Looking;
use tapio_common::sink::Sink;
use tapio_common::time::Now;

use self::books::{Books, Reading};
use self::folds::OpenFolds;
use crate::accounts::{Accounts, KernelCounts};
use crate::cgroups::Cgroups;
use crate::clock;
use crate::kernel::{Fold, NameEvent};
use crate::observer::Anomalous;
use crate::queue::Receiver;

pub use self::books::Closing;
pub use self::scribe::Scribe;

/// Between the ring threads and the batch thread. The batcher needs some 2 µs for an item and may
/// be kept off its core for a few milliseconds meanwhile; all slots are resident, some 200 bytes
/// each, so there are not more of them.
pub const ITEMS_MAX: usize = 2_048;

/// So many items are handled before sinks are told to pass on what they have.
const BATCH_MAX: usize = 256;

/// What other threads send.
#[derive(Debug, Clone)]
pub enum Item {
    Anomalous(Anomalous),
    /// Names of cgroups wait to be read, before their ring is full.
    Names,
    /// Somebody asked how the agent is: the sinks are told to pass on, and one of them answers.
    Asked,
    /// Another config is in force, and this is what is looked at since.
    Looking(Box<Looking>),
}

/// What the batcher asks of the kernel's side while it runs.
pub trait Source {
    /// What the slot folded since it was last asked.
    fn take_fold(&self, observer: Observer, slot: u32) -> Option<Fold>;

    /// Every slot that may hold a fold, for the sweep at the end.
    fn fold_slots(&self) -> Vec<(Observer, u32)>;

    /// Names and partings of cgroups, in the order in which they happened.
    fn drain_names(&mut self, put: &mut dyn FnMut(NameEvent<'_>));

    /// Names of cgroups that found no room in their ring.
    fn names_lost(&self) -> u64;

    fn counts(&self, observer: Observer) -> KernelCounts;
}

/// Everything the batch thread owns.
pub struct Batcher<'a, S> {
    source: S,
    scribe: Scribe,
    cgroups: Cgroups,
    folds: OpenFolds,
    sinks: Vec<Box<dyn Sink + Send + 'a>>,
    accounts: &'a Accounts,
    books: Books,
}

impl<'a, S: Source> Batcher<'a, S> {
    pub fn new(
        source: S,
        scribe: Scribe,
        cgroups: Cgroups,
        sinks: Vec<Box<dyn Sink + Send + 'a>>,
        accounts: &'a Accounts,
    ) -> Self {
        Self {
            source,
            scribe,
            cgroups,
            folds: OpenFolds::default(),
            sinks,
            accounts,
            books: Books::open(clock::now()),
        }
    }

    /// Says what is looked at from now on.
    pub fn cover(&mut self, looking: Looking) {
        self.books.look(looking, &mut self.sinks);
    }

    /// Runs until every sender of `items` is gone, and returns the books. `until` is then the last
    /// moment at which everything was still attached.
    pub fn run(mut self, items: &Receiver<Item>, until: &OnceLock<Now>) -> Closing {
        let mut within = self.settle(clock::now());
        loop {
            let first = match within {
                None => items.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(within) => items.recv_timeout(within),
            };
            let now = clock::now();
            match first {
                Ok(item) => {
                    let rest = items.try_iter().take(BATCH_MAX - 1);
                    for item in std::iter::once(item).chain(rest) {
                        self.take(item, now);
                    }
                    self.books.touch(now);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            within = self.settle(now);
        }
        let now = clock::now();
        self.close(now, until.get().copied().unwrap_or(now))
    }

    fn take(&mut self, item: Item, now: Now) {
        match item {
            Item::Names => self.learn_names(),
            Item::Asked => {}
            Item::Anomalous(anomalous) => self.emit(&anomalous, now),
            Item::Looking(looking) => self.cover(*looking),
        }
    }

    fn emit(&mut self, anomalous: &Anomalous, now: Now) {
        self.find_name(anomalous.cgroup());
        self.folds.note(anomalous);
        let written = self.scribe.write(anomalous, &self.cgroups, now);
        self.sinks.iter_mut().for_each(|sink| sink.take(&written));
        self.accounts.batch().emit(anomalous.anomaly);
    }

    fn summarise(&mut self, fold: &Fold, now: Now) {
        self.find_name(fold.cgroup);
        let written = self.scribe.write_summary(fold, &self.cgroups, now);
        self.sinks.iter_mut().for_each(|sink| sink.take(&written));
        self.accounts.batch().summarise(fold.anomaly);
        self.accounts.batch().emit(fold.anomaly);
    }

    /// The name of a cgroup is committed before any fact about it, so whoever is unknown now is
    /// known after reading on, unless the kernel had no room for the name.
    fn find_name(&mut self, cgroup: Option<CgroupRef>) {
        if cgroup.is_some_and(|cgroup| self.cgroups.path(cgroup).is_none()) {
            self.learn_names();
        }
    }

    fn learn_names(&mut self) {
        let cgroups = &mut self.cgroups;
        self.source.drain_names(&mut |event| match event {
            NameEvent::Made { cgroup, path } => {
                cgroups.learn(cgroup, &String::from_utf8_lossy(path));
            }
            NameEvent::Gone { cgroup } => cgroups.part(cgroup),
        });
    }

    /// Does what is due, and says when the next thing is.
    fn settle(&mut self, now: Now) -> Option<Duration> {
        self.folds.lose(self.accounts.unopened_folds(), now);
        if self.folds.sweep(now) {
            self.close_folds(now);
        }
        while let Some((observer, slot)) = self.folds.due(now) {
            if let Some(fold) = self.source.take_fold(observer, slot) {
                self.summarise(&fold, now);
            }
        }
        let of_sinks = self
            .sinks
            .iter_mut()
            .filter_map(|sink| sink.flush(now))
            .min();
        let of_books = self.books.settle(now, &mut self.sinks, || {
            let unnamed = self.cgroups.refused() + self.source.names_lost();
            self.accounts.leave_unnamed(unnamed);
            read(self.accounts, &self.source)
        });
        [self.folds.next_in(now), of_sinks, of_books]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whatever was folded so far is told.
    fn close_folds(&mut self, now: Now) {
        for (observer, slot) in self.source.fold_slots() {
            if let Some(fold) = self.source.take_fold(observer, slot) {
                self.summarise(&fold, now);
            }
        }
    }

    fn close(mut self, now: Now, until: Now) -> Closing {
        self.close_folds(now);
        for sink in &mut self.sinks {
            sink.flush(now);
        }
        let unnamed = self.cgroups.refused() + self.source.names_lost();
        self.accounts.leave_unnamed(unnamed);
        if unnamed > 0 {
            log::warn!(
                "at least {unnamed} cgroups stayed unnamed: there was no room for their names"
            );
        }
        let last = read(self.accounts, &self.source);
        self.books.close(last, until, &mut self.sinks)
    }
}

fn read(accounts: &Accounts, source: &impl Source) -> Reading {
    Reading {
        began: clock::now(),
        ledger: accounts.ledger(|observer| source.counts(observer)),
        ended: clock::now(),
    }
}

#[cfg(test)]
mod tests;

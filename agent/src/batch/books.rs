//! The books of a run: the ledger as it changes, and coverage with the losses and their time.
//!
//! Both go to every sink that keeps them, the ledger at most every ten seconds and only after
//! something happened, so that neither flash nor an idle core is worn. What is covered is kept
//! here as well, bounded, until the agent leaves and says it.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;
use tapio_common::coverage::{Entry, Looking, Loss, Lost, Stopped, losses_between};
use tapio_common::ledger::Ledger;
use tapio_common::sink::Sink;
use tapio_common::time::Now;

use crate::clock::nanos;

/// At most so often is a ledger put together and handed out.
const LEDGER_EVERY: Duration = Duration::from_secs(10);

/// Entries kept in memory. Further losses are added to the last one, which then covers more time
/// than each of them did, or push out the oldest: less can be said then, never something wrong.
const ENTRIES_MAX: usize = 256;

/// What is left of a run: printed at the end, and checked by whoever wants to.
#[derive(Debug)]
pub struct Closing {
    pub ledger: Ledger,
    pub coverage: Coverage,
}

/// What was covered, as it is printed.
#[derive(Debug, Serialize)]
pub struct Coverage {
    pub entries: VecDeque<Entry>,
}

/// A ledger, and the moments before and after it was put together. Whoever is stopped in between,
/// or was since it looked at the clock, would else say of a loss that it was earlier than it was.
#[derive(Debug)]
pub struct Reading {
    pub began: Now,
    pub ledger: Ledger,
    pub ended: Now,
}

#[derive(Debug)]
pub struct Books {
    entries: VecDeque<Entry>,
    ledger: Ledger,
    /// When `ledger` began to be put together.
    read_at: Now,
    /// What the next ledger counts as lost happened since then: when the last one was begun, or, if
    /// something was on its way then, the one before.
    lost_since: Now,
    touched_at: Option<u64>,
}

type Sinks<'a> = [Box<dyn Sink + Send + 'a>];

impl Books {
    /// Opens the books of a run in which nothing was counted yet.
    pub fn open(now: Now) -> Self {
        Self {
            entries: VecDeque::new(),
            ledger: Ledger::default(),
            read_at: now,
            lost_since: now,
            touched_at: None,
        }
    }

    /// From now on, this is what is looked at.
    pub fn look(&mut self, looking: Looking, sinks: &mut Sinks<'_>) {
        self.enter(Entry::Looking(looking), sinks);
    }

    /// Something was counted: a ledger will be due.
    pub fn touch(&mut self, now: Now) {
        self.touched_at = Some(now.boot_nanos);
    }

    /// Hands out a new ledger if one is due, and says when the next will be.
    ///
    /// After a pause one is due at once, which tells the losses before it from those after, and
    /// another when all has come to rest. Who is awake for a sink's sake hands one out too: that
    /// sink may have to say that nothing happened.
    pub fn settle(
        &mut self,
        now: Now,
        sinks: &mut Sinks<'_>,
        read: impl FnOnce() -> Reading,
    ) -> Option<Duration> {
        let age = now.boot_nanos.saturating_sub(self.read_at.boot_nanos);
        let left = nanos(LEDGER_EVERY).saturating_sub(age);
        if left > 0 {
            return self.touched_at.map(|_| Duration::from_nanos(left));
        }
        self.keep(read(), sinks);
        self.touched_at = self.touched_at.filter(|at| *at == now.boot_nanos);
        self.touched_at.map(|_| LEDGER_EVERY)
    }

    /// The last ledger, and the end of what was covered: `until` is before anything was detached.
    pub fn close(mut self, last: Reading, until: Now, sinks: &mut Sinks<'_>) -> Closing {
        let boot_id = last.ledger.boot_id.clone();
        self.keep(last, sinks);
        let at = until.wall;
        self.enter(Entry::Stopped(Stopped { at, boot_id }), sinks);
        Closing {
            ledger: self.ledger,
            coverage: Coverage {
                entries: self.entries,
            },
        }
    }

    fn keep(&mut self, reading: Reading, sinks: &mut Sinks<'_>) {
        let Reading {
            began,
            ledger,
            ended,
        } = reading;
        let losses = losses_between(&self.ledger, &ledger);
        if !losses.is_empty() {
            let (from, to) = (self.lost_since.wall, ended.wall);
            self.enter(Entry::Lost(Lost { from, to, losses }), sinks);
        }
        sinks.iter_mut().for_each(|sink| sink.account(&ledger));
        self.lost_since = match ledger.is_at_rest() {
            true => began,
            false => self.read_at,
        };
        self.ledger = ledger;
        self.read_at = began;
    }

    fn enter(&mut self, entry: Entry, sinks: &mut Sinks<'_>) {
        sinks.iter_mut().for_each(|sink| sink.cover(&entry));
        let is_full = self.entries.len() >= ENTRIES_MAX;
        match (self.entries.back_mut(), entry) {
            (Some(Entry::Lost(last)), Entry::Lost(more)) if is_full => extend(last, more),
            (_, entry) => self.entries.push_back(entry),
        }
        if self.entries.len() > ENTRIES_MAX {
            self.entries.pop_front();
        }
    }
}

fn extend(last: &mut Lost, more: Lost) {
    last.to = last.to.max(more.to);
    for loss in more.losses {
        let same = |known: &&mut Loss| known.of == loss.of && known.stage == loss.stage;
        match last.losses.iter_mut().find(same) {
            Some(known) => known.events += loss.events,
            None => last.losses.push(loss),
        }
    }
}

#[cfg(test)]
mod tests {
    use tapio_common::ledger::TypeCounts;
    use tapio_common::time::{NANOS_PER_SECOND, Timestamp};

    use super::*;

    fn at(seconds: u64) -> Now {
        Now {
            wall: Timestamp(seconds * NANOS_PER_SECOND),
            boot_nanos: seconds * NANOS_PER_SECOND,
        }
    }

    fn ledger(lost: u64) -> Ledger {
        let row = TypeCounts {
            seen: lost,
            lost,
            ..TypeCounts::default()
        };
        let mut ledger = Ledger::default();
        ledger.types.insert("kernel.x.y".into(), row);
        ledger
    }

    fn reading(seconds: u64, ledger: Ledger) -> Reading {
        Reading {
            began: at(seconds),
            ledger,
            ended: at(seconds),
        }
    }

    fn lost(entry: &Entry) -> Option<&Lost> {
        if let Entry::Lost(lost) = entry {
            return Some(lost);
        }
        None
    }

    fn settle(books: &mut Books, seconds: u64, lost: u64) -> Option<u64> {
        let wait = books.settle(at(seconds), &mut [], || reading(seconds, ledger(lost)));
        wait.map(|wait| wait.as_secs())
    }

    #[test]
    fn no_timer_runs_while_nothing_happens() {
        let mut books = Books::open(at(0));
        assert_eq!(settle(&mut books, 9, 1), None);
        assert_eq!(books.ledger, Ledger::default());
        assert_eq!(settle(&mut books, 100, 1), None);
        assert_eq!(
            books.ledger,
            ledger(1),
            "handed out to whoever woke the batcher"
        );
    }

    #[test]
    fn after_a_pause_a_ledger_is_due_at_once_and_another_at_rest() {
        let mut books = Books::open(at(0));
        books.touch(at(100));
        assert_eq!(settle(&mut books, 100, 1), Some(10));
        books.touch(at(104));
        assert_eq!(settle(&mut books, 104, 2), Some(6));
        assert_eq!(settle(&mut books, 110, 3), None);
        assert_eq!(settle(&mut books, 119, 4), None);
        assert_eq!(books.ledger, ledger(3));
    }

    #[test]
    fn losses_are_told_with_the_time_between_two_ledgers() {
        let mut books = Books::open(at(0));
        for (seconds, lost) in [(100, 0), (111, 7)] {
            books.touch(at(seconds));
            settle(&mut books, seconds, lost);
        }
        let closing = books.close(reading(120, ledger(9)), at(119), &mut []);
        let told: Vec<_> = closing
            .coverage
            .entries
            .iter()
            .filter_map(lost)
            .map(|lost| (lost.from, lost.to, lost.losses[0].events))
            .collect();
        let moment = |seconds| at(seconds).wall;
        let stopped = closing.coverage.entries.back();
        assert!(
            matches!(stopped, Some(Entry::Stopped(stopped)) if stopped.at == moment(119)),
            "{stopped:?}"
        );
        assert_eq!(
            told,
            [(moment(100), moment(111), 7), (moment(111), moment(120), 2)]
        );
    }

    /// Stopped between a look at the clock and the counters, and then with records on their way.
    #[test]
    fn a_loss_is_told_for_as_long_as_it_can_have_been() {
        let mut books = Books::open(at(0));
        let mut stopped = reading(100, ledger(7));
        stopped.ended = at(160);
        books.keep(stopped, &mut []);
        let mut in_flight = ledger(7);
        let row = in_flight.types.values_mut().next().expect("a row");
        (row.seen, row.submitted) = (8, 1);
        books.keep(reading(170, in_flight), &mut []);
        books.keep(reading(180, ledger(9)), &mut []);
        books.keep(reading(190, ledger(10)), &mut []);
        let told = books.entries.iter().filter_map(lost);
        let told: Vec<_> = told.map(|lost| (lost.from, lost.to)).collect();
        let between = |from, to| (at(from).wall, at(to).wall);
        assert_eq!(
            told,
            [between(0, 160), between(100, 180), between(180, 190)]
        );
    }

    #[test]
    fn what_memory_cannot_hold_is_told_more_coarsely() {
        let mut books = Books::open(at(0));
        for number in 1..=300 {
            books.keep(reading(number, ledger(number)), &mut []);
        }
        assert_eq!(books.entries.len(), ENTRIES_MAX);
        let told: u64 = books
            .entries
            .iter()
            .filter_map(lost)
            .map(|lost| lost.losses[0].events)
            .sum();
        assert_eq!(told, 300);
    }
}

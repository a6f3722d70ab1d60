//! What the order of an agent's batches says: gaps, regressions, duplicates.
//!
//! Pure bookkeeping of one agent. `last` never goes backwards between two hellos, so that a batch
//! that comes late is one regression and does not make a gap of the batches after it. The batch
//! taken last is remembered across hello, because that is the one an agent sends again when it
//! did not live to see the answer.

use tapio_wire::status::SequenceStatus;

/// What identifies a batch beside its sequence: a keyed digest of its very bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest(pub u64);

/// The batch taken last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Taken {
    sequence: u64,
    digest: Digest,
    events: u32,
}

/// Where a batch stands against those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The first since hello: nothing to compare it with.
    Baseline,
    InOrder,
    /// So many sequences are missing before it.
    Gap(u64),
    /// At or below a sequence that was already taken.
    Regression,
    /// The very batch taken last; it held so many events.
    Duplicate(u32),
}

/// The sequence state of one agent, as `/v1/status` shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sequence {
    /// The highest sequence taken since the baseline; kept across hello until the next baseline.
    last: Option<u64>,
    /// How far gaps are counted. Ahead of `last` only between a hello that named its next
    /// sequence and the batch that follows.
    accounted: Option<u64>,
    taken: Option<Taken>,
    based: bool,
    gaps: u64,
    regressions: u64,
    duplicates: u64,
}

impl Sequence {
    /// The next batch is a baseline. What a crash lost before this hello shows as the distance
    /// to `next`, and is counted once however often hello is repeated.
    pub fn hello(&mut self, next: Option<u64>) {
        self.based = false;
        if let (Some(next), Some(accounted)) = (next, self.accounted) {
            let missing = next.saturating_sub(accounted.saturating_add(1));
            if missing > 0 {
                self.gaps = self.gaps.saturating_add(missing);
                self.accounted = Some(next - 1);
            }
        }
    }

    /// Whether this is the batch taken last, and then how many events it held.
    pub fn duplicate_of(&self, sequence: u64, digest: Digest) -> Option<u32> {
        self.taken
            .filter(|taken| taken.sequence == sequence && taken.digest == digest)
            .map(|taken| taken.events)
    }

    pub fn standing(&self, sequence: u64, digest: Digest) -> Standing {
        if let Some(events) = self.duplicate_of(sequence, digest) {
            return Standing::Duplicate(events);
        }
        match self.last {
            Some(last) if self.based => match sequence.checked_sub(last) {
                None | Some(0) => Standing::Regression,
                Some(1) => Standing::InOrder,
                Some(distance) => Standing::Gap(distance - 1),
            },
            Some(_) | None => Standing::Baseline,
        }
    }

    /// Counts a batch that is taken, or acknowledged again.
    pub fn take(&mut self, sequence: u64, digest: Digest, events: u32) -> Standing {
        let standing = self.standing(sequence, digest);
        match standing {
            Standing::Duplicate(_) => self.duplicates = self.duplicates.saturating_add(1),
            Standing::Regression => self.regressions = self.regressions.saturating_add(1),
            Standing::Gap(missing) => self.gaps = self.gaps.saturating_add(missing),
            Standing::Baseline | Standing::InOrder => {}
        }
        let forward = match standing {
            Standing::Baseline | Standing::InOrder | Standing::Gap(_) => true,
            // The first thing heard after hello: it is the baseline, though already counted.
            Standing::Duplicate(_) => !self.based,
            Standing::Regression => false,
        };
        if forward {
            self.last = Some(sequence);
            self.accounted = Some(sequence);
            self.based = true;
        }
        if !matches!(standing, Standing::Duplicate(_)) {
            self.taken = Some(Taken {
                sequence,
                digest,
                events,
            });
        }
        standing
    }

    pub fn gaps_total(&self) -> u64 {
        self.gaps
    }

    pub fn status(&self) -> SequenceStatus {
        SequenceStatus {
            last_seen: self.last,
            gaps_total: self.gaps,
            regressions_total: self.regressions,
            duplicates_total: self.duplicates,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Standing::{Baseline, Duplicate, Gap, InOrder, Regression};
    use super::*;

    enum Step {
        Hello,
        HelloNext(u64),
        /// Sequence and content of a batch, and where it must stand.
        Batch(u64, u64, Standing),
    }
    use Step::{Batch, Hello, HelloNext};

    /// Name, steps, then last_seen, gaps, regressions, duplicates.
    type Row = (&'static str, &'static [Step], (Option<u64>, u64, u64, u64));

    const TABLE: &[Row] = &[
        ("nothing yet", &[Hello], (None, 0, 0, 0)),
        (
            "the first batch is the baseline wherever it begins",
            &[Hello, Batch(41, 0, Baseline), Batch(42, 0, InOrder)],
            (Some(42), 0, 0, 0),
        ),
        (
            "more than one ahead is a gap of the missing count",
            &[
                Hello,
                Batch(1, 0, Baseline),
                Batch(3, 0, Gap(1)),
                Batch(10, 0, Gap(6)),
            ],
            (Some(10), 7, 0, 0),
        ),
        (
            "at or below the last is a regression and moves nothing",
            &[
                Hello,
                Batch(5, 0, Baseline),
                Batch(5, 1, Regression),
                Batch(4, 0, Regression),
                Batch(6, 0, InOrder),
            ],
            (Some(6), 0, 2, 0),
        ),
        (
            "the very batch taken last is a duplicate, however often",
            &[
                Hello,
                Batch(7, 9, Baseline),
                Batch(7, 9, Duplicate(3)),
                Batch(7, 9, Duplicate(3)),
                Batch(8, 9, InOrder),
            ],
            (Some(8), 0, 0, 2),
        ),
        (
            "an older batch again is no duplicate",
            &[
                Hello,
                Batch(7, 1, Baseline),
                Batch(8, 2, InOrder),
                Batch(7, 1, Regression),
            ],
            (Some(8), 0, 1, 0),
        ),
        (
            "a batch that came late may itself be sent again",
            &[
                Hello,
                Batch(8, 2, Baseline),
                Batch(7, 1, Regression),
                Batch(7, 1, Duplicate(3)),
                Batch(9, 3, InOrder),
            ],
            (Some(9), 0, 1, 1),
        ),
        (
            "hello makes a fresh baseline, downwards too, and keeps the totals",
            &[
                Hello,
                Batch(1, 0, Baseline),
                Batch(5, 0, Gap(3)),
                Batch(5, 1, Regression),
                Hello,
                Batch(1, 0, Baseline),
                Batch(2, 0, InOrder),
            ],
            (Some(2), 3, 1, 0),
        ),
        (
            "the last batch is remembered across hello, and then is the baseline",
            &[
                Hello,
                Batch(5, 4, Baseline),
                HelloNext(5),
                Batch(5, 4, Duplicate(3)),
                Batch(7, 0, Gap(1)),
            ],
            (Some(7), 1, 0, 1),
        ),
        (
            "hello that begins one after the last lost nothing",
            &[
                Hello,
                Batch(5, 0, Baseline),
                HelloNext(6),
                Batch(6, 0, Baseline),
            ],
            (Some(6), 0, 0, 0),
        ),
        (
            "hello that begins two after the last lost one",
            &[
                Hello,
                Batch(5, 0, Baseline),
                HelloNext(7),
                Batch(7, 0, Baseline),
            ],
            (Some(7), 1, 0, 0),
        ),
        (
            "the same hello twice counts its gap once, and a later one the rest",
            &[
                Hello,
                Batch(5, 0, Baseline),
                HelloNext(9),
                HelloNext(9),
                HelloNext(10),
                Batch(10, 0, Baseline),
            ],
            (Some(10), 4, 0, 0),
        ),
        (
            "hello below the last is a restart of counting, not a loss",
            &[
                Hello,
                Batch(5, 0, Baseline),
                HelloNext(0),
                Batch(0, 0, Baseline),
            ],
            (Some(0), 0, 0, 0),
        ),
        (
            "the first hello of all names a next sequence without a past",
            &[HelloNext(100), Batch(100, 0, Baseline)],
            (Some(100), 0, 0, 0),
        ),
        (
            "an agent that never said hello is followed all the same",
            &[
                Batch(3, 0, Baseline),
                Batch(5, 0, Gap(1)),
                Batch(5, 0, Duplicate(3)),
            ],
            (Some(5), 1, 0, 1),
        ),
        (
            "the ends of the range",
            &[
                Hello,
                Batch(0, 0, Baseline),
                Batch(u64::MAX, 0, Gap(u64::MAX - 1)),
                HelloNext(u64::MAX),
                HelloNext(0),
                Batch(u64::MAX, 0, Duplicate(3)),
                Batch(u64::MAX, 1, Regression),
            ],
            (Some(u64::MAX), u64::MAX - 1, 1, 1),
        ),
    ];

    #[test]
    fn every_row_of_the_table() {
        for (name, steps, wanted) in TABLE {
            let mut sequence = Sequence::default();
            for (at, step) in steps.iter().enumerate() {
                match step {
                    Hello => sequence.hello(None),
                    HelloNext(next) => sequence.hello(Some(*next)),
                    Batch(number, content, standing) => assert_eq!(
                        sequence.take(*number, Digest(*content), 3),
                        *standing,
                        "{name}, step {at}"
                    ),
                }
            }
            let (last_seen, gaps_total, regressions_total, duplicates_total) = *wanted;
            let wanted = SequenceStatus {
                last_seen,
                gaps_total,
                regressions_total,
                duplicates_total,
            };
            assert_eq!(sequence.status(), wanted, "{name}");
        }
    }
}

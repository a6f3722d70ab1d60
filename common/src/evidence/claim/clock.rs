//! What a clock that was set means for moments: some came twice, and over some it jumped.
//!
//! A clock set back goes through moments again, as far as it gets before it is set once more. One
//! set forward leaves moments out, and what happened then has earlier ones; those that an earlier
//! run had come to, before a machine without a clock of its own began in 1970, were not left out.

use super::doubt::{Doubt, Why};
use crate::coverage::{ClockSet, Entry};
use crate::time::{NANOS_PER_SECOND, Timestamp};

/// The doubts about the clock, for entries in the order in which they were written.
pub(super) fn doubts(entries: &[Entry]) -> Vec<Doubt> {
    let mut found = Vec::new();
    // The latest moment that any clock has come to.
    let mut reached = Timestamp(0);
    let mut twice: Option<Doubt> = None;
    for entry in entries {
        let Entry::ClockSet(set) = entry else {
            reached = reached.max(entry.to());
            continue;
        };
        let before = before(set);
        let seconds = set.by_nanos.unsigned_abs().div_ceil(NANOS_PER_SECOND);
        reached = reached.max(before);
        let mut ahead = None;
        if let Some(doubt) = twice.take() {
            // It came no further than this, and may come to the rest from where it is now.
            let to = doubt.to.min(before);
            let from = doubt.from.max(set.at);
            ahead = some_time(Doubt {
                from,
                ..doubt.clone()
            });
            found.extend(some_time(Doubt { to, ..doubt }));
        }
        if set.by_nanos < 0 {
            found.extend(ahead);
            let why = Why::ClockSetBack { seconds };
            twice = Some(Doubt::new(set.at, before, why));
            continue;
        }
        twice = ahead;
        let from = before.max(reached);
        if from < set.at {
            let why = Why::ClockSetForward { seconds };
            found.push(Doubt::new(from, set.at, why));
        }
        reached = reached.max(set.at);
    }
    found.extend(twice);
    found
}

fn some_time(doubt: Doubt) -> Option<Doubt> {
    (doubt.from <= doubt.to).then_some(doubt)
}

/// What the clock would have said, had it not been set.
fn before(set: &ClockSet) -> Timestamp {
    let by = set.by_nanos.unsigned_abs();
    Timestamp(match set.by_nanos < 0 {
        true => set.at.0.saturating_add(by),
        false => set.at.0.saturating_sub(by),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coverage::Stopped;

    fn at(second: u64) -> Timestamp {
        Timestamp(second * NANOS_PER_SECOND)
    }

    fn set(second: u64, by_seconds: i64) -> Entry {
        Entry::ClockSet(ClockSet {
            at: at(second),
            by_nanos: by_seconds * 1_000_000_000,
        })
    }

    fn stopped(second: u64) -> Entry {
        Entry::Stopped(Stopped {
            at: at(second),
            boot_id: "b".into(),
        })
    }

    /// From, to, and whether it was set back, in seconds.
    fn told(entries: &[Entry]) -> Vec<(u64, u64, bool)> {
        let second = |moment: Timestamp| moment.0 / NANOS_PER_SECOND;
        let is_back = |why: &Why| matches!(why, Why::ClockSetBack { .. });
        let mut told: Vec<_> = doubts(entries)
            .iter()
            .map(|doubt| (second(doubt.from), second(doubt.to), is_back(&doubt.why)))
            .collect();
        told.sort_unstable();
        told
    }

    #[test]
    fn moments_come_twice_or_are_jumped_over() {
        assert_eq!(told(&[set(100, -50)]), [(100, 150, true)]);
        assert_eq!(told(&[set(150, 50)]), [(100, 150, false)]);
        assert_eq!(told(&[stopped(90)]), []);
    }

    /// Back by fifty at 150, and right again ten seconds later: ten came twice, ten were left out.
    #[test]
    fn a_clock_put_right_again_ends_the_doubt_where_it_was_put_right() {
        let entries = [set(100, -50), set(160, 50)];
        assert_eq!(told(&entries), [(100, 110, true), (150, 160, false)]);
        let early = [set(100, -50), set(120, 10)];
        assert_eq!(
            told(&early),
            [(100, 110, true), (120, 150, true)],
            "what is still to come comes twice"
        );
        let again = [set(100, -50), set(80, -30)];
        assert_eq!(
            told(&again),
            [(80, 110, true), (100, 110, true), (100, 150, true)]
        );
    }

    /// Stopped at 1,000; the machine begins at 5 and learns the time, 1,030, fifteen seconds later.
    #[test]
    fn a_machine_without_a_clock_of_its_own_leaves_out_only_what_nobody_had_come_to() {
        let entries = [stopped(1_000), set(5, -995), set(1_030, 1_010)];
        assert_eq!(told(&entries), [(5, 20, true), (1_000, 1_030, false)]);
    }
}

//! What may be claimed about an interval: *fully covered*, or *cannot say, and why*.
//!
//! Fully covered means that every type asked for was looked for during all of it, and nothing was
//! lost, missed or expired in it. Whatever the coverage does not say counts against the claim. A
//! writer that runs vouches up to its last word and no further.

mod clock;
mod doubt;

use std::collections::BTreeSet;
use std::io;

use super::coverage_file::{COVERAGE_FILE, read_entries};
use super::disk::{Disk, read_whole};
use super::word::{LOCK_FILE, WORD_EVERY_NANOS, Word};
use crate::catalogue::Anomaly;
use crate::coverage::{Entry, Expired, Gap, Looking};
use crate::time::{NANOS_PER_SECOND, Timestamp};

pub use doubt::{Doubt, Why};

/// A word older than this by so much means that the writer does not get to give it.
const WORD_GRACE_NANOS: u64 = 15 * NANOS_PER_SECOND;
/// A fact that was lost can have waited this long before it was.
const LOSS_SLACK_NANOS: u64 = 10 * NANOS_PER_SECOND;
/// The sink whose losses are those of the directory.
const OWN_SINK: &str = "file";

/// All that the directory says about its own completeness.
#[derive(Debug, Default)]
pub struct Coverage {
    pub entries: Vec<Entry>,
    /// Lines that are no entries this build knows.
    pub unreadable: u64,
    pub word: Option<Word>,
    /// Whether somebody holds the lock, that is, writes here now.
    pub is_live: bool,
}

/// Up to when a claim is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    Moment(Timestamp),
    /// As far as it goes, given that it is this late.
    Now(Timestamp),
}

/// The answer: a claim where there is no doubt.
#[derive(Debug)]
pub struct Claim<'a> {
    pub from: Timestamp,
    pub to: Timestamp,
    /// What was asked about.
    pub types: BTreeSet<String>,
    pub doubts: Vec<Doubt>,
    /// What was looked at in the interval, and with which config.
    pub in_force: Vec<&'a Looking>,
}

impl Claim<'_> {
    /// The types against which nothing is said: all of them, some, or none.
    pub fn covered(&self) -> BTreeSet<String> {
        let is_doubted = |name: &String| {
            let mut doubts = self.doubts.iter();
            doubts.any(|doubt| doubt.types.is_empty() || doubt.types.contains(name))
        };
        let mut covered = self.types.clone();
        covered.retain(|name| !is_doubted(name));
        covered
    }
}

/// What held during one stretch of time.
#[derive(Debug, Clone, Copy)]
enum Stretch<'a> {
    Unrecorded,
    Looking(&'a Looking),
    Gap(&'a Gap),
    Stopped,
    /// Nobody has said anything since.
    Silent,
}

impl Coverage {
    pub fn read<D: Disk>(disk: &D, is_live: bool) -> io::Result<Self> {
        let mut coverage = Self {
            is_live,
            ..Self::default()
        };
        match disk.read(COVERAGE_FILE) {
            Ok(reader) => {
                read_entries(reader, |entry| match entry {
                    Some(entry) => coverage.entries.push(entry),
                    None => coverage.unreadable += 1,
                })?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        coverage.word = match read_whole(disk, LOCK_FILE, 4_096) {
            Ok(bytes) => Word::from_bytes(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(coverage)
    }

    /// What retention has removed, all of it: the newest entry speaks for those before it.
    pub fn expired(&self) -> Option<&Expired> {
        self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Expired(expired) => Some(expired),
            Entry::Looking(_)
            | Entry::Lost(_)
            | Entry::Gap(_)
            | Entry::Stopped(_)
            | Entry::ClockSet(_) => None,
        })
    }

    /// Whether "none of these types happened from then to then" could be said.
    pub fn claim(&self, types: &[&str], from: Timestamp, until: Until) -> Claim<'_> {
        let to = match until {
            Until::Moment(to) => to,
            Until::Now(now) => self
                .vouched_at(now)
                .filter(|word| *word > from)
                .unwrap_or(now),
        };
        let stretches = self.stretches();
        let overlaps = |start: Timestamp, end: Timestamp| start <= to && end >= from;
        let mut doubts = Vec::new();
        for (start, end, stretch) in &stretches {
            if overlaps(*start, *end) {
                let (start, end) = ((*start).max(from), (*end).min(to));
                doubts.extend(self.doubts_of(*stretch, types, start, end));
            }
        }
        let of_losses = self.entries.iter();
        let of_losses = of_losses.flat_map(|entry| doubt::of_losses(entry, types));
        let of_expired = self.expired().map(doubt::of_expired);
        let of_clock = clock::doubts(&self.entries);
        let all = of_losses.chain(of_expired).chain(of_clock);
        doubts.extend(all.filter(|doubt| overlaps(doubt.from, doubt.to)));
        if self.unreadable > 0 {
            let lines = self.unreadable;
            doubts.push(Doubt::new(from, to, Why::Unreadable { lines }));
        }
        let in_force = stretches
            .iter()
            .filter_map(|(start, end, stretch)| match stretch {
                Stretch::Looking(looking) if overlaps(*start, *end) => Some(*looking),
                Stretch::Looking(_)
                | Stretch::Unrecorded
                | Stretch::Gap(_)
                | Stretch::Stopped
                | Stretch::Silent => None,
            });
        let mut asked = BTreeSet::new();
        asked.extend(types.iter().map(|name| (*name).to_owned()));
        Claim {
            from,
            to,
            types: asked,
            in_force: in_force.collect(),
            doubts: doubt::merged(doubts),
        }
    }

    /// The last word of a writer that runs, if it is as fresh as it has to be.
    fn vouched_at(&self, now: Timestamp) -> Option<Timestamp> {
        let word = self.word?.stored_to;
        let oldest = now.0.saturating_sub(WORD_EVERY_NANOS + WORD_GRACE_NANOS);
        (self.is_live && word.0 >= oldest && word <= now).then_some(word)
    }

    /// The time line, in the order in which it was written. Where a clock was set back stretches
    /// overlap; the doubt about that interval is an entry of its own.
    fn stretches(&self) -> Vec<(Timestamp, Timestamp, Stretch<'_>)> {
        let mut found = Vec::new();
        let (mut since, mut stretch) = (Timestamp(0), Stretch::Unrecorded);
        for entry in &self.entries {
            let next = match entry {
                Entry::Looking(looking) => Stretch::Looking(looking),
                Entry::Gap(gap) => Stretch::Gap(gap),
                Entry::Stopped(_) => Stretch::Stopped,
                Entry::Lost(_) | Entry::Expired(_) | Entry::ClockSet(_) => continue,
            };
            let at = entry.from();
            if at > since {
                found.push((since, Timestamp(at.0 - 1), stretch));
            } else if let Stretch::Gap(gap) = stretch {
                // The clock is behind where it was, and the gap remains what it is.
                found.push((gap.from, gap.to, stretch));
            }
            (since, stretch) = (at, next);
        }
        if let Stretch::Looking(_) = stretch {
            let word = self.word.map_or(since, |word| word.stored_to.max(since));
            found.push((since, word, stretch));
            (since, stretch) = (Timestamp(word.0.saturating_add(1)), Stretch::Silent);
        }
        found.push((since, Timestamp(u64::MAX), stretch));
        found
    }

    fn doubts_of(
        &self,
        stretch: Stretch<'_>,
        types: &[&str],
        from: Timestamp,
        to: Timestamp,
    ) -> Vec<Doubt> {
        let why = match stretch {
            Stretch::Looking(looking) => return doubt::of_missing_types(looking, types, from, to),
            Stretch::Unrecorded => Why::Unrecorded,
            Stretch::Gap(gap) => Why::Gap {
                reason: gap.reason.clone(),
                cut_lines: gap.cut_lines,
            },
            Stretch::Stopped => Why::Stopped,
            Stretch::Silent if self.is_live => Why::SilentAlive,
            Stretch::Silent => Why::SilentDead,
        };
        vec![Doubt::new(from, to, why)]
    }
}

/// The types a question is about, if it names none: all that concern the observers it names.
pub fn types_of(observers: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let asked = Anomaly::ALL
        .iter()
        .filter(|anomaly| observers(anomaly.observer().name()));
    asked.map(|anomaly| anomaly.event_type()).collect()
}

#[cfg(test)]
mod tests;

//! The names of segments: `2026-11-21T10.jsonl`, `….1.jsonl`, `….late.jsonl`, `….late.1.jsonl`.
//!
//! The name says in which hour every event of the segment happened, so a reader that asks for five
//! minutes opens the files of one hour, or two. It says nothing about the order in which segments
//! were sealed: that is the chain's to say.

use std::fmt;

use crate::time::{NANOS_PER_HOUR, Timestamp};

/// What an event that comes later than this after its hour is written to is a late segment.
pub const LATE_AFTER_NANOS: u64 = 60 * crate::time::NANOS_PER_SECOND;

const SEGMENT_SUFFIX: &str = ".jsonl";
const SEAL_SUFFIX: &str = ".seal";
const EXPIRED_SUFFIX: &str = ".seal.expired";

/// An hour in UTC, counted from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(u64);

impl Hour {
    pub fn of(moment: Timestamp) -> Self {
        Self(moment.0 / NANOS_PER_HOUR)
    }

    pub fn start(self) -> Timestamp {
        Timestamp(self.0.saturating_mul(NANOS_PER_HOUR))
    }

    /// The first moment that is no longer in it.
    pub fn end(self) -> Timestamp {
        Timestamp(self.0.saturating_add(1).saturating_mul(NANOS_PER_HOUR))
    }

    /// Its last moment.
    pub fn last(self) -> Timestamp {
        Timestamp(self.end().0 - 1)
    }

    fn from_text(text: &str) -> Option<Self> {
        let moment = Timestamp::from_rfc3339(&format!("{text}:00:00Z"))?;
        let hour = Self::of(moment);
        (hour.to_string() == text).then_some(hour)
    }
}

impl fmt::Display for Hour {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.start().calendar();
        write!(
            out,
            "{:04}-{:02}-{:02}T{:02}",
            at.year, at.month, at.day, at.hour
        )
    }
}

/// Which segment: the hour of its events, whether they came late, and which part of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentName {
    pub hour: Hour,
    pub late: bool,
    pub part: u32,
}

impl SegmentName {
    pub const fn first(hour: Hour, late: bool) -> Self {
        Self {
            hour,
            late,
            part: 0,
        }
    }

    pub fn file(self) -> String {
        format!("{self}{SEGMENT_SUFFIX}")
    }

    pub fn seal_file(self) -> String {
        format!("{self}{SEAL_SUFFIX}")
    }

    /// What the seal is called from when its segment is to be removed until the coverage says so.
    pub fn expired_file(self) -> String {
        format!("{self}{EXPIRED_SUFFIX}")
    }

    /// The segment a file of evidence is, or `None` if it is no such file.
    pub fn from_file(file: &str) -> Option<Self> {
        Self::from_stem(file.strip_suffix(SEGMENT_SUFFIX)?)
    }

    /// The segment a seal speaks of.
    pub fn from_seal_file(file: &str) -> Option<Self> {
        Self::from_stem(file.strip_suffix(SEAL_SUFFIX)?)
    }

    /// The segment whose seal has been set aside to expire.
    pub fn from_expired_file(file: &str) -> Option<Self> {
        Self::from_stem(file.strip_suffix(EXPIRED_SUFFIX)?)
    }

    fn from_stem(stem: &str) -> Option<Self> {
        let mut words = stem.split('.');
        let hour = Hour::from_text(words.next()?)?;
        let mut word = words.next();
        let late = word == Some("late");
        if late {
            word = words.next();
        }
        let part = word.map_or(Some(0), |digits| digits.parse().ok())?;
        let name = Self { hour, late, part };
        // Only the one way of writing it counts: no `.0`, no `.01`, no `.+1`, nothing behind.
        (name.to_string() == stem).then_some(name)
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.hour)?;
        if self.late {
            out.write_str(".late")?;
        }
        if self.part > 0 {
            write!(out, ".{}", self.part)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(text: &str) -> Hour {
        Hour::of(Timestamp::from_rfc3339(text).expect("a moment"))
    }

    #[test]
    fn the_hour_is_that_of_the_event() {
        let fourteen = hour("2026-11-21T14:59:59.999999999Z");
        assert_eq!(fourteen.to_string(), "2026-11-21T14");
        assert_eq!(fourteen, hour("2026-11-21T14:00:00Z"));
        assert_ne!(fourteen, hour("2026-11-21T15:00:00Z"));
        assert_eq!(fourteen.end(), hour("2026-11-21T15:00:00Z").start());
        assert_eq!(Hour::of(fourteen.last()), fourteen);
    }

    #[test]
    fn names_are_read_back_as_they_are_written() {
        let hour = hour("2026-11-21T10:00:00Z");
        for (name, file) in [
            ((false, 0), "2026-11-21T10.jsonl"),
            ((false, 1), "2026-11-21T10.1.jsonl"),
            ((true, 0), "2026-11-21T10.late.jsonl"),
            ((true, 12), "2026-11-21T10.late.12.jsonl"),
        ] {
            let (late, part) = name;
            let name = SegmentName { hour, late, part };
            assert_eq!(name.file(), file);
            assert_eq!(SegmentName::from_file(file), Some(name));
            assert_eq!(SegmentName::from_seal_file(&name.seal_file()), Some(name));
            assert_eq!(
                SegmentName::from_expired_file(&name.expired_file()),
                Some(name)
            );
            assert_eq!(SegmentName::from_seal_file(&name.expired_file()), None);
        }
    }

    #[test]
    fn other_files_are_no_segments() {
        for file in [
            "coverage.jsonl",
            "ledger.json",
            "2026-11-21T10",
            "2026-11-21T10.0.jsonl",
            "2026-11-21T10.01.jsonl",
            "2026-11-21T10.late.late.jsonl",
            "2026-11-21T10.1.2.jsonl",
            "2026-11-21T24.jsonl",
            "2026-11-21 10.jsonl",
            "2026-13-21T10.jsonl",
            "2026-11-21T10.seal.jsonl",
            "x2026-11-21T10.jsonl",
            "2026-11-21T10.99999999999.jsonl",
        ] {
            assert_eq!(SegmentName::from_file(file), None, "{file}");
        }
    }

    #[test]
    fn the_last_hour_there_is_does_not_overflow() {
        let last = Hour::of(Timestamp(u64::MAX));
        assert_eq!(last.end(), Timestamp(u64::MAX));
        assert_eq!(last.to_string(), "2554-07-21T23");
    }
}

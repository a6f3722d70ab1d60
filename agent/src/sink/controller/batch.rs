//! Whole lines of one segment, as many as one batch may hold.
//!
//! Here is only what they are; where they come from is the directory's business, and what they
//! become on the wire the body's.

use tapio_common::evidence::name::SegmentName;

use super::body::Stamp;

/// Whole lines of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub segment: SegmentName,
    pub from: u64,
    pub lines: Vec<u8>,
    /// It was on its way when the run before ended, and is sent as it was.
    pub stamp: Option<Stamp>,
    /// Where the lines of this run begin in the segment.
    pub own_from: u64,
}

/// What fits into one batch.
#[derive(Debug, Clone, Copy)]
pub struct BatchLimits {
    pub events_max: u64,
    pub bytes_max: usize,
}

impl Batch {
    pub fn events(&self) -> u64 {
        count(&self.lines)
    }

    pub fn to(&self) -> u64 {
        self.from + len(&self.lines)
    }

    /// How many of its lines this run has stored.
    pub fn own_events(&self) -> u64 {
        let earlier = self.own_from.saturating_sub(self.from);
        let earlier = usize::try_from(earlier).unwrap_or(usize::MAX);
        count(self.lines.get(earlier..).unwrap_or_default())
    }

    pub fn is_full(&self, limits: BatchLimits) -> bool {
        // As near to the bound as the longest lines there are.
        self.events() >= limits.events_max || self.lines.len() >= limits.bytes_max / 8 * 7
    }

    /// How many lines like its own would fill it.
    pub fn events_when_full(&self, limits: BatchLimits) -> u64 {
        let events = usize::try_from(self.events()).unwrap_or(usize::MAX).max(1);
        let line = (self.lines.len() / events).max(1);
        let fit = limits.bytes_max / 8 * 7 / line;
        u64::try_from(fit)
            .unwrap_or(u64::MAX)
            .min(limits.events_max)
    }

    /// Leaves the first half of its lines, one at least.
    pub fn halve(&mut self) {
        let half = (self.events() / 2).max(1);
        self.lines.truncate(end_of(&self.lines, half));
        self.stamp = None;
    }
}

/// Events in whole lines.
pub fn count(lines: &[u8]) -> u64 {
    let breaks = lines.iter().filter(|byte| **byte == b'\n').count();
    u64::try_from(breaks).unwrap_or(u64::MAX)
}

/// Where the first so many lines end.
pub fn end_of(lines: &[u8], events: u64) -> usize {
    let events = usize::try_from(events).unwrap_or(usize::MAX);
    let breaks = lines.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let end = breaks.map(|(at, _)| at + 1).nth(events.saturating_sub(1));
    end.unwrap_or(lines.len())
}

fn len(lines: &[u8]) -> u64 {
    u64::try_from(lines.len()).unwrap_or(u64::MAX)
}

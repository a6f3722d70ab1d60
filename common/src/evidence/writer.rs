//! The one writer of a directory: lines into the segment of their hour, seals, retention, coverage.
//!
//! Nothing here reads a clock, waits or logs. Every line is written when it is taken, so a crash
//! can take no more than the one in the making; what the disk refuses is answered with the reason
//! and nothing of it stays. [`Writer::settle`] does what time brings and says when to come again;
//! what is worth a log line is collected as [`Notice`]s.

mod notice;
mod recovery;
mod retention;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use super::coverage_file::CoverageFile;
use super::disk::{Access, Disk, replace};
use super::name::{Hour, LATE_AFTER_NANOS, SegmentName};
use super::seal::Head;
use super::segment::OpenSegment;
use crate::coverage::{ClockSet, Entry};
use crate::ledger::Ledger;
use crate::time::{NANOS_PER_SECOND, Now, Timestamp};

pub use notice::Notice;
pub use recovery::Recovered;
use retention::{Expiry, Kept};

pub const LEDGER_FILE: &str = "ledger.json";

/// Segments open at once: an hour, the one before it, their late ones, and clocks that jump.
const OPEN_MAX: usize = 8;
/// `ledger.json` is rewritten no more often: flash wears.
const LEDGER_EVERY_NANOS: u64 = 10 * NANOS_PER_SECOND;
/// Coverage that the disk refused is offered again after this long, whatever `--fsync` says.
const COVERAGE_AGAIN_NANOS: u64 = NANOS_PER_SECOND;
/// A wall clock that moves by more than this against the boot clock was set, not slewed.
const CLOCK_SET_NANOS: u64 = NANOS_PER_SECOND;

/// What the operator allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub segment_bytes_max: u64,
    pub retain_bytes_max: u64,
    pub retain_age_nanos: u64,
    /// How much time a loss of power may take.
    pub sync_within_nanos: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            segment_bytes_max: 16 << 20,
            retain_bytes_max: 256 << 20,
            retain_age_nanos: 14 * 24 * 3_600 * NANOS_PER_SECOND,
            sync_within_nanos: NANOS_PER_SECOND,
        }
    }
}

/// Writes one directory. That there is only one writer is the lock's to see to.
#[derive(Debug)]
pub struct Writer<D: Disk> {
    disk: D,
    limits: Limits,
    open: Vec<OpenSegment<D::File>>,
    kept: Kept,
    expiry: Expiry,
    head: Option<Head>,
    /// The next part of a segment, where there was one.
    next_part: BTreeMap<(Hour, bool), u32>,
    coverage: CoverageFile<D::File>,
    ledger: LedgerFile,
    clock: Option<Now>,
    notices: Vec<Notice>,
}

/// What stands in `ledger.json`, since when by boot time, and what should.
#[derive(Debug, Default)]
struct LedgerFile {
    written: Vec<u8>,
    written_at: Option<u64>,
    newest: Vec<u8>,
}

impl<D: Disk> Writer<D> {
    /// Writes one line, its newline included, into the segment of its moment: whole, or not at all.
    pub fn append(&mut self, moment: Timestamp, line: &[u8], now: Now) -> io::Result<()> {
        let hour = Hour::of(moment);
        let late = now.wall.0 > hour.end().0.saturating_add(LATE_AFTER_NANOS);
        let at = self.segment_for(hour, late, now)?;
        let segment = &mut self.open[at];
        segment.append(&self.disk, moment, line, now)?;
        if segment.content.bytes >= self.limits.segment_bytes_max
            && segment.may_seal(now)
            && self.seal(at, now)
        {
            self.expire(now);
        }
        Ok(())
    }

    /// The place of the open segment, which is made if there is none.
    fn segment_for(&mut self, hour: Hour, late: bool, now: Now) -> io::Result<usize> {
        let is_it =
            |segment: &OpenSegment<D::File>| segment.name.hour == hour && segment.name.late == late;
        if let Some(at) = self.open.iter().position(is_it) {
            return Ok(at);
        }
        if self.open.len() >= OPEN_MAX {
            self.make_room(now)?;
        }
        let part = self.next_part.entry((hour, late)).or_insert(0);
        loop {
            let name = SegmentName {
                hour,
                late,
                part: *part,
            };
            match self.disk.create(&name.file()) {
                Ok(file) => {
                    *part += 1;
                    self.open.push(OpenSegment::created(name, file));
                    return Ok(self.open.len() - 1);
                }
                // Somebody put a file there; it is not ours to write to.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => *part += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Seals the segment that was opened first, or the next that can be. Where none can, there is no
    /// place for another: a clock that jumps must not open one for every hour it comes to.
    fn make_room(&mut self, now: Now) -> io::Result<()> {
        let mut places = 0..self.open.len();
        match places.any(|at| self.open[at].may_seal(now) && self.seal(at, now)) {
            true => Ok(()),
            false => Err(io::Error::other(
                "too many segments are open, and none can be sealed",
            )),
        }
    }

    /// Does what time brings, and says how soon to come again; `None` while nothing waits.
    pub fn settle(&mut self, now: Now) -> Option<Duration> {
        self.watch_clock(now);
        let mut at = 0;
        while at < self.open.len() {
            let is_due = self.open[at].seal_at(now) <= now.boot_nanos;
            if !(is_due && self.seal(at, now)) {
                at += 1;
            }
        }
        self.sync_due(now);
        self.expire(now);
        if let Err(error) = self.coverage.write_waiting(&self.disk, now) {
            self.notices.push(Notice::CoverageWaits(error));
        }
        self.finish_expiry();
        let next = self.next_deadline(now)?;
        Some(Duration::from_nanos(next.saturating_sub(now.boot_nanos)))
    }

    fn next_deadline(&mut self, now: Now) -> Option<u64> {
        let within = self.limits.sync_within_nanos;
        let sync_at = |since: u64| since.saturating_add(within);
        let again = within.max(COVERAGE_AGAIN_NANOS);
        let again_at = now.boot_nanos.saturating_add(again);
        let coverage_waits = (!self.coverage.is_written()).then_some(again_at);
        let mut next = [self.coverage.unsynced_since.map(sync_at), coverage_waits]
            .into_iter()
            .flatten()
            .min();
        for segment in &mut self.open {
            let seal_at = segment.seal_at(now);
            let sync_at = segment.unsynced_since.map_or(seal_at, sync_at);
            next = Some(next.unwrap_or(u64::MAX).min(seal_at).min(sync_at));
        }
        let expires = self.oldest_expires(now);
        next.into_iter().chain(expires).min()
    }

    /// Seals one open segment. On a failure it stays open, takes lines and is tried again later.
    fn seal(&mut self, at: usize, now: Now) -> bool {
        let previous = self.head.as_ref().map(|head| head.sha256);
        let segment = &mut self.open[at];
        if segment.content.events == 0 {
            // All it was made for was refused. If the file stays, the next start removes it.
            self.disk.remove(&segment.name.file()).ok();
            self.open.remove(at);
            return true;
        }
        match segment.seal(&self.disk, previous, now) {
            Ok(link) => {
                self.open.remove(at);
                self.head = Some(link.head());
                self.notices.push(Notice::Sealed(link.seal.clone()));
                self.kept.push(link, now.wall);
                true
            }
            Err(error) => {
                self.notices.push(Notice::NotSealed(segment.name, error));
                false
            }
        }
    }

    fn sync_due(&mut self, now: Now) {
        let within = self.limits.sync_within_nanos;
        let is_due = |since: &Option<u64>| {
            since.is_some_and(|since| now.boot_nanos >= since.saturating_add(within))
        };
        for segment in &mut self.open {
            if is_due(&segment.unsynced_since) {
                if let Err(error) = segment.sync(&self.disk) {
                    // Asked again only with the next line: the system has dropped the pages.
                    segment.unsynced_since = None;
                    self.notices
                        .push(Notice::NotSynced(segment.name.file(), error));
                }
            }
        }
        if is_due(&self.coverage.unsynced_since) {
            self.sync_coverage();
        }
    }

    fn sync_coverage(&mut self) {
        if let Err(error) = self.coverage.sync(&self.disk) {
            let file = super::coverage_file::COVERAGE_FILE.to_owned();
            self.notices.push(Notice::NotSynced(file, error));
        }
    }

    /// Adds an entry to the coverage; what the disk does not take now is kept and tried again.
    pub fn cover(&mut self, entry: Entry, now: Now) {
        if let Err(error) = self.coverage.add(&self.disk, entry, now) {
            self.notices.push(Notice::CoverageWaits(error));
        }
    }

    /// Whether all coverage so far stands in its file, so that the agent's word may move on.
    pub fn is_covered(&self) -> bool {
        self.coverage.is_written()
    }

    /// Rewrites `ledger.json` if it changed and the last time is long enough ago; else it is kept
    /// for the next time, or for the end.
    pub fn account(&mut self, ledger: &Ledger, now: Now) {
        let mut bytes = serde_json::to_vec(ledger).expect("numbers and texts always serialise");
        bytes.push(b'\n');
        self.ledger.newest = bytes;
        let is_recent = self
            .ledger
            .written_at
            .is_some_and(|at| now.boot_nanos < at.saturating_add(LEDGER_EVERY_NANOS));
        if !is_recent {
            self.write_ledger(now);
        }
    }

    fn write_ledger(&mut self, now: Now) {
        if self.ledger.newest == self.ledger.written {
            return;
        }
        let newest = &self.ledger.newest;
        match replace(&self.disk, LEDGER_FILE, newest, Access::Writable) {
            Ok(()) => {
                self.ledger.written.clone_from(newest);
                self.ledger.written_at = Some(now.boot_nanos);
            }
            Err(error) => self.notices.push(Notice::LedgerNotWritten(error)),
        }
    }

    /// The end of a run: all of it survives a loss of power. Segments stay open for the next run.
    pub fn finish(&mut self, now: Now) {
        self.settle(now);
        self.write_ledger(now);
        for segment in &mut self.open {
            if let Err(error) = segment.sync(&self.disk) {
                self.notices
                    .push(Notice::NotSynced(segment.name.file(), error));
            }
        }
        self.sync_coverage();
    }

    fn watch_clock(&mut self, now: Now) {
        let before = self.clock.replace(now);
        let Some(before) = before else { return };
        let expected = before.wall_of(now.boot_nanos).0;
        if now.wall.0.abs_diff(expected) < CLOCK_SET_NANOS {
            return;
        }
        let by = i128::from(now.wall.0) - i128::from(expected);
        let by_nanos = i64::try_from(by).unwrap_or(if by < 0 { i64::MIN } else { i64::MAX });
        if by_nanos > 0 {
            self.expiry.distrust_clock(now);
        }
        self.notices.push(Notice::ClockSet { by_nanos });
        let at = now.wall;
        self.cover(Entry::ClockSet(ClockSet { at, by_nanos }), now);
    }

    /// The newest seal: what the outside anchor has to know.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// What happened since the last call and is worth a line in a log.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// The file system it writes to.
    pub fn disk(&self) -> &D {
        &self.disk
    }
}

#[cfg(test)]
mod tests;

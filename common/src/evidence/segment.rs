//! One segment while it is written: append whole lines, sync, seal.
//!
//! After every call the file holds whole lines only, or `ragged` says that the start of a line
//! stands at its end and has to be cut before the next one. What the file holds is hashed as it is
//! written, so that sealing does not read it again.

use std::io;

use sha2::{Digest, Sha256};

use super::disk::{Access, Disk, append_all, replace};
use super::link::Link;
use super::name::{Hour, SegmentName};
use super::seal::{FORMAT, Seal, Sha};
use crate::time::{NANOS_PER_SECOND, Now, Timestamp};

/// How long a segment out of its time is kept open: late ones, and those of an hour to come.
const ODD_OPEN_NANOS: u64 = 60 * NANOS_PER_SECOND;
/// A seal that could not be written is tried again after this long, then after twice that, ….
const RETRY_FIRST_NANOS: u64 = NANOS_PER_SECOND;
const RETRY_MAX_NANOS: u64 = 60 * NANOS_PER_SECOND;

/// What whole lines amount to.
#[derive(Debug, Clone)]
pub struct Content {
    pub events: u64,
    pub bytes: u64,
    pub first: Timestamp,
    pub last: Timestamp,
    pub digest: Sha256,
}

impl Default for Content {
    fn default() -> Self {
        Self {
            events: 0,
            bytes: 0,
            first: Timestamp(u64::MAX),
            last: Timestamp(0),
            digest: Sha256::new(),
        }
    }
}

impl Content {
    pub fn add(&mut self, moment: Timestamp, line: &[u8]) {
        self.events += 1;
        self.bytes += len_of(line);
        self.first = self.first.min(moment);
        self.last = self.last.max(moment);
        self.digest.update(line);
    }

    /// A line that is no occurrence, with good ones after it: it stays as it is.
    pub fn keep_damage(&mut self, line: &[u8]) {
        self.events += 1;
        self.bytes += len_of(line);
        self.digest.update(line);
    }

    fn seal(&self, name: SegmentName, previous: Option<Sha>) -> Seal {
        Seal {
            format: FORMAT,
            segment: name.file(),
            events: self.events,
            bytes: self.bytes,
            first: self.first,
            last: self.last,
            sha256: Sha::finish(self.digest.clone()),
            previous,
        }
    }
}

pub(super) fn len_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("a length in memory fits 64 bits")
}

/// A segment that takes lines.
#[derive(Debug)]
pub struct OpenSegment<F> {
    pub name: SegmentName,
    file: F,
    pub content: Content,
    /// The start of a line stands at the end of the file.
    ragged: bool,
    /// Boot time of the oldest line that a loss of power would take.
    pub unsynced_since: Option<u64>,
    /// Its name is not known to survive a loss of power.
    is_new: bool,
    /// Boot time at which a segment out of its time is sealed.
    odd_until: Option<u64>,
    retry_at: Option<u64>,
    retry_wait: u64,
}

impl<F> OpenSegment<F> {
    pub fn created(name: SegmentName, file: F) -> Self {
        Self::new(name, file, Content::default(), true)
    }

    /// As the run before left it; the end of the file is the end of its last whole line. What that
    /// run did not sync any more has waited since then.
    pub fn recovered(name: SegmentName, file: F, content: Content) -> Self {
        let unsynced_since = Some(0);
        Self {
            unsynced_since,
            ..Self::new(name, file, content, true)
        }
    }

    fn new(name: SegmentName, file: F, content: Content, is_new: bool) -> Self {
        Self {
            name,
            file,
            content,
            ragged: false,
            unsynced_since: None,
            is_new,
            odd_until: None,
            retry_at: None,
            retry_wait: RETRY_FIRST_NANOS,
        }
    }

    /// Appends one line whole, or nothing.
    pub fn append<D: Disk<File = F>>(
        &mut self,
        disk: &D,
        moment: Timestamp,
        line: &[u8],
        now: Now,
    ) -> io::Result<()> {
        self.mend(disk)?;
        if let Err(error) = append_all(disk, &mut self.file, line) {
            self.ragged = true;
            // If even that fails, the next append mends before it writes.
            self.mend(disk).ok();
            return Err(error);
        }
        self.content.add(moment, line);
        self.unsynced_since.get_or_insert(now.boot_nanos);
        Ok(())
    }

    fn mend<D: Disk<File = F>>(&mut self, disk: &D) -> io::Result<()> {
        if self.ragged {
            disk.cut(&mut self.file, self.content.bytes)?;
            self.ragged = false;
        }
        Ok(())
    }

    pub fn sync<D: Disk<File = F>>(&mut self, disk: &D) -> io::Result<()> {
        disk.sync(&mut self.file)?;
        if self.is_new {
            disk.sync_names()?;
            self.is_new = false;
        }
        self.unsynced_since = None;
        Ok(())
    }

    /// Whether the time has come to try again after a seal that failed.
    pub fn may_seal(&self, now: Now) -> bool {
        self.retry_at.is_none_or(|at| at <= now.boot_nanos)
    }

    /// The boot time at which to seal it; in the past if that is due. Wall time decides for the
    /// segment of an hour, boot time for those that are out of their time.
    pub fn seal_at(&mut self, now: Now) -> u64 {
        let due = self.due_at(now);
        due.max(self.retry_at.unwrap_or(0))
    }

    fn due_at(&mut self, now: Now) -> u64 {
        let hour = self.name.hour;
        let closes = hour.end().0.saturating_add(super::name::LATE_AFTER_NANOS);
        if !self.name.late && now.wall.0 > closes {
            return now.boot_nanos;
        }
        if !self.name.late && Hour::of(now.wall) >= hour {
            self.odd_until = None;
            return now.boot_nanos.saturating_add(closes - now.wall.0 + 1);
        }
        let odd_until = now.boot_nanos.saturating_add(ODD_OPEN_NANOS);
        *self.odd_until.get_or_insert(odd_until)
    }

    /// Writes the seal; then nothing more may be appended. On an error the segment goes on.
    pub fn seal<D: Disk<File = F>>(
        &mut self,
        disk: &D,
        previous: Option<Sha>,
        now: Now,
    ) -> io::Result<Link> {
        let attempt = self.try_seal(disk, previous);
        if attempt.is_err() {
            self.retry_at = Some(now.boot_nanos.saturating_add(self.retry_wait));
            self.retry_wait = (self.retry_wait * 2).min(RETRY_MAX_NANOS);
        }
        attempt
    }

    fn try_seal<D: Disk<File = F>>(&mut self, disk: &D, previous: Option<Sha>) -> io::Result<Link> {
        self.mend(disk)?;
        self.sync(disk)?;
        let seal = self.content.seal(self.name, previous);
        let bytes = seal.to_bytes();
        replace(disk, &self.name.seal_file(), &bytes, Access::Frozen)?;
        // It is sealed from here on, whatever else fails: the seal is the truth, the mode of the
        // segment a help against accidents that the next start sees to again, and after a loss of
        // power that took the seal's name away the next start writes the same seal once more.
        disk.freeze(&self.name.file()).ok();
        disk.sync_names().ok();
        Ok(Link {
            name: self.name,
            seal,
            sha256: Sha::of(&bytes),
            seal_bytes: len_of(&bytes),
        })
    }
}

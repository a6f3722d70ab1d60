//! Retention: whole sealed segments go, oldest first, and the directory says so.
//!
//! Oldest is the one sealed first, so that what stays is one unbroken end of the chain. The seal is
//! set aside, which needs no space; the segment goes; the coverage says so; then the seal goes. So
//! an expiry that a crash or a full disk interrupts is known for what it is and finished later.

use std::collections::VecDeque;
use std::io;

use super::{Notice, Writer};
use crate::coverage::{Entry, Expired};
use crate::evidence::disk::Disk;
use crate::evidence::link::Link;
use crate::evidence::name::SegmentName;
use crate::time::{NANOS_PER_SECOND, Now, Timestamp};

/// A directory that lets nothing be removed is asked again after this long.
const RETRY_NANOS: u64 = 60 * NANOS_PER_SECOND;

/// By a clock that was set forward nothing is too old before it has stayed so for this long: one set
/// to 2099 by mistake must not cost all there is.
const CLOCK_TRUSTED_AFTER_NANOS: u64 = 3_600 * NANOS_PER_SECOND;

/// What is on its way out.
#[derive(Debug, Default)]
pub struct Expiry {
    /// Segments whose seal has been set aside.
    unfinished: Vec<SegmentName>,
    /// Boot time.
    retry_at: u64,
    /// Boot time from which on age counts.
    ages_from: u64,
}

impl Expiry {
    /// The clock was set forward.
    pub fn distrust_clock(&mut self, now: Now) {
        self.ages_from = now.boot_nanos.saturating_add(CLOCK_TRUSTED_AFTER_NANOS);
    }

    /// Takes over what an earlier run had recorded and not removed.
    pub fn resume(&mut self, names: impl Iterator<Item = SegmentName>) {
        self.unfinished.extend(names);
    }
}

/// The sealed segments there are, in the order of the chain, and what they take.
#[derive(Debug, Default)]
pub struct Kept {
    /// Each with the moment from which its age counts.
    links: VecDeque<(Link, Timestamp)>,
    bytes: u64,
}

impl Kept {
    /// Adds the newest. Its age counts from its last event or from when it was sealed, whichever is
    /// later: a box that starts in 1970 and then learns the time must not lose its first hours.
    pub fn push(&mut self, link: Link, sealed_at: Timestamp) {
        let before = self.links.back().map_or(Timestamp(0), |(_, since)| *since);
        let since = link.seal.last.max(sealed_at).max(before);
        self.bytes += link.bytes_on_disk();
        self.links.push_back((link, since));
    }

    fn pop(&mut self) -> Option<Link> {
        let (link, _) = self.links.pop_front()?;
        self.bytes -= link.bytes_on_disk();
        Some(link)
    }

    fn put_back(&mut self, link: Link) {
        let since = link.seal.last;
        self.bytes += link.bytes_on_disk();
        self.links.push_front((link, since));
    }

    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().map(|(link, _)| link)
    }
}

impl<D: Disk> Writer<D> {
    /// Removes what is over the limits.
    pub(super) fn expire(&mut self, now: Now) {
        let mut gone = Vec::new();
        while self.is_over_limits(now) && now.boot_nanos >= self.expiry.retry_at {
            let Some(link) = self.kept.pop() else { break };
            let (seal, aside) = (link.name.seal_file(), link.name.expired_file());
            if let Err(error) = self.disk.rename(&seal, &aside) {
                self.notices.push(Notice::NotExpired(link.name, error));
                self.kept.put_back(link);
                self.expiry.retry_at = now.boot_nanos.saturating_add(RETRY_NANOS);
            } else {
                gone.push(link);
            }
        }
        self.record_expired(&gone, now);
        self.finish_expiry();
    }

    /// Says in the coverage that these have gone, oldest first.
    pub(super) fn record_expired(&mut self, gone: &[Link], now: Now) {
        self.expiry
            .unfinished
            .extend(gone.iter().map(|link| link.name));
        let known = self.coverage.expired().cloned();
        let including = |known, link: &Link| Some(including(known, link, now.wall));
        let Some(expired) = gone
            .iter()
            .fold(known, including)
            .filter(|_| !gone.is_empty())
        else {
            return;
        };
        self.cover(Entry::Expired(expired.clone()), now);
        self.notices.push(Notice::Expired(expired));
        self.forget_parts();
    }

    /// Removes the segments of seals that were set aside, and the seals once the coverage says so.
    pub(super) fn finish_expiry(&mut self) {
        if self.expiry.unfinished.is_empty() {
            return;
        }
        // Synced, because the seal that goes is the only other thing that knows of it.
        let is_covered = self.coverage.is_written() && self.coverage.sync(&self.disk).is_ok();
        let disk = &self.disk;
        self.expiry.unfinished.retain(|name| {
            let segment_gone = is_gone(disk.remove(&name.file()));
            !(segment_gone && is_covered && is_gone(disk.remove(&name.expired_file())))
        });
    }

    fn is_over_limits(&self, now: Now) -> bool {
        let open: u64 = self.open.iter().map(|open| open.content.bytes).sum();
        let counts_age = now.boot_nanos >= self.expiry.ages_from;
        self.kept.links.front().is_some_and(|(_, since)| {
            let is_old = now.wall.0.saturating_sub(since.0) > self.limits.retain_age_nanos;
            open + self.kept.bytes > self.limits.retain_bytes_max || counts_age && is_old
        })
    }

    /// The boot time at which the oldest segment is too old, and may be removed.
    pub(super) fn oldest_expires(&self, now: Now) -> Option<u64> {
        let (_, since) = self.kept.links.front()?;
        let at = since.0.saturating_add(self.limits.retain_age_nanos);
        let within = at.saturating_sub(now.wall.0).saturating_add(1);
        let at = now.boot_nanos.saturating_add(within);
        Some(at.max(self.expiry.retry_at).max(self.expiry.ages_from))
    }

    /// Part numbers are remembered for the hours of which something is left, and newer ones.
    fn forget_parts(&mut self) {
        let kept = self.kept.links().map(|link| link.name.hour);
        let oldest = kept
            .chain(self.open.iter().map(|open| open.name.hour))
            .min();
        if let Some(oldest) = oldest {
            self.next_part.retain(|(hour, _), _| *hour >= oldest);
        }
    }
}

fn including(known: Option<Expired>, link: &Link, at: Timestamp) -> Expired {
    let seal = &link.seal;
    let before = known.as_ref();
    Expired {
        at,
        from: before.map_or(seal.first, |known| known.from.min(seal.first)),
        to: before.map_or(seal.last, |known| known.to.max(seal.last)),
        segments: before.map_or(0, |known| known.segments) + 1,
        events: before.map_or(0, |known| known.events) + seal.events,
        last_seal: link.name.seal_file(),
        last_sha256: link.sha256,
    }
}

/// What could not be removed is tried again at the next occasion.
fn is_gone(removed: io::Result<()>) -> bool {
    match removed {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

//! Verifying a directory: the first place where it is not what the agent sealed.
//!
//! Every seal must follow the one before it, every segment be what its seal says, and the newest
//! known to an outside anchor must be there. Without an anchor a cut tail cannot be told, and the
//! verdict says so. A live agent may seal and expire meanwhile: what looks broken while the folder
//! changes is looked at again.

mod fault;

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader};

use sha2::{Digest, Sha256};

use super::chain::{newly_expired, read_link, runs};
use super::coverage_file::Left;
use super::disk::{Disk, Listed};
use super::link::Link;
use super::name::SegmentName;
use super::seal::{BadSeal, Head, Sha};
use super::segment::len_of;
use crate::coverage::Expired;

pub use fault::Fault;

/// How often a folder that changes under the verifier is looked at again.
const LOOKS_MAX: usize = 5;

/// What somebody outside knows of the directory: the hash of a seal, and perhaps its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    pub sha256: Sha,
    pub seal: Option<String>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Sealed segments, their events and bytes, up to the first fault.
    pub segments: u64,
    pub events: u64,
    pub bytes: u64,
    /// Segments that are still written: nothing vouches for them yet.
    pub unsealed: Vec<String>,
    pub oldest: Option<Head>,
    pub newest: Option<Head>,
    /// Seals since the one the anchor knows; `None` without an anchor.
    pub sealed_since_anchor: Option<u64>,
    pub expired: Option<Expired>,
    pub fault: Option<Fault>,
}

/// Reads the whole chain. `progress` is told how many bytes were read, now and then.
pub fn verify<D: Disk>(
    disk: &D,
    anchor: Option<&Anchor>,
    progress: &mut dyn FnMut(u64),
) -> io::Result<Verdict> {
    let mut look = 1;
    loop {
        let files = disk.list()?;
        let verdict = Check::of(disk, &files)?.run(anchor, progress)?;
        let names = |files: &[Listed]| -> BTreeSet<String> {
            files.iter().map(|file| file.name.clone()).collect()
        };
        let is_steady = || Ok::<_, io::Error>(names(&disk.list()?) == names(&files));
        if verdict.fault.is_none() || look == LOOKS_MAX || is_steady()? {
            return Ok(verdict);
        }
        look += 1;
    }
}

/// One look at a directory.
struct Check<'a, D: Disk> {
    disk: &'a D,
    /// The chain, what is expired left out.
    runs: Vec<Vec<Link>>,
    /// The seal that expired last.
    expired_up_to: Option<Sha>,
    /// The files of its seals.
    seals: BTreeSet<String>,
    bad_seals: Vec<(SegmentName, BadSeal)>,
    /// Read-only segments without a seal.
    seals_missing: Vec<SegmentName>,
    verdict: Verdict,
}

impl<'a, D: Disk> Check<'a, D> {
    fn of(disk: &'a D, files: &[Listed]) -> io::Result<Self> {
        let expired = Left::read(disk)?.expired;
        let (expiring, expired_up_to) = expiring(disk, files, expired.as_ref())?;
        let (mut links, mut bad_seals) = (Vec::new(), Vec::new());
        let mut sealed = BTreeSet::new();
        for name in files
            .iter()
            .filter_map(|file| SegmentName::from_seal_file(&file.name))
        {
            match read_link(disk, name, &name.seal_file()) {
                Ok(Ok(link)) => links.push(link),
                Ok(Err(bad)) => bad_seals.push((name, bad)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
            sealed.insert(name);
        }
        let (mut unsealed, mut seals_missing) = (Vec::new(), Vec::new());
        for file in files {
            match SegmentName::from_file(&file.name) {
                Some(name) if sealed.contains(&name) || expiring.contains(&name) => {}
                Some(name) if file.frozen => seals_missing.push(name),
                Some(_) => unsealed.push(file.name.clone()),
                None => {}
            }
        }
        unsealed.sort();
        let runs = runs(links, expired_up_to);
        let seals = runs
            .iter()
            .flatten()
            .map(|link| link.name.seal_file())
            .collect();
        Ok(Self {
            disk,
            runs,
            expired_up_to,
            seals,
            bad_seals,
            seals_missing,
            verdict: Verdict {
                unsealed,
                expired,
                ..Verdict::default()
            },
        })
    }

    fn run(
        mut self,
        anchor: Option<&Anchor>,
        progress: &mut dyn FnMut(u64),
    ) -> io::Result<Verdict> {
        self.verdict.oldest = self
            .runs
            .first()
            .and_then(|run| run.first())
            .map(Link::head);
        self.verdict.newest = self.runs.last().and_then(|run| run.last()).map(Link::head);
        self.verdict.fault = self.first_fault(anchor, progress)?;
        Ok(self.verdict)
    }

    fn first_fault(
        &mut self,
        anchor: Option<&Anchor>,
        progress: &mut dyn FnMut(u64),
    ) -> io::Result<Option<Fault>> {
        let mut before: Option<Head> = None;
        for run in std::mem::take(&mut self.runs) {
            let first = &run[0];
            if before.is_some() || first.seal.previous != self.expired_up_to {
                return Ok(Some(self.broken_link(first, before)));
            }
            for link in &run {
                if let Some(fault) = check_content(self.disk, link, progress)? {
                    return Ok(Some(fault));
                }
                self.verdict.segments += 1;
                self.verdict.events += link.seal.events;
                self.verdict.bytes += link.seal.bytes;
            }
            if let Some(anchor) = anchor {
                let known = run
                    .iter()
                    .rev()
                    .position(|link| link.sha256 == anchor.sha256);
                self.verdict.sealed_since_anchor =
                    known.map(|since| u64::try_from(since).unwrap_or(u64::MAX));
            }
            before = run.last().map(Link::head);
        }
        Ok(self
            .loose_end()
            .or_else(|| self.anchor_fault(anchor, before)))
    }

    /// Why `first` does not follow what stands before it: by preference the file that is to blame.
    fn broken_link(&mut self, first: &Link, before: Option<Head>) -> Fault {
        self.loose_end().unwrap_or_else(|| Fault::Unlinked {
            seal: first.name.seal_file(),
            previous: first.seal.previous,
            before: before.map(|head| head.seal),
            expired: self
                .verdict
                .expired
                .as_ref()
                .map(|expired| expired.last_seal.clone()),
        })
    }

    fn loose_end(&mut self) -> Option<Fault> {
        self.bad_seals.sort_by_key(|(name, _)| *name);
        self.seals_missing.sort();
        let mut bad = std::mem::take(&mut self.bad_seals).into_iter();
        let bad = bad.next().map(|(name, reason)| Fault::BadSeal {
            seal: name.seal_file(),
            reason,
        });
        let missing = self.seals_missing.first();
        bad.or_else(|| {
            missing.map(|name| Fault::SealMissing {
                segment: name.file(),
            })
        })
    }

    fn anchor_fault(&self, anchor: Option<&Anchor>, newest: Option<Head>) -> Option<Fault> {
        let anchor = anchor.filter(|_| self.verdict.sealed_since_anchor.is_none())?;
        if self.expired_up_to == Some(anchor.sha256) {
            return None;
        }
        if let Some(seal) = anchor.seal.clone().filter(|seal| self.seals.contains(seal)) {
            return Some(Fault::Replaced { seal });
        }
        Some(Fault::TailCut {
            anchor: anchor.clone(),
            newest: newest.map(|head| head.seal),
            may_be_expired: self.expired_up_to.is_some(),
        })
    }
}

/// The segments that are being removed, and the seal that expired last with them.
fn expiring<D: Disk>(
    disk: &D,
    files: &[Listed],
    expired: Option<&Expired>,
) -> io::Result<(BTreeSet<SegmentName>, Option<Sha>)> {
    let mut links = Vec::new();
    let mut names = BTreeSet::new();
    for file in files {
        let Some(name) = SegmentName::from_expired_file(&file.name) else {
            continue;
        };
        names.insert(name);
        match read_link(disk, name, &file.name) {
            Ok(link) => links.extend(link.ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    let recorded = expired.map(|expired| expired.last_sha256);
    let newest = newly_expired(links, recorded).pop();
    Ok((names, newest.map(|link| link.sha256).or(recorded)))
}

fn check_content<D: Disk>(
    disk: &D,
    link: &Link,
    progress: &mut dyn FnMut(u64),
) -> io::Result<Option<Fault>> {
    let segment = link.name.file();
    let reader = match disk.read(&segment) {
        Ok(reader) => reader,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Some(Fault::SegmentMissing { segment }));
        }
        Err(error) => return Err(error),
    };
    let mut reader = BufReader::with_capacity(1 << 16, reader);
    let (mut digest, mut bytes, mut events) = (Sha256::new(), 0, 0);
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            break;
        }
        digest.update(chunk);
        events += lines_ended(chunk);
        let len = chunk.len();
        bytes += len_of(chunk);
        progress(len_of(chunk));
        reader.consume(len);
    }
    if Sha::finish(digest) == link.seal.sha256 {
        return Ok(None);
    }
    Ok(Some(Fault::Content {
        segment,
        sealed: (link.seal.events, link.seal.bytes),
        found: (events, bytes),
    }))
}

fn lines_ended(chunk: &[u8]) -> u64 {
    chunk.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

#[cfg(test)]
mod tests;

//! The chain of seals: which came after which, and where it breaks.
//!
//! A seal names the hash of the one before it, and nothing else gives the order: a late segment is
//! sealed after the hours that follow its own, and a clock can be set back. Pure: hashes and names
//! in, order out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;

use super::disk::{Disk, read_whole};
use super::link::Link;
use super::name::SegmentName;
use super::seal::{BadSeal, SEAL_BYTES_MAX, Seal, Sha};
use super::segment::len_of;

/// Reads the seal of `name` from `file`, or says why the file is none.
pub fn read_link<D: Disk>(
    disk: &D,
    name: SegmentName,
    file: &str,
) -> io::Result<Result<Link, BadSeal>> {
    let bytes = match read_whole(disk, file, SEAL_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Ok(Err(BadSeal::TooLong));
        }
        Err(error) => return Err(error),
    };
    Ok(Seal::from_bytes(name, &bytes).map(|seal| Link {
        name,
        seal,
        sha256: Sha::of(&bytes),
        seal_bytes: len_of(&bytes),
    }))
}

/// Seals in their order, in runs that hang together. One run is an unbroken chain.
///
/// Between runs the order is that of the events in their first seals, which is only a guess; the
/// run that begins a directory, or goes on where retention stopped, comes first.
pub fn runs(links: Vec<Link>, expired_up_to: Option<Sha>) -> Vec<Vec<Link>> {
    let mut after: BTreeMap<Option<Sha>, Vec<Link>> = BTreeMap::new();
    let mut known = BTreeSet::new();
    known.extend(links.iter().map(|link| link.sha256)); // `collect` would bring a sort along
    let mut starts = Vec::new();
    for link in links {
        match link.seal.previous {
            Some(previous) if known.contains(&previous) => {
                after.entry(Some(previous)).or_default().push(link);
            }
            Some(_) | None => starts.push(link),
        }
    }
    sort(&mut starts, expired_up_to);
    let mut starts: VecDeque<Link> = starts.into();
    let mut found = Vec::new();
    while let Some(start) = starts.pop_front() {
        let mut run = vec![start];
        while let Some(mut next) = run.last().and_then(|last| after.remove(&Some(last.sha256))) {
            sort(&mut next, expired_up_to); // all go on from the same seal
            let mut next = next.into_iter();
            run.extend(next.next());
            // Two seals that name the same one before them: each further one begins a run.
            starts.extend(next);
        }
        found.push(run);
    }
    found
}

fn sort(links: &mut [Link], expired_up_to: Option<Sha>) {
    let is_beginning =
        |link: &Link| link.seal.previous.is_none() || link.seal.previous == expired_up_to;
    links.sort_unstable_by_key(|link| (!is_beginning(link), link.seal.first, link.name));
}

/// Of seals that were set aside to expire those that come after the one known to have expired last,
/// in their order.
pub fn newly_expired(links: Vec<Link>, expired_up_to: Option<Sha>) -> Vec<Link> {
    let mut chain: Vec<Link> = runs(links, expired_up_to).into_iter().flatten().collect();
    if let Some(at) = chain
        .iter()
        .position(|link| Some(link.sha256) == expired_up_to)
    {
        chain.drain(..=at);
    }
    chain
}

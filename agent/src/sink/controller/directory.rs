//! The evidence directory as the queue: what of it the controller has not got yet, in order.
//!
//! Within a segment the order is that of its lines, and segments come in the order of their names.
//! What is read is settled only when somebody says so, so that a batch that could not be sent is
//! simply read again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::Path;

use tapio_common::evidence::disk::{Disk, Folder, Listed};
use tapio_common::evidence::link::Link;
use tapio_common::evidence::listing::{sealed_in_order, whole_lines_from};
use tapio_common::evidence::name::SegmentName;
use tapio_common::evidence::seal::Sha;

use super::batch::{Batch, BatchLimits, count, end_of};
use super::body::Stamp;
use super::cursor::{Cursor, OnItsWay};

/// A segment that is not settled to its end, or may still grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    settled_to: u64,
    /// What is before was stored by an earlier run.
    own_from: u64,
    is_sealed: bool,
}

/// The directory, and how far it is settled.
#[derive(Debug)]
pub struct Directory {
    folder: Folder,
    places: BTreeMap<SegmentName, Place>,
    done: BTreeSet<SegmentName>,
    /// Whose seals were there when the chain was last read.
    seals: BTreeSet<SegmentName>,
    /// The segments of that chain, and how many events each holds. A damaged seal is in none, and
    /// its segment stays in the cursor.
    sealed: BTreeMap<SegmentName, u64>,
    /// The newest of that chain.
    head: Option<Sha>,
    next_sequence: u64,
    again: Option<OnItsWay>,
}

impl Directory {
    /// As an earlier run left it. The file sink has opened it before: there are whole lines only.
    pub fn open(path: &Path) -> io::Result<Self> {
        let folder = Folder::new(path);
        let cursor = match Cursor::load(&folder) {
            Ok(found) => found.unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                log::warn!(
                    "{}: how far the controller has it is not known any more, so all of it is \
                     sent again: {error}",
                    path.display()
                );
                Cursor::default()
            }
            Err(error) => return Err(error),
        };
        let mut directory = Self {
            folder,
            places: BTreeMap::new(),
            done: BTreeSet::new(),
            seals: BTreeSet::new(),
            sealed: BTreeMap::new(),
            head: None,
            next_sequence: cursor.next_sequence.max(1),
            again: cursor.batch.clone(),
        };
        directory.resume(&cursor)?;
        Ok(directory)
    }

    fn resume(&mut self, cursor: &Cursor) -> io::Result<()> {
        let files = self.folder.list()?;
        let chain = self.read_chain(&files)?;
        let known = cursor
            .head
            .and_then(|head| chain.iter().position(|link| link.sha256 == head));
        let known = known.map_or(0, |at| at + 1);
        for file in files {
            let Some(segment) = SegmentName::from_file(&file.name) else {
                continue;
            };
            let at = chain.iter().position(|link| link.name == segment);
            let offset = match (cursor.offsets.get(&file.name), at) {
                (Some(offset), _) => (*offset).min(file.bytes),
                (None, Some(at)) if at < known => {
                    self.done.insert(segment);
                    continue;
                }
                (None, _) => 0,
            };
            let place = Place {
                settled_to: offset,
                own_from: file.bytes,
                is_sealed: at.is_some(),
            };
            self.places.insert(segment, place);
        }
        Ok(())
    }

    /// Reads every seal. Whose seals are among `files` was there before: a segment that is sealed
    /// meanwhile may be in the chain, and is looked for again.
    fn read_chain(&mut self, files: &[Listed]) -> io::Result<Vec<Link>> {
        let chain = sealed_in_order(&self.folder)?;
        self.seals = seals(files);
        self.head = chain.last().map(|link| link.sha256);
        self.sealed.clear();
        let sealed = chain.iter().map(|link| (link.name, link.seal.events));
        self.sealed.extend(sealed);
        Ok(chain)
    }

    /// The sequence of the next batch, sent before or not.
    pub fn next_sequence(&self) -> u64 {
        self.again
            .as_ref()
            .map_or(self.next_sequence, |batch| batch.sequence)
    }

    /// The next lines that are not settled; `None` if there are none now.
    pub fn next(&mut self, limits: BatchLimits) -> io::Result<Option<Batch>> {
        if let Some(batch) = self.take_again()? {
            return Ok(Some(batch));
        }
        match self.read_on(limits)? {
            Some(batch) => Ok(Some(batch)),
            None => {
                self.refresh()?;
                self.read_on(limits)
            }
        }
    }

    /// The batch that was on its way when the run before ended, to the byte.
    fn take_again(&mut self) -> io::Result<Option<Batch>> {
        let Some(again) = &self.again else {
            return Ok(None);
        };
        let found = self.find_again(again)?;
        // Whatever becomes of it, its number is used: somebody may have taken it.
        let used = match &found {
            Some(_) => again.sequence,
            None => again.sequence.saturating_add(1),
        };
        self.next_sequence = self.next_sequence.max(used);
        if found.is_none() {
            log::warn!(
                "{}: the batch that was on its way is no longer there to be sent again",
                again.segment
            );
        }
        self.again = None;
        Ok(found)
    }

    fn find_again(&self, again: &OnItsWay) -> io::Result<Option<Batch>> {
        let place = SegmentName::from_file(&again.segment)
            .and_then(|name| Some((name, *self.places.get(&name)?)));
        let Some((segment, place)) = place else {
            return Ok(None);
        };
        let mut file = match self.folder.read(&again.segment) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut lines = Vec::new();
        let bytes = usize::try_from(again.to.saturating_sub(again.from)).unwrap_or(0);
        let end = whole_lines_from(&mut file, again.from, bytes, &mut lines)?;
        let is_it = end == again.to && again.from == place.settled_to && !lines.is_empty();
        Ok(is_it.then_some(Batch {
            segment,
            from: again.from,
            lines,
            stamp: Some(again.stamp()),
            own_from: place.own_from,
        }))
    }

    fn read_on(&mut self, limits: BatchLimits) -> io::Result<Option<Batch>> {
        let mut gone = Vec::new();
        let mut found = None;
        for (segment, place) in &mut self.places {
            let mut file = match self.folder.read(&segment.file()) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    gone.push(*segment);
                    continue;
                }
                Err(error) => return Err(error),
            };
            found = read_place(*segment, place, &mut file, limits)?;
            if found.is_some() {
                break;
            }
            if place.is_sealed {
                gone.push(*segment);
            }
        }
        for segment in gone {
            self.places.remove(&segment);
            self.done.insert(segment);
        }
        Ok(found)
    }

    /// Looks for segments that are new, sealed, or gone.
    fn refresh(&mut self) -> io::Result<()> {
        let mut files = self.folder.list()?;
        if seals(&files) != self.seals {
            self.read_chain(&files)?;
            // After the chain: no segment that its newest seal knows is missed.
            files = self.folder.list()?;
        }
        let there = named(&files, SegmentName::from_file);
        self.done.retain(|segment| there.contains(segment));
        self.places.retain(|segment, _| there.contains(segment));
        for segment in there.difference(&self.done) {
            let place = self.places.entry(*segment).or_insert(Place {
                settled_to: 0,
                own_from: 0,
                is_sealed: false,
            });
            place.is_sealed = self.sealed.contains_key(segment);
        }
        Ok(())
    }

    /// How many events are there that are not settled. A whole segment's seal knows without its
    /// being read.
    pub fn unsettled(&mut self) -> io::Result<u64> {
        self.refresh()?;
        let mut events = 0;
        for (segment, place) in &self.places {
            events += match self.sealed.get(segment) {
                Some(sealed) if place.settled_to == 0 => *sealed,
                Some(_) | None => count_from(&self.folder, *segment, place.settled_to)?,
            };
        }
        Ok(events)
    }

    /// Stores that this batch is on its way.
    pub fn depart(&self, batch: &Batch, stamp: Stamp) -> io::Result<()> {
        let batch = OnItsWay {
            segment: batch.segment.file(),
            from: batch.from,
            to: batch.to(),
            sequence: stamp.sequence,
            sent_at_unix_nanos: stamp.sent_at_unix_nanos,
        };
        self.cursor(Some(batch)).store(&self.folder)
    }

    /// The batch is dealt with; `took` if its sequence was, too.
    pub fn settle(&mut self, batch: &Batch, took: bool) {
        if let Some(place) = self.places.get_mut(&batch.segment) {
            place.settled_to = place.settled_to.max(batch.to());
        }
        if took {
            self.next_sequence = self.next_sequence.saturating_add(1);
        }
    }

    /// Stores how far everything is settled.
    pub fn store(&self) -> io::Result<()> {
        self.cursor(None).store(&self.folder)
    }

    fn cursor(&self, batch: Option<OnItsWay>) -> Cursor {
        let offsets = self.places.iter();
        Cursor {
            head: self.head,
            next_sequence: self.next_sequence,
            offsets: offsets
                .map(|(segment, place)| (segment.file(), place.settled_to))
                .collect(),
            batch,
            ..Cursor::default()
        }
    }
}

/// The next lines of one segment.
fn read_place(
    segment: SegmentName,
    place: &mut Place,
    file: &mut File,
    limits: BatchLimits,
) -> io::Result<Option<Batch>> {
    loop {
        let from = place.settled_to;
        let mut lines = Vec::new();
        let end = whole_lines_from(file, from, limits.bytes_max, &mut lines)?;
        if !lines.is_empty() {
            lines.truncate(end_of(&lines, limits.events_max));
            let own_from = place.own_from;
            return Ok(Some(Batch {
                segment,
                from,
                lines,
                stamp: None,
                own_from,
            }));
        }
        if end == from {
            return Ok(None);
        }
        place.settled_to = end; // damage, longer than any line
    }
}

/// The whole lines of a segment from an offset on; none if it is gone.
fn count_from(folder: &Folder, segment: SegmentName, mut from: u64) -> io::Result<u64> {
    let mut file = match folder.read(&segment.file()) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let (mut events, mut lines) = (0, Vec::new());
    loop {
        lines.clear();
        let end = whole_lines_from(&mut file, from, COUNTED_BYTES, &mut lines)?;
        events += count(&lines);
        if end == from {
            return Ok(events);
        }
        from = end;
    }
}

/// Read at once to count lines.
const COUNTED_BYTES: usize = 64 << 10;

fn seals(files: &[Listed]) -> BTreeSet<SegmentName> {
    named(files, SegmentName::from_seal_file)
}

fn named(files: &[Listed], read: fn(&str) -> Option<SegmentName>) -> BTreeSet<SegmentName> {
    let mut names = BTreeSet::new();
    names.extend(files.iter().filter_map(|file| read(&file.name))); // `collect` would sort first
    names
}

#[cfg(test)]
mod tests;

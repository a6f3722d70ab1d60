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
use tapio_common::evidence::listing::{sealed_in_order, whole_lines_from};
use tapio_common::evidence::name::SegmentName;
use tapio_common::evidence::seal::Sha;

use super::body::Stamp;
use super::count;
use super::cursor::{Cursor, OnItsWay};

/// Whole lines of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub segment: SegmentName,
    pub from: u64,
    pub lines: Vec<u8>,
    /// It was on its way when the run before ended, and is sent as it was.
    pub stamp: Option<Stamp>,
    /// Where the lines of this run begin in the segment.
    own_from: u64,
}

/// What fits into one batch.
#[derive(Debug, Clone, Copy)]
pub struct BatchLimits {
    pub events_max: u64,
    pub bytes_max: usize,
}

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
    /// Segments that had a seal when it was last looked.
    sealed: BTreeSet<SegmentName>,
    head: Option<Sha>,
    next_sequence: u64,
    again: Option<OnItsWay>,
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

    /// Leaves the first half of its lines, one at least.
    pub fn halve(&mut self) {
        let half = (self.events() / 2).max(1);
        self.lines.truncate(end_of(&self.lines, half));
        self.stamp = None;
    }
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
            sealed: BTreeSet::new(),
            head: None,
            next_sequence: cursor.next_sequence.max(1),
            again: cursor.batch.clone(),
        };
        directory.resume(&cursor)?;
        Ok(directory)
    }

    fn resume(&mut self, cursor: &Cursor) -> io::Result<()> {
        let sealed = sealed_in_order(&self.folder)?;
        let known = cursor
            .head
            .and_then(|head| sealed.iter().position(|(_, sha)| *sha == head));
        let known = known.map_or(0, |at| at + 1);
        self.head = sealed.last().map(|(_, sha)| *sha);
        self.sealed.clear();
        self.sealed.extend(sealed.iter().map(|(name, _)| *name));
        for file in self.folder.list()? {
            let Some(segment) = SegmentName::from_file(&file.name) else {
                continue;
            };
            let at = sealed.iter().position(|(name, _)| *name == segment);
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
        let Some(again) = self.again.take() else {
            return Ok(None);
        };
        // Whatever becomes of it, its number is used.
        self.next_sequence = self.next_sequence.max(again.sequence);
        let place = SegmentName::from_file(&again.segment)
            .and_then(|name| Some((name, *self.places.get(&name)?)));
        if let Some((segment, place)) = place {
            let mut lines = Vec::new();
            let bytes = usize::try_from(again.to.saturating_sub(again.from)).unwrap_or(0);
            let mut file = self.folder.read(&again.segment)?;
            let end = whole_lines_from(&mut file, again.from, bytes, &mut lines)?;
            if end == again.to && again.from == place.settled_to && !lines.is_empty() {
                return Ok(Some(Batch {
                    segment,
                    from: again.from,
                    lines,
                    stamp: Some(again.stamp()),
                    own_from: place.own_from,
                }));
            }
        }
        self.next_sequence = again.sequence.saturating_add(1);
        log::warn!(
            "{}: the batch that was on its way is no longer there to be sent again",
            again.segment
        );
        Ok(None)
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
        if seals(&files) != self.sealed {
            // First the seals, then the files: no segment that the newest seal knows is missed.
            self.head = sealed_in_order(&self.folder)?.last().map(|(_, sha)| *sha);
            files = self.folder.list()?;
        }
        self.sealed = seals(&files);
        let there = named(&files, SegmentName::from_file);
        self.done.retain(|segment| there.contains(segment));
        self.places.retain(|segment, _| there.contains(segment));
        for segment in there.difference(&self.done) {
            let place = self.places.entry(*segment).or_insert(Place {
                settled_to: 0,
                own_from: 0,
                is_sealed: false,
            });
            place.is_sealed = self.sealed.contains(segment);
        }
        Ok(())
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

fn seals(files: &[Listed]) -> BTreeSet<SegmentName> {
    named(files, SegmentName::from_seal_file)
}

fn named(files: &[Listed], read: fn(&str) -> Option<SegmentName>) -> BTreeSet<SegmentName> {
    let mut names = BTreeSet::new();
    names.extend(files.iter().filter_map(|file| read(&file.name))); // `collect` would sort first
    names
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

#[cfg(test)]
mod tests;

//! What a reader opens: the segments that can hold events of an interval, and their whole lines.
//!
//! The name rules out all other hours without opening anything; in the hours that remain a seal
//! rules out parts. A reader may find half a line at the end of a segment that is being written: it
//! is not there yet.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Read, Seek, SeekFrom};

use super::chain::{read_link, runs};
use super::disk::Disk;
use super::line::LINE_BYTES_MAX;
use super::link::Link;
use super::name::{Hour, SegmentName};
use super::seal::Seal;
use super::segment::len_of;
use crate::time::Timestamp;

/// A segment a reader may want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub name: SegmentName,
    pub bytes: u64,
    /// `None` while it is written, or if its seal cannot be read.
    pub seal: Option<Seal>,
}

impl Segment {
    /// No event of it happened before.
    pub fn earliest(&self) -> Timestamp {
        self.seal
            .as_ref()
            .map_or(self.name.hour.start(), |seal| seal.first)
    }

    /// No event of it happened later.
    pub fn latest(&self) -> Timestamp {
        self.seal
            .as_ref()
            .map_or(self.name.hour.last(), |seal| seal.last)
    }
}

/// The segments that can hold events from `from` to `to`, both included, by hour and part.
pub fn segments<D: Disk>(disk: &D, from: Timestamp, to: Timestamp) -> io::Result<Vec<Segment>> {
    let files = disk.list()?;
    let mut expiring = BTreeSet::new();
    let names = files.iter().map(|file| file.name.as_str());
    expiring.extend(names.filter_map(SegmentName::from_expired_file));
    let hours = Hour::of(from)..=Hour::of(to);
    let mut found = Vec::new();
    for file in &files {
        let Some(name) = SegmentName::from_file(&file.name) else {
            continue;
        };
        if !hours.contains(&name.hour) || expiring.contains(&name) {
            continue;
        }
        let seal = match read_link(disk, name, &name.seal_file()) {
            Ok(link) => link.ok().map(|link| link.seal),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let bytes = file.bytes;
        let segment = Segment { name, bytes, seal };
        if segment.latest() >= from && segment.earliest() <= to {
            found.push(segment);
        }
    }
    found.sort_unstable_by_key(|segment| segment.name);
    Ok(found)
}

/// Every good seal, in the order in which they were made.
pub fn sealed_in_order<D: Disk>(disk: &D) -> io::Result<Vec<Link>> {
    let mut links = Vec::new();
    for file in disk.list()? {
        let Some(name) = SegmentName::from_seal_file(&file.name) else {
            continue;
        };
        match read_link(disk, name, &file.name) {
            Ok(link) => links.extend(link.ok()),
            // Retention came between.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(runs(links, None).into_iter().flatten().collect())
}

/// The whole lines of a segment, one at a time, each with the offset it begins at.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    next_at: u64,
}

impl<R: BufRead> Lines<R> {
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            line: Vec::new(),
            next_at: 0,
        }
    }

    /// The next line, without its newline. Damage that is longer than any line is passed over.
    pub fn read_next(&mut self) -> io::Result<Option<(u64, &[u8])>> {
        loop {
            self.line.clear();
            let mut is_damage = false;
            loop {
                let chunk = self.reader.fill_buf()?;
                if chunk.is_empty() {
                    return Ok(None);
                }
                let end = chunk.iter().position(|byte| *byte == b'\n');
                let len = end.map_or(chunk.len(), |end| end + 1);
                is_damage |= self.line.len() + len > LINE_BYTES_MAX;
                if !is_damage {
                    self.line.extend_from_slice(&chunk[..len]);
                }
                self.next_at += len_of(&chunk[..len]);
                self.reader.consume(len);
                if end.is_some() {
                    break;
                }
            }
            if !is_damage {
                break;
            }
        }
        self.line.pop();
        Ok(Some((self.at(), &self.line)))
    }

    fn at(&self) -> u64 {
        self.next_at - len_of(&self.line) - 1
    }
}

/// Appends to `lines` the whole lines from `offset` on, about `bytes_max` of them and one at least,
/// and answers the offset after them: `offset` itself if there is no whole line yet. What is longer
/// than any line is damage and passed over.
pub fn whole_lines_from<R: Read + Seek>(
    reader: &mut R,
    offset: u64,
    bytes_max: usize,
    lines: &mut Vec<u8>,
) -> io::Result<u64> {
    reader.seek(SeekFrom::Start(offset))?;
    let before = lines.len();
    let mut read = take(reader, bytes_max, lines)?;
    let mut end = lines[before..].iter().rposition(|byte| *byte == b'\n');
    if end.is_none() && read == bytes_max {
        read += take(reader, LINE_BYTES_MAX, lines)?;
        end = lines[before..].iter().position(|byte| *byte == b'\n');
    }
    let whole = end.map_or(0, |end| end + 1);
    lines.truncate(before + whole);
    let is_damage = end.is_none() && read >= LINE_BYTES_MAX;
    let passed = if is_damage { read } else { whole };
    Ok(offset + u64::try_from(passed).expect("a length in memory fits 64 bits"))
}

fn take(reader: &mut impl Read, bytes_max: usize, lines: &mut Vec<u8>) -> io::Result<usize> {
    let limit = u64::try_from(bytes_max).expect("a length in memory fits 64 bits");
    reader.by_ref().take(limit).read_to_end(lines)
}

#[cfg(test)]
mod tests;

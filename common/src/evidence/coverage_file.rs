//! `coverage.jsonl`: the coverage entries of all runs, in the order in which they were written.
//!
//! An entry that cannot be written waits in memory, losses added up, until there is space again:
//! nothing counts as covered up to a moment while something older waits. The file is bounded: past
//! [`COVERAGE_BYTES_MAX`] the older half goes, and before the first entry nothing is claimed.

use std::io::{self, BufReader};

use super::disk::{Access, Disk, append_all, replace};
use super::listing::Lines;
use super::segment::len_of;
use crate::coverage::{Entry, Expired, Gap, Looking, Loss, Lost};
use crate::time::{Now, Timestamp};

pub const COVERAGE_FILE: &str = "coverage.jsonl";

/// Years of a quiet agent, days of one that loses something every ten seconds.
pub const COVERAGE_BYTES_MAX: u64 = 512 * 1024;

/// Entries that wait for space: a day of losses is one, so these are changes of config.
const WAITING_MAX: usize = 64;

/// The file, open at its end.
#[derive(Debug)]
pub struct CoverageFile<F> {
    file: Option<F>,
    bytes: u64,
    ragged: bool,
    waiting: Vec<Entry>,
    /// All that retention removed so far, and whether the file does not say so yet.
    expired: Option<Expired>,
    expired_waits: bool,
    pub unsynced_since: Option<u64>,
}

/// What the runs before left.
#[derive(Debug, Default)]
pub struct Left {
    /// The newest entry that says whether somebody looks.
    pub state: Option<Entry>,
    pub expired: Option<Expired>,
    /// When the newest entry was written, by the clock of then.
    pub written_at: Option<Timestamp>,
    /// Up to here the file holds whole entries.
    bytes: u64,
    /// The file goes on after that.
    ragged: bool,
}

/// Reads the entries of a coverage file, one by one. `None` stands for a line that is no entry of
/// a kind this build knows, or is longer than any; an unfinished last line is not there yet.
pub fn read_entries(reader: impl io::Read, mut each: impl FnMut(Option<Entry>)) -> io::Result<u64> {
    let mut lines = Lines::new(BufReader::new(reader));
    let mut whole = 0;
    while let Some((at, line)) = lines.read_next()? {
        if at > whole {
            each(None); // passed over: longer than any entry
        }
        whole = at + len_of(line) + 1;
        each(Entry::from_line(line).ok());
    }
    Ok(whole)
}

impl Left {
    pub fn read<D: Disk>(disk: &D) -> io::Result<Self> {
        let reader = match disk.read(COVERAGE_FILE) {
            Ok(reader) => reader,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let mut left = Self::default();
        let whole = read_entries(reader, |entry| left.note(entry))?;
        let listed = disk.list()?;
        let file = listed.iter().find(|file| file.name == COVERAGE_FILE);
        left.bytes = whole;
        left.ragged = file.is_some_and(|file| file.bytes > whole);
        Ok(left)
    }

    fn note(&mut self, entry: Option<Entry>) {
        self.written_at = entry.as_ref().map(Entry::to).or(self.written_at);
        match entry {
            Some(Entry::Expired(expired)) => self.expired = Some(expired),
            Some(Entry::Lost(_) | Entry::ClockSet(_)) | None => {}
            Some(state @ (Entry::Looking(_) | Entry::Gap(_) | Entry::Stopped(_))) => {
                self.state = Some(state);
            }
        }
    }

    /// The start of the interval in which nobody can be shown to have looked, if the run before did
    /// not end in good order. `word` is up to when it said that all it had seen was stored.
    pub fn crashed_since(&self, word: Option<Timestamp>) -> Option<Timestamp> {
        match self.state.as_ref()? {
            Entry::Looking(looking) => {
                Some(word.map_or(looking.from, |word| word.max(looking.from)))
            }
            Entry::Gap(_)
            | Entry::Stopped(_)
            | Entry::Lost(_)
            | Entry::Expired(_)
            | Entry::ClockSet(_) => None,
        }
    }
}

impl<F> CoverageFile<F> {
    pub fn after(left: Left) -> Self {
        Self {
            file: None,
            bytes: left.bytes,
            ragged: left.ragged,
            waiting: Vec::new(),
            expired: left.expired,
            expired_waits: false,
            unsynced_since: None,
        }
    }

    /// Adds an entry; it waits if the disk does not take it.
    pub fn add<D: Disk<File = F>>(&mut self, disk: &D, entry: Entry, now: Now) -> io::Result<()> {
        match entry {
            Entry::Expired(expired) => self.expire(expired),
            other => wait(&mut self.waiting, other),
        }
        self.write_waiting(disk, now)
    }

    /// What is said of expiry speaks of all there ever was, so only the newest has to be written.
    fn expire(&mut self, expired: Expired) {
        self.expired = Some(expired);
        self.expired_waits = true;
    }

    pub fn expired(&self) -> Option<&Expired> {
        self.expired.as_ref()
    }

    /// Whether all entries so far stand in the file.
    pub fn is_written(&self) -> bool {
        self.waiting.is_empty() && !self.expired_waits
    }

    pub fn write_waiting<D: Disk<File = F>>(&mut self, disk: &D, now: Now) -> io::Result<()> {
        if self.is_written() {
            return Ok(());
        }
        let mut lines = Vec::new();
        if let Some(expired) = self.expired.clone().filter(|_| self.expired_waits) {
            push_line(&mut lines, &Entry::Expired(expired))?;
        }
        for entry in &self.waiting {
            push_line(&mut lines, entry)?;
        }
        if self.bytes + len_of(&lines) > COVERAGE_BYTES_MAX {
            self.shorten(disk)?;
        }
        if self.file.is_none() {
            self.file = Some(open(disk)?);
        }
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        if self.ragged {
            disk.cut(file, self.bytes)?;
        }
        self.ragged = true; // until all of it stands there
        append_all(disk, file, &lines)?;
        self.ragged = false;
        self.bytes += len_of(&lines);
        self.unsynced_since.get_or_insert(now.boot_nanos);
        self.waiting.clear();
        self.expired_waits = false;
        Ok(())
    }

    pub fn sync<D: Disk<File = F>>(&mut self, disk: &D) -> io::Result<()> {
        // After a failure asked again only with the next entry: the system has dropped the pages.
        self.unsynced_since = None;
        match &mut self.file {
            Some(file) => disk.sync(file),
            None => Ok(()),
        }
    }

    /// Replaces the file by its newer half.
    fn shorten<D: Disk<File = F>>(&mut self, disk: &D) -> io::Result<()> {
        let mut entries = Vec::new();
        match disk.read(COVERAGE_FILE) {
            Ok(reader) => {
                read_entries(reader, |entry| entries.extend(entry))?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut bytes = Vec::new();
        for entry in newer_half(entries, COVERAGE_BYTES_MAX / 2)? {
            push_line(&mut bytes, &entry)?;
        }
        replace(disk, COVERAGE_FILE, &bytes, Access::Writable)?;
        self.file = None;
        self.ragged = false;
        self.bytes = len_of(&bytes);
        disk.sync_names()
    }
}

fn open<D: Disk>(disk: &D) -> io::Result<D::File> {
    match disk.reopen(COVERAGE_FILE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => disk.create(COVERAGE_FILE),
        answer => answer,
    }
}

fn push_line(out: &mut Vec<u8>, entry: &Entry) -> io::Result<()> {
    serde_json::to_writer(&mut *out, entry)?;
    out.push(b'\n');
    Ok(())
}

/// Puts an entry at the end of those that wait: losses in a row become one, and past the bound the
/// two oldest become a gap, because what is forgotten must never count as covered.
fn wait(waiting: &mut Vec<Entry>, entry: Entry) {
    if let (Some(Entry::Lost(before)), Entry::Lost(more)) = (waiting.last_mut(), &entry) {
        add_losses(before, more);
        return;
    }
    if waiting.len() == WAITING_MAX {
        let first = waiting.remove(0);
        waiting[0] = Entry::Gap(Gap {
            from: first.from().min(waiting[0].from()),
            to: first.to().max(waiting[0].to()),
            reason: "coverage could not be written".to_owned(),
            cut_lines: 0,
        });
    }
    waiting.push(entry);
}

fn add_losses(before: &mut Lost, more: &Lost) {
    before.from = before.from.min(more.from);
    before.to = before.to.max(more.to);
    for loss in &more.losses {
        let same = |known: &&mut Loss| known.of == loss.of && known.stage == loss.stage;
        match before.losses.iter_mut().find(same) {
            Some(known) => known.events += loss.events,
            None => before.losses.push(loss.clone()),
        }
    }
}

/// The newest entries that fit, led by what was in force when they begin and by what has expired.
fn newer_half(entries: Vec<Entry>, bytes_max: u64) -> io::Result<Vec<Entry>> {
    let mut room = bytes_max;
    let mut keep_from = entries.len();
    for (at, entry) in entries.iter().enumerate().rev() {
        let mut line = Vec::new();
        push_line(&mut line, entry)?;
        match room.checked_sub(len_of(&line)) {
            Some(rest) => room = rest,
            None => break,
        }
        keep_from = at;
    }
    let mut in_force: Option<Looking> = None;
    let mut expired = None;
    let mut kept = entries;
    let newer = kept.split_off(keep_from);
    for entry in kept {
        match entry {
            Entry::Looking(looking) => in_force = Some(looking),
            Entry::Gap(_) | Entry::Stopped(_) => in_force = None,
            Entry::Expired(known) => expired = Some(known),
            Entry::Lost(_) | Entry::ClockSet(_) => {}
        }
    }
    let begins = newer.first().map(Entry::from);
    let in_force = in_force.zip(begins).map(|(looking, from)| {
        let from = from.max(looking.from);
        Entry::Looking(Looking { from, ..looking })
    });
    let leading = expired.map(Entry::Expired).into_iter().chain(in_force);
    Ok(leading.chain(newer).collect())
}

#[cfg(test)]
mod tests;

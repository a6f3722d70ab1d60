//! Opening a directory: what an earlier run left, brought into order.
//!
//! The end of an unsealed segment that is no whole line is cut off and counted; segments go on
//! where they ended; an expiry that was interrupted is finished; and if the run before did not end
//! in good order, the coverage gets a gap from its last word to now. A clock that is behind what the
//! directory has seen was set back meanwhile, and the coverage says so. What is damaged otherwise
//! is left as it is, for `verify` to name.

use std::io::{self, BufRead, BufReader, Read};

use super::retention::{Expiry, Kept};
use super::{CLOCK_SET_NANOS, LedgerFile, Limits, Notice, Writer};
use crate::coverage::{ClockSet, Entry, Gap};
use crate::evidence::chain::{newly_expired, read_link, runs};
use crate::evidence::coverage_file::{CoverageFile, Left};
use crate::evidence::disk::{Disk, Listed, UNFINISHED_SUFFIX};
use crate::evidence::line::{LINE_BYTES_MAX, is_whole, moment_of};
use crate::evidence::link::Link;
use crate::evidence::name::SegmentName;
use crate::evidence::seal::Head;
use crate::evidence::segment::{Content, OpenSegment};
use crate::time::{Now, Timestamp};

/// What was found and done on opening.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// Unfinished lines cut from the ends of segments, and their bytes.
    pub cut_lines: u64,
    pub cut_bytes: u64,
    /// Segments that go on where the run before left them.
    pub reopened: usize,
    /// The interval in which nobody can be shown to have looked.
    pub gap: Option<Gap>,
    /// Read-only segments without a seal, and seals that are none: not touched.
    pub damaged: Vec<String>,
}

impl<D: Disk> Writer<D> {
    /// Takes over a directory. `word` is the last word of the run before: up to when all that it
    /// had seen was stored.
    pub fn open(
        disk: D,
        limits: Limits,
        word: Option<Timestamp>,
        now: Now,
    ) -> io::Result<(Self, Recovered)> {
        let mut recovered = Recovered::default();
        let left = Left::read(&disk)?;
        let crashed_since = left.crashed_since(word);
        let seen_to = left.written_at.max(word);
        let mut writer = Self {
            disk,
            limits,
            open: Vec::new(),
            kept: Kept::default(),
            expiry: Expiry::default(),
            head: None,
            next_part: Default::default(),
            coverage: CoverageFile::after(left),
            ledger: LedgerFile::default(),
            clock: Some(now),
            notices: Vec::new(),
        };
        let files = writer.disk.list()?;
        writer.remove_unfinished(&files)?;
        let expiring = writer.recover_expiry(&files, now)?;
        let sealed = writer.recover_chain(&files, &mut recovered)?;
        for file in &files {
            let name = SegmentName::from_file(&file.name);
            if let Some(name) = name.filter(|name| !expiring.contains(name)) {
                writer.recover_segment(name, file, sealed.contains(&name), &mut recovered)?;
            }
        }
        writer.sync_due(now);
        writer.record_gap(crashed_since, &mut recovered, now);
        writer.record_clock(seen_to, now);
        Ok((writer, recovered))
    }

    fn remove_unfinished(&self, files: &[Listed]) -> io::Result<()> {
        files
            .iter()
            .filter(|file| file.name.ends_with(UNFINISHED_SUFFIX))
            .try_for_each(|file| self.disk.remove(&file.name))
    }

    /// Reads the seals and puts them in order. Answers the segments that have a seal, good or bad.
    fn recover_chain(
        &mut self,
        files: &[Listed],
        recovered: &mut Recovered,
    ) -> io::Result<Vec<SegmentName>> {
        let mut links = Vec::new();
        let mut sealed = Vec::new();
        for file in files {
            let Some(name) = SegmentName::from_seal_file(&file.name) else {
                continue;
            };
            self.take_part(name);
            sealed.push(name);
            let link = read_link(&self.disk, name, &file.name);
            match link.map_err(|error| of_file(&file.name, &error))? {
                Ok(link) => links.push(link),
                Err(_) => recovered.damaged.push(file.name.clone()),
            }
        }
        let head_expired = self.coverage.expired().map(|expired| Head {
            seal: expired.last_seal.clone(),
            sha256: expired.last_sha256,
        });
        let expired = head_expired.as_ref().map(|head| head.sha256);
        let chain: Vec<Link> = runs(links, expired).into_iter().flatten().collect();
        self.head = chain.last().map(Link::head).or(head_expired);
        for link in chain {
            let last = link.seal.last;
            self.kept.push(link, last);
        }
        Ok(sealed)
    }

    /// Goes on with an expiry that was interrupted. Answers its segments.
    fn recover_expiry(&mut self, files: &[Listed], now: Now) -> io::Result<Vec<SegmentName>> {
        let mut links = Vec::new();
        let mut names = Vec::new();
        for file in files {
            if let Some(name) = SegmentName::from_expired_file(&file.name) {
                self.take_part(name);
                names.push(name);
                links.extend(read_link(&self.disk, name, &file.name)?.ok());
            }
        }
        let expired = self.coverage.expired().map(|expired| expired.last_sha256);
        let known = names.iter().copied();
        let newly = newly_expired(links, expired);
        let newly_named: Vec<SegmentName> = newly.iter().map(|link| link.name).collect();
        self.expiry
            .resume(known.filter(|name| !newly_named.contains(name)));
        self.record_expired(&newly, now);
        self.finish_expiry();
        Ok(names)
    }

    fn recover_segment(
        &mut self,
        name: SegmentName,
        file: &Listed,
        is_sealed: bool,
        recovered: &mut Recovered,
    ) -> io::Result<()> {
        self.take_part(name);
        match (is_sealed, file.frozen) {
            (true, true) => Ok(()),
            // A crash between the two, or a copy that lost the mode.
            (true, false) => self.disk.freeze(&file.name).or(Ok(())),
            (false, true) => {
                recovered.damaged.push(file.name.clone());
                Ok(())
            }
            (false, false) => {
                let reopened = self.reopen(name, file.bytes, recovered);
                reopened.map_err(|error| of_file(&file.name, &error))
            }
        }
    }

    fn reopen(
        &mut self,
        name: SegmentName,
        bytes: u64,
        recovered: &mut Recovered,
    ) -> io::Result<()> {
        let file = name.file();
        let (content, cut_lines) = scan(self.disk.read(&file)?)?;
        if content.events == 0 {
            recovered.cut_lines += cut_lines;
            recovered.cut_bytes += bytes;
            return self.disk.remove(&file);
        }
        let mut handle = self.disk.reopen(&file)?;
        if bytes > content.bytes {
            self.disk.cut(&mut handle, content.bytes)?;
            recovered.cut_lines += cut_lines;
            recovered.cut_bytes += bytes - content.bytes;
        }
        recovered.reopened += 1;
        self.open
            .push(OpenSegment::recovered(name, handle, content));
        Ok(())
    }

    fn take_part(&mut self, name: SegmentName) {
        let next = self.next_part.entry((name.hour, name.late)).or_insert(0);
        *next = (*next).max(name.part.saturating_add(1));
    }

    fn record_gap(&mut self, since: Option<Timestamp>, recovered: &mut Recovered, now: Now) {
        if since.is_none() && recovered.cut_lines == 0 {
            return;
        }
        let from = since.unwrap_or(now.wall);
        let gap = Gap {
            from,
            to: now.wall.max(from),
            reason: "the run before did not end in good order".to_owned(),
            cut_lines: recovered.cut_lines,
        };
        recovered.gap = Some(gap.clone());
        self.cover(Entry::Gap(gap), now);
    }

    /// A machine without a clock of its own begins in 1970, or when it was last switched off.
    fn record_clock(&mut self, seen_to: Option<Timestamp>, now: Now) {
        let behind = seen_to.map_or(0, |seen_to| seen_to.0.saturating_sub(now.wall.0));
        if behind < CLOCK_SET_NANOS {
            return;
        }
        let by_nanos = i64::try_from(behind).map_or(i64::MIN, |behind| -behind);
        self.notices.push(Notice::ClockSet { by_nanos });
        let at = now.wall;
        self.cover(Entry::ClockSet(ClockSet { at, by_nanos }), now);
    }
}

/// Which file it is, of a folder of hundreds.
fn of_file(file: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{file}: {error}"))
}

/// What the file holds up to the end of its last whole line, and how many lines, finished or not,
/// come after that.
fn scan(reader: impl Read) -> io::Result<(Content, u64)> {
    let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
    let mut reader = BufReader::new(reader);
    let mut good = Content::default();
    // With the lines that are no occurrences, until a good one shows that they are not the torn end.
    let mut doubtful: Option<(Content, u64)> = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut reader).take(limit).read_until(b'\n', &mut line)? == 0 {
            return Ok((good, doubtful.map_or(0, |(_, lines)| lines)));
        }
        match moment_of(&line).filter(|_| is_whole(&line)) {
            Some(moment) => {
                if let Some((content, _)) = doubtful.take() {
                    good = content;
                }
                good.add(moment, &line);
            }
            None => {
                let (content, lines) = doubtful.get_or_insert_with(|| (good.clone(), 0));
                content.keep_damage(&line);
                *lines += 1;
            }
        }
    }
}

//! `tapio watch`: events as they are written, until Ctrl-C.
//!
//! Follows the directory, not a file: a segment that is sealed and one that is begun are the same
//! to it. It begins with what is written after it was started.

mod wake;

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};

use tapio_common::evidence::disk::{Disk, Folder};
use tapio_common::evidence::listing::whole_lines_from;
use tapio_common::evidence::name::SegmentName;

use self::wake::{Wake, Woken};
use crate::event::Event;
use crate::filter::Filter;
use crate::row::Rows;
use crate::screen::{Ink, Screen};
use crate::settings::Settings;
use crate::{Failure, Verdict, answer, terminal};

/// Read from one segment before the next one has its turn.
const TURN_BYTES: usize = 256 << 10;

pub fn run(settings: &Settings, screen: &mut Screen) -> Result<Verdict, Failure> {
    let folder = answer::folder(settings)?;
    let mut wake = Wake::new(folder.path()).map_err(|error| Failure::System("watching", error))?;
    let filter = Filter::of(settings);
    let mut follow = Follow {
        folder,
        read_to: BTreeMap::new(),
    };
    follow.skip_what_is_there()?;
    tell_writer(&follow.folder, settings, screen)?;
    let mut rows = Rows::default();
    loop {
        follow.read_on(|line| {
            if !Event::of(line).is_some_and(|event| filter.takes(&event)) {
                return Ok(());
            }
            match settings.json {
                true => Ok(screen.raw_line(line)?),
                false => rows.show(screen, line),
            }
        })?;
        screen.flush()?;
        match wake
            .wait()
            .map_err(|error| Failure::System("watching", error))?
        {
            Woken::Changed => {}
            Woken::Stopped => return Ok(Verdict::Said),
            Woken::Closed => return Err(Failure::Closed),
        }
    }
}

/// Silence means something only where somebody writes.
fn tell_writer(folder: &Folder, settings: &Settings, screen: &mut Screen) -> Result<(), Failure> {
    let path = folder.path().display();
    if !terminal::is_written_to(folder.path()) {
        eprintln!("tapio: no agent writes to {path} now");
    } else if screen.is_terminal && !settings.json {
        screen.line(
            Ink::Faint,
            &format!("an agent writes to {path}; Ctrl-C ends the watch"),
        )?;
    }
    Ok(())
}

/// How far each segment has been read.
struct Follow {
    folder: Folder,
    read_to: BTreeMap<SegmentName, u64>,
}

impl Follow {
    fn lengths(&self) -> Result<BTreeMap<SegmentName, u64>, Failure> {
        let files = self.folder.list().map_err(|error| self.failed(error))?;
        let segment = |file: &tapio_common::evidence::disk::Listed| {
            Some((SegmentName::from_file(&file.name)?, file.bytes))
        };
        Ok(files.iter().filter_map(segment).collect())
    }

    fn failed(&self, error: io::Error) -> Failure {
        Failure::Directory(self.folder.path().to_owned(), error)
    }

    /// A line that is half written now counts as new.
    fn skip_what_is_there(&mut self) -> Result<(), Failure> {
        self.read_to = self.lengths()?;
        for (name, read_to) in &mut self.read_to {
            let text = self.folder.read(&name.file());
            let failed = |error| Failure::Directory(self.folder.path().to_owned(), error);
            *read_to = end_of_last_line(&mut text.map_err(failed)?, *read_to).map_err(failed)?;
        }
        Ok(())
    }

    /// Hands every whole line that is new to `each`.
    fn read_on(
        &mut self,
        mut each: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let lengths = self.lengths()?;
        self.read_to.retain(|name, _| lengths.contains_key(name));
        let mut lines = Vec::new();
        for (name, len) in lengths {
            let mut read_to = self.read_to.get(&name).copied().unwrap_or(0);
            while read_to < len {
                let mut file = match self.folder.read(&name.file()) {
                    Ok(file) => file,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                    Err(error) => return Err(self.failed(error)),
                };
                lines.clear();
                let next = whole_lines_from(&mut file, read_to, TURN_BYTES, &mut lines)
                    .map_err(|error| self.failed(error))?;
                if next == read_to {
                    break; // half a line so far
                }
                read_to = next;
                lines
                    .split(|byte| *byte == b'\n')
                    .filter(|line| !line.is_empty())
                    .try_for_each(&mut each)?;
            }
            self.read_to.insert(name, read_to);
        }
        Ok(())
    }
}

/// The offset after the last newline before `len`, looking back over no more than a line.
fn end_of_last_line(file: &mut (impl Read + Seek), len: u64) -> io::Result<u64> {
    let back = u64::try_from(tapio_common::evidence::line::LINE_BYTES_MAX).unwrap_or(u64::MAX);
    let from = len.saturating_sub(back);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    io::Read::take(file, len - from).read_to_end(&mut tail)?;
    let end = tail
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    Ok(from + u64::try_from(end).unwrap_or(0))
}

//! `tapio recent`: the newest events of an interval, or that there were none.
//!
//! Segments are read from the newest back until no older one can hold an event that would still be
//! shown; of each event only its place is kept, so memory does not grow with the directory.

use std::collections::BTreeSet;
use std::io::{BufReader, Seek, SeekFrom};

use tapio_common::evidence::claim::Until;
use tapio_common::evidence::disk::{Disk, Folder};
use tapio_common::evidence::listing::{Lines, Segment};

use crate::event::Event;
use crate::filter::Filter;
use crate::progress::Progress;
use crate::row::show;
use crate::scan::{Damage, Place, Scan};
use crate::screen::{Ink, Screen};
use crate::settings::Settings;
use crate::{Failure, Verdict, answer};

pub fn run(settings: &Settings, screen: &mut Screen) -> Result<Verdict, Failure> {
    let folder = answer::folder(settings)?;
    let now = answer::now();
    let from = settings.since.moment(now);
    let until = answer::until(settings, now);
    let to = match until {
        Until::Moment(to) | Until::Now(to) => to,
    };
    // Read before the events: what is stored meanwhile can only be too much.
    let coverage = answer::coverage(&folder)?;
    let filter = Filter::of(settings);
    let folder = &folder;
    let newest = Newest::find(
        &Scan { folder, from, to },
        &|event| filter.takes(event),
        settings.limit,
    )?;
    newest.each_line(folder, |line| match settings.json {
        true => Ok(screen.raw_line(line)?),
        false => show(screen, line),
    })?;
    let claim = coverage.claim(&filter.types(), from, until);
    if settings.json {
        let is_answered = !newest.places.is_empty() || claim.doubts.is_empty();
        return Ok(if is_answered {
            Verdict::Said
        } else {
            Verdict::CannotSay
        });
    }
    if newest.damage.lines > 0 {
        let damaged = format!(
            "{} lines are damaged, see tapio verify",
            newest.damage.lines
        );
        screen.line(Ink::Yellow, &damaged)?;
    }
    answer::tell(screen, &newest.seen(), &claim)
}

/// The newest events there are.
pub struct Newest {
    segments: Vec<Segment>,
    pub places: BTreeSet<Place>,
    has_more: bool,
    damage: Damage,
}

impl Newest {
    pub fn find(
        scan: &Scan<'_>,
        takes: &dyn Fn(&Event<'_>) -> bool,
        limit: usize,
    ) -> Result<Self, Failure> {
        let mut segments = scan.segments()?;
        segments.sort_by_key(|segment| std::cmp::Reverse((segment.latest(), segment.name)));
        let mut progress = Progress::new(segments.iter().map(|segment| segment.bytes).sum());
        let mut found = Self {
            segments: Vec::new(),
            places: BTreeSet::new(),
            has_more: false,
            damage: Damage::default(),
        };
        for (index, segment) in segments.iter().enumerate() {
            let oldest = found.places.first().map(|place| place.moment);
            if found.places.len() == limit && oldest.is_some_and(|oldest| segment.latest() < oldest)
            {
                found.has_more = true;
                break;
            }
            let (places, has_more) = (&mut found.places, &mut found.has_more);
            let damage = scan.read((index, segment), takes, &mut progress, |place, _, _| {
                places.insert(place);
                if places.len() > limit {
                    places.pop_first();
                    *has_more = true;
                }
                Ok(())
            })?;
            found.damage.lines += damage.lines;
        }
        found.segments = segments;
        Ok(found)
    }

    /// Reads the lines again, oldest first.
    pub fn each_line(
        &self,
        folder: &Folder,
        mut each: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let failed = |error| Failure::Directory(folder.path().to_owned(), error);
        let mut open: Option<(usize, std::fs::File)> = None;
        for place in &self.places {
            if open
                .as_ref()
                .is_none_or(|(index, _)| *index != place.segment)
            {
                let name = self.segments[place.segment].name.file();
                open = match folder.read(&name) {
                    Ok(file) => Some((place.segment, file)),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                    Err(error) => return Err(failed(error)),
                };
            }
            let Some((_, file)) = &mut open else { continue };
            file.seek(SeekFrom::Start(place.offset)).map_err(failed)?;
            let mut lines = Lines::new(BufReader::with_capacity(1_024, file));
            if let Some((_, line)) = lines.read_next().map_err(failed)? {
                each(line)?;
            }
        }
        Ok(())
    }

    pub fn seen(&self) -> String {
        match (self.places.len(), self.has_more) {
            (0, _) => String::new(),
            (1, false) => "1 event".to_owned(),
            (count, false) => format!("{count} events"),
            (count, true) => format!("the newest {count} events, and more before them"),
        }
    }
}

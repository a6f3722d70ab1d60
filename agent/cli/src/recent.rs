//! `tapio recent`: the newest events of an interval, or that there were none.
//!
//! Segments are read from the newest back until no older one can hold an event that would still be
//! shown; of each event only its place is kept, so memory does not grow with the directory.

use std::cell::Cell;
use std::collections::{BTreeSet, VecDeque};
use std::io::{BufReader, Seek, SeekFrom};

use serde_json::{Value, json};
use tapio_common::evidence::claim::{Claim, Coverage, Doubt, Until, Why};
use tapio_common::evidence::disk::{Disk, Folder};
use tapio_common::evidence::listing::{Lines, Segment};
use tapio_common::time::Timestamp;

use crate::event::Event;
use crate::filter::{Choice, Filter};
use crate::progress::Progress;
use crate::row::Rows;
use crate::scan::{Damage, Place, Scan};
use crate::screen::Screen;
use crate::settings::Settings;
use crate::{Failure, Verdict, answer};

/// More than this is too much for one answer to a program that asks over MCP.
const EVENTS_MAX: usize = 200;
const JSON_BYTES_MAX: usize = 256 << 10;

/// What is asked, of which directory.
struct Question {
    folder: Folder,
    coverage: Coverage,
    filter: Filter,
    from: Timestamp,
    until: Until,
}

impl Question {
    fn of(settings: &Settings) -> Result<Self, Failure> {
        let folder = answer::folder(settings)?;
        let now = answer::now();
        Ok(Self {
            // Read before the events: what is stored meanwhile can only be too much.
            coverage: answer::coverage(&folder)?,
            folder,
            filter: Filter::of(settings),
            from: settings.since.moment(now),
            until: answer::until(settings, now),
        })
    }

    fn newest(&mut self, limit: usize) -> Result<Newest, Failure> {
        let (Until::Moment(to) | Until::Now(to)) = self.until;
        let scan = Scan {
            folder: &self.folder,
            from: self.from,
            to,
        };
        let newest = Newest::find(&scan, &|event| self.filter.choose(event), limit)?;
        answer::learn_expiry(&mut self.coverage, &self.folder)?;
        Ok(newest)
    }

    fn claim(&self) -> Claim<'_> {
        self.coverage
            .claim(&self.filter.types(), self.from, self.until)
    }

    /// With what the events themselves left open.
    fn claim_after(&self, newest: &Newest) -> Claim<'_> {
        let mut claim = self.claim();
        claim.doubts.extend(newest.doubts(claim.from, claim.to));
        claim
    }
}

pub fn run(settings: &Settings, screen: &mut Screen) -> Result<Verdict, Failure> {
    let mut question = Question::of(settings)?;
    let newest = question.newest(settings.limit)?;
    let mut rows = Rows::default();
    newest.each_line(&question.folder, |line| match settings.json {
        true => Ok(screen.raw_line(line)?),
        false => rows.show(screen, line),
    })?;
    let claim = question.claim_after(&newest);
    if settings.json {
        let verdict = answer::verdict(!newest.places.is_empty(), &claim);
        if verdict == Verdict::CannotSay {
            // Beside the lines: there is none to say it.
            eprintln!("tapio: cannot say: {}", answer::claim_to_json(&claim));
        }
        return Ok(verdict);
    }
    answer::tell(screen, &newest.seen(), &claim)
}

/// The same in one object of bounded size.
pub fn to_json(settings: &Settings) -> Result<(Value, Verdict), Failure> {
    let mut question = Question::of(settings)?;
    let newest = question.newest(settings.limit.min(EVENTS_MAX))?;
    let (events, left_out) = newest.to_json(&question.folder)?;
    let is_seen = !newest.places.is_empty();
    let claim = question.claim_after(&newest);
    let told = json!({
        "answer": answer::word(is_seen, &claim),
        "events": events,
        "events_left_out_for_size": left_out,
        "there_are_older_ones": newest.has_more,
        "damaged_lines": newest.damage.lines,
        "coverage": answer::claim_to_json(&claim),
    });
    Ok((told, answer::verdict(is_seen, &claim)))
}

/// What was covered of an interval, without its events.
pub fn coverage_to_json(settings: &Settings) -> Result<(Value, Verdict), Failure> {
    let question = Question::of(settings)?;
    let claim = question.claim();
    let told = json!({
        "coverage": answer::claim_to_json(&claim),
        "looked_for": claim.in_force.last(),
        "agent_writes_now": question.coverage.is_live,
    });
    Ok((told, answer::verdict(false, &claim)))
}

/// The newest events there are.
pub struct Newest {
    segments: Vec<Segment>,
    pub places: BTreeSet<Place>,
    /// Whether there are older ones; not known where older segments were not opened.
    has_more: Option<bool>,
    unowned: u64,
    damage: Damage,
}

impl Newest {
    pub fn find(
        scan: &Scan<'_>,
        choose: &dyn Fn(&Event<'_>) -> Choice,
        limit: usize,
    ) -> Result<Self, Failure> {
        let mut segments = scan.segments()?;
        segments.sort_by_key(|segment| std::cmp::Reverse((segment.latest(), segment.name)));
        let mut progress = Progress::new(segments.iter().map(|segment| segment.bytes).sum());
        let mut found = Self {
            segments: Vec::new(),
            places: BTreeSet::new(),
            has_more: Some(false),
            unowned: 0,
            damage: Damage::default(),
        };
        let unowned = Cell::new(0);
        let takes = |event: &Event<'_>| {
            let choice = choose(event);
            unowned.set(unowned.get() + u64::from(choice == Choice::Unowned));
            choice == Choice::Taken
        };
        for (index, segment) in segments.iter().enumerate() {
            let oldest = found.places.first().map(|place| place.moment);
            if found.places.len() == limit && oldest.is_some_and(|oldest| segment.latest() < oldest)
            {
                found.has_more = found.has_more.filter(|has_more| *has_more);
                break;
            }
            let (places, has_more) = (&mut found.places, &mut found.has_more);
            let damage = scan.read((index, segment), &takes, &mut progress, |place, _, _| {
                places.insert(place);
                if places.len() > limit {
                    places.pop_first();
                    *has_more = Some(true);
                }
                Ok(())
            })?;
            found.damage.lines += damage.lines;
        }
        found.segments = segments;
        found.unowned = unowned.get();
        Ok(found)
    }

    /// Whether among what was passed over there can be something that was asked for.
    pub fn doubts(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Doubt> + use<> {
        let events = self.unowned;
        let unowned = (events > 0).then(|| Doubt::new(from, to, Why::Unowned { events }));
        unowned.into_iter().chain(self.damage.doubt(from, to))
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

    /// The lines as values, of which the newest are kept if not all fit, and how many do not.
    pub fn to_json(&self, folder: &Folder) -> Result<(Value, usize), Failure> {
        let mut events: VecDeque<(usize, Value)> = VecDeque::new();
        let (mut bytes, mut left_out) = (0, 0);
        self.each_line(folder, |line| {
            // What is no JSON is damage, and counted as that.
            if let Ok(event) = serde_json::from_slice(line) {
                events.push_back((line.len(), event));
                bytes += line.len();
            }
            while bytes > JSON_BYTES_MAX {
                bytes -= events.pop_front().map_or(bytes, |(len, _)| len);
                left_out += 1;
            }
            Ok(())
        })?;
        Ok((
            events.into_iter().map(|(_, event)| event).collect(),
            left_out,
        ))
    }

    pub fn seen(&self) -> String {
        match (self.places.len(), self.has_more) {
            (0, _) => String::new(),
            (1, Some(false)) => "1 event".to_owned(),
            (1, Some(true)) => "the newest event, and more before it".to_owned(),
            (1, None) => "the newest event, and perhaps more before it".to_owned(),
            (count, Some(false)) => format!("{count} events"),
            (count, Some(true)) => format!("the newest {count} events, and more before them"),
            (count, None) => format!("the newest {count} events, and perhaps more before them"),
        }
    }
}

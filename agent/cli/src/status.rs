//! `tapio status`: what the directory holds and says of itself. Facts, no verdicts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tapio_common::coverage::{Entry, Looking};
use tapio_common::evidence::LEDGER_FILE;
use tapio_common::evidence::claim::{Coverage, Doubt, Until, Why, types_of};
use tapio_common::evidence::disk::{Folder, read_whole};
use tapio_common::evidence::listing::{Segment, segments};
use tapio_common::ledger::TypeCounts;
use tapio_common::time::Timestamp;

use crate::answer::{moment, wrapped};
use crate::screen::{Ink, Screen, size};
use crate::settings::Settings;
use crate::{Failure, Verdict, answer, terminal};

const LEDGER_BYTES_MAX: u64 = 1 << 20;

/// Of a sink, besides what it dropped.
const SINK_STAGES: [(&str, &str); 3] = [
    ("delivered", "delivered"),
    ("earlier", "delivered for earlier runs"),
    ("pending", "pending"),
];

/// And that, by reason.
const SINK_DROPS: [(&str, &str); 2] = [
    ("dropped", "dropped"),
    ("earlier_dropped", "dropped for earlier runs"),
];

/// All that is told.
struct Facts {
    folder: Folder,
    coverage: Coverage,
    ledger: Option<Value>,
    segments: Vec<Segment>,
    space: Option<(u64, u64)>,
}

pub fn run(settings: &Settings, screen: &mut Screen) -> Result<Verdict, Failure> {
    let facts = Facts::read(answer::folder(settings)?)?;
    match settings.json {
        true => screen.text(&format!("{}\n", facts.to_json()))?,
        false => {
            facts.tell_writer(screen)?;
            facts.tell_gaps(screen)?;
            facts.tell_segments(screen)?;
            facts.tell_ledger(screen)?;
        }
    }
    Ok(Verdict::Said)
}

impl Facts {
    fn read(folder: Folder) -> Result<Self, Failure> {
        let failed = |error| Failure::Directory(folder.path().to_owned(), error);
        let ledger = match read_whole(&folder, LEDGER_FILE, LEDGER_BYTES_MAX) {
            Ok(bytes) => serde_json::from_slice(&bytes).ok(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let segments = segments(&folder, Timestamp(0), Timestamp(u64::MAX)).map_err(failed)?;
        Ok(Self {
            coverage: answer::coverage(&folder)?,
            ledger,
            segments,
            space: terminal::disk_space(folder.path()),
            folder,
        })
    }

    fn looking(&self) -> Option<&Looking> {
        self.coverage
            .entries
            .iter()
            .rev()
            .find_map(|entry| match entry {
                Entry::Looking(looking) => Some(looking),
                Entry::Lost(_)
                | Entry::Gap(_)
                | Entry::Stopped(_)
                | Entry::Expired(_)
                | Entry::ClockSet(_) => None,
            })
    }

    /// When the last run left in good order, if it has.
    fn stopped(&self) -> Option<Timestamp> {
        let mut newest = self.coverage.entries.iter().rev();
        newest
            .find_map(|entry| match entry {
                Entry::Stopped(stopped) => Some(Some(stopped.at)),
                Entry::Looking(_) | Entry::Gap(_) => Some(None),
                Entry::Lost(_) | Entry::Expired(_) | Entry::ClockSet(_) => None,
            })
            .flatten()
    }

    fn recorded_since(&self) -> Option<Timestamp> {
        self.coverage.entries.first().map(Entry::from)
    }

    /// What stands against claims about all the time that is recorded, but for types that nobody
    /// looks for.
    fn doubts(&self) -> Vec<Doubt> {
        let Some(from) = self.recorded_since() else {
            return Vec::new();
        };
        let word = self.coverage.word.map(|word| word.stored_to);
        let until = match self.stopped() {
            Some(at) => Until::Moment(Timestamp(at.0.saturating_sub(1))),
            None if self.coverage.is_live => Until::Now(answer::now()),
            None => Until::Moment(word.unwrap_or(from)),
        };
        let mut doubts = self.coverage.claim(&types_of(|_| true), from, until).doubts;
        doubts.retain(|doubt| !matches!(doubt.why, Why::NotLookedFor { .. }));
        doubts
    }

    fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    fn sealed(&self) -> impl Iterator<Item = &Segment> {
        self.segments
            .iter()
            .filter(|segment| segment.seal.is_some())
    }

    fn tell_writer(&self, screen: &mut Screen) -> Result<(), Failure> {
        let path = self.folder.path().display().to_string();
        let (ink, writer) = match self.coverage.is_live {
            true => (Ink::Plain, "an agent writes here"),
            false => (Ink::Yellow, "no agent writes here"),
        };
        screen.row(&[(Ink::Bold, "directory  "), (Ink::Plain, &path)])?;
        screen.row(&[(Ink::Bold, "writer     "), (ink, writer)])?;
        let word = self.coverage.word.map_or("none yet".to_owned(), |word| {
            format!(
                "all is stored that was seen up to {}",
                moment(word.stored_to)
            )
        });
        screen.row(&[(Ink::Bold, "its word   "), (Ink::Plain, &word)])?;
        match self.looking() {
            Some(looking) => tell_looking(screen, looking, self.stopped()),
            None => Ok(screen.row(&[
                (Ink::Bold, "coverage   "),
                (Ink::Plain, "nothing is recorded"),
            ])?),
        }
    }

    fn tell_gaps(&self, screen: &mut Screen) -> Result<(), Failure> {
        let Some(since) = self.recorded_since() else {
            return Ok(());
        };
        let (doubts, since) = (self.doubts(), moment(since));
        let (ink, count) = match doubts.len() {
            0 => (Ink::Bold, format!("none since {since}")),
            count => (Ink::Yellow, format!("{count} since {since}")),
        };
        screen.row(&[(ink, "gaps       "), (Ink::Plain, &count)])?;
        answer::tell_newest_doubts(screen, &doubts)
    }

    fn tell_segments(&self, screen: &mut Screen) -> Result<(), Failure> {
        let (count, sealed) = (self.segments.len(), self.sealed().count());
        let held = format!(
            "segments {count}, of which {sealed} sealed, {}",
            size(self.bytes())
        );
        screen.row(&[(Ink::Bold, "evidence   "), (Ink::Plain, &held)])?;
        let ends = self.segments.first().zip(self.segments.last());
        if let Some((oldest, newest)) = ends {
            let ends = format!("{} to {}", oldest.name.file(), newest.name.file());
            screen.row(&[(Ink::Bold, "           "), (Ink::Plain, &ends)])?;
        }
        if let Some((free, all)) = self.space {
            let disk = format!("{} free of {}", size(free), size(all));
            screen.row(&[(Ink::Bold, "disk       "), (Ink::Plain, &disk)])?;
        }
        if let Some(expired) = self.coverage.expired() {
            let gone = format!("segments {} up to {}", expired.segments, moment(expired.to));
            screen.row(&[(Ink::Bold, "expired    "), (Ink::Plain, &gone)])?;
        }
        Ok(())
    }

    fn tell_ledger(&self, screen: &mut Screen) -> Result<(), Failure> {
        let Some(ledger) = &self.ledger else {
            screen.row(&[(Ink::Bold, "ledger     "), (Ink::Plain, "none yet")])?;
            return Ok(());
        };
        let since = Timestamp(ledger["since_unix_nanos"].as_u64().unwrap_or(0));
        let since = format!("since {}", moment(since));
        screen.row(&[(Ink::Bold, "ledger     "), (Ink::Plain, &since)])?;
        let stages: Vec<&str> = TypeCounts::default()
            .rows()
            .map(|(stage, _)| stage)
            .collect();
        for (name, row) in rows(&ledger["types"]) {
            let name = name.trim_start_matches("kernel.");
            tell_counts(screen, name, &counts(row, &stages))?;
        }
        for (name, row) in rows(&ledger["observers"]) {
            let counts = counts(row, &["missed", "in_ring", "malformed"]);
            tell_counts(screen, &format!("observer {name}"), &counts)?;
        }
        for (name, row) in rows(&ledger["sinks"]) {
            let mut told: Vec<String> = Vec::new();
            for (stage, words) in SINK_STAGES {
                let count = row[stage].as_u64().filter(|count| *count > 0);
                told.extend(count.map(|count| format!("{words} {count}")));
            }
            for (kind, words) in SINK_DROPS {
                let dropped = rows(&row[kind]);
                told.extend(dropped.map(|(reason, count)| format!("{words} ({reason}) {count}")));
            }
            tell_counts(screen, &format!("sink {name}"), &told.join(", "))?;
        }
        Ok(())
    }

    fn to_json(&self) -> serde_json::Value {
        json!({
            "directory": self.folder.path().display().to_string(),
            "is_written_to": self.coverage.is_live,
            "word": self.coverage.word,
            "looking": self.looking(),
            "stopped": self.stopped().map(moment),
            "recorded_since": self.recorded_since().map(moment),
            "doubts": self.doubts().iter().map(answer::doubt_to_json).collect::<Vec<_>>(),
            "coverage_unreadable": self.coverage.unreadable,
            "segments": self.segments.len(),
            "sealed": self.sealed().count(),
            "bytes": self.bytes(),
            "disk_free_bytes": self.space.map(|(free, _)| free),
            "ledger": self.ledger,
        })
    }
}

fn tell_looking(
    screen: &mut Screen,
    looking: &Looking,
    stopped: Option<Timestamp>,
) -> Result<(), Failure> {
    let config = match looking.config_hash.as_str() {
        "" => "none in force yet".to_owned(),
        _ => format!("generation {}", looking.config_generation),
    };
    screen.row(&[(Ink::Bold, "config     "), (Ink::Plain, &config)])?;
    if !looking.config_hash.is_empty() {
        // Whole: a hash that is cut compares with nothing.
        screen.line(Ink::Faint, &format!("  {}", looking.config_hash))?;
    }
    let since = format!("since {}", moment(looking.from));
    screen.row(&[(Ink::Bold, "looked for "), (Ink::Plain, &since)])?;
    if let Some(at) = stopped {
        let until = format!("until {}, when the agent was stopped", moment(at));
        screen.row(&[(Ink::Bold, "           "), (Ink::Plain, &until)])?;
    }
    let types = answer::names(&looking.types.iter().cloned().collect());
    for line in wrapped(&types, screen.width, 11) {
        screen.line(Ink::Plain, &line)?;
    }
    let mut by_reason: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (name, reason) in &looking.types_missing {
        by_reason.entry(reason).or_default().insert(name.clone());
    }
    for (reason, types) in by_reason {
        let missing = format!("{}: {reason}", answer::names(&types));
        let mut lines = wrapped(&missing, screen.width, 11).into_iter();
        let first = lines.next().unwrap_or_default();
        screen.row(&[
            (Ink::Yellow, "not        "),
            (Ink::Plain, first.trim_start()),
        ])?;
        lines.try_for_each(|line| screen.line(Ink::Plain, &line))?;
    }
    Ok(())
}

/// The members of an object of the ledger; none where it is absent.
fn rows(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

/// Those that counted something, in the order of the stages.
fn counts(row: &Value, stages: &[&str]) -> String {
    let counted = stages.iter().filter_map(|stage| {
        let count = row[*stage].as_u64().filter(|count| *count > 0)?;
        Some(format!("{} {count}", stage.replace('_', " ")))
    });
    counted.collect::<Vec<_>>().join(", ")
}

fn tell_counts(screen: &mut Screen, name: &str, counts: &str) -> Result<(), Failure> {
    if counts.is_empty() {
        return Ok(());
    }
    screen.line(Ink::Plain, &format!("  {name}"))?;
    for line in wrapped(counts, screen.width, 4) {
        screen.line(Ink::Faint, &line)?;
    }
    Ok(())
}

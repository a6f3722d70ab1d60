//! One event on the screen: a row of columns on a terminal, a line of words elsewhere.

use tapio_common::catalogue::Severity;
use tapio_common::time::Timestamp;

use crate::Failure;
use crate::answer::{moment, wrapped};
use crate::event::Shown;
use crate::screen::{Ink, Screen, escaped, fitted};
use crate::story;

/// From this width on there is room for the date, the observer and whose it was.
const WIDE: usize = 140;
const WHOSE_WIDTH: usize = 28;
const NAME_WIDTH: usize = 22;
/// What the moment, the severity and the name take on a narrow terminal.
const NARROW_HEAD: usize = 13 + 5 + NAME_WIDTH + 1;
/// With less beside them, what happened goes below.
const BESIDE_MIN: usize = 24;

/// Rows of events, one after the other.
#[derive(Debug, Default)]
pub struct Rows {
    /// The day that stands above; narrow rows have only the time.
    day: Option<String>,
}

impl Rows {
    /// After a line that has said which day it is.
    pub fn of_the_day_of(at: Timestamp) -> Self {
        Self { day: Some(day(at)) }
    }

    /// Shows one line of evidence. What is no occurrence this build can read is shown as it is.
    pub fn show(&mut self, screen: &mut Screen, line: &[u8]) -> Result<(), Failure> {
        let Some(occurrence) = Shown::of(line) else {
            screen.line(Ink::Faint, &String::from_utf8_lossy(line))?;
            return Ok(());
        };
        match screen.width {
            Some(width) if width >= WIDE => show_wide(screen, &occurrence, width),
            Some(width) => {
                self.tell_day(screen, occurrence.timestamp)?;
                show_narrow(screen, &occurrence, width)
            }
            None => show_words(screen, &occurrence),
        }
    }

    fn tell_day(&mut self, screen: &mut Screen, at: Timestamp) -> Result<(), Failure> {
        let day = day(at);
        if self.day.as_ref() != Some(&day) {
            screen.line(Ink::Faint, &format!("{day} UTC"))?;
            self.day = Some(day);
        }
        Ok(())
    }
}

/// `2026-11-21`
fn day(at: Timestamp) -> String {
    at.to_string()[..10].to_owned()
}

/// What happened in as many lines as it needs: the end of it says most.
fn show_narrow(screen: &mut Screen, occurrence: &Shown, width: usize) -> Result<(), Failure> {
    let kind = &occurrence.event_type;
    let name = kind.rsplit('.').next().unwrap_or(kind);
    let time = format!("{} ", &moment(occurrence.timestamp)[11..23]);
    let name = format!("{:<NAME_WIDTH$} ", fitted(name, NAME_WIDTH));
    let is_beside = width >= NARROW_HEAD + BESIDE_MIN;
    let indent = if is_beside { NARROW_HEAD } else { 2 };
    let whose = escaped(&story::whose(&occurrence.data));
    let mut words = escaped(&story::what(kind, &occurrence.data));
    if !whose.is_empty() {
        words.push_str(" of ");
        words.push_str(&tail(&whose, width.saturating_sub(indent)));
    }
    let mut lines = wrapped(&words, screen.width, indent).into_iter();
    let beside = if is_beside { lines.next() } else { None };
    let beside = beside.unwrap_or_default();
    screen.row(&[
        (Ink::Faint, &time),
        (Ink::of(occurrence.severity), short(occurrence.severity)),
        (Ink::Bold, &name),
        (Ink::Plain, beside.trim_start()),
    ])?;
    for line in lines {
        screen.line(Ink::Plain, &line)?;
    }
    Ok(())
}

fn show_wide(screen: &mut Screen, occurrence: &Shown, width: usize) -> Result<(), Failure> {
    let time = format!("{} ", moment(occurrence.timestamp));
    let severity = short(occurrence.severity);
    let kind = occurrence.event_type.trim_start_matches("kernel.");
    let name = format!("{:<1$} ", fitted(kind, NAME_WIDTH + 10), NAME_WIDTH + 10);
    let head = time.len() + severity.len() + NAME_WIDTH + 11;
    let end = width - WHOSE_WIDTH - 1;
    let words = escaped(&story::what(&occurrence.event_type, &occurrence.data));
    let mut lines = wrapped(&words, Some(end), head).into_iter();
    let first = lines.next().unwrap_or_default();
    let room = end - head;
    let what = format!("{:<room$} ", fitted(first.trim_start(), room));
    let whose = escaped(&story::whose(&occurrence.data));
    screen.row(&[
        (Ink::Faint, &time),
        (Ink::of(occurrence.severity), severity),
        (Ink::Bold, &name),
        (Ink::Plain, &what),
        (Ink::Faint, &tail(&whose, WHOSE_WIDTH)),
    ])?;
    for line in lines {
        screen.line(Ink::Plain, &line)?;
    }
    Ok(())
}

fn show_words(screen: &mut Screen, occurrence: &Shown) -> Result<(), Failure> {
    let what = story::what(&occurrence.event_type, &occurrence.data);
    let whose = story::whose(&occurrence.data);
    let of = if whose.is_empty() { "" } else { " of " };
    let severity = occurrence
        .severity
        .map_or("unknown", |severity| severity.name());
    let (at, kind) = (occurrence.timestamp, &occurrence.event_type);
    screen.line(
        Ink::Plain,
        &format!("{at} {severity} {kind} {what}{of}{whose}"),
    )?;
    Ok(())
}

/// The end of a path says more than its start.
fn tail(text: &str, room: usize) -> String {
    let len = text.chars().count();
    if len <= room {
        return text.to_owned();
    }
    let end: String = text.chars().skip(len + 1 - room.max(1)).collect();
    format!("…{end}")
}

const fn short(severity: Option<Severity>) -> &'static str {
    match severity {
        Some(Severity::Debug) => "DBUG ",
        Some(Severity::Info) => "INFO ",
        Some(Severity::Warning) => "WARN ",
        Some(Severity::Error) => "ERR  ",
        Some(Severity::Critical) => "CRIT ",
        None => "?    ",
    }
}

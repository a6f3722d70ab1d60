//! One event on the screen: a row of columns on a terminal, a line of words elsewhere.

use tapio_common::catalogue::Severity;

use crate::Failure;
use crate::answer::moment;
use crate::event::Shown;
use crate::screen::{Ink, Screen, escaped, fitted};
use crate::story;

/// From this width on there is room for the date, the observer and whose it was.
const WIDE: usize = 120;
const WHOSE_WIDTH: usize = 28;
const NAME_WIDTH: usize = 22;

/// Shows one line of evidence. What is no occurrence this build can read is shown as it is.
pub fn show(screen: &mut Screen, line: &[u8]) -> Result<(), Failure> {
    let Some(occurrence) = Shown::of(line) else {
        screen.line(Ink::Faint, &String::from_utf8_lossy(line))?;
        return Ok(());
    };
    match screen.width {
        Some(width) => show_row(screen, &occurrence, width),
        None => show_words(screen, &occurrence),
    }
}

fn show_row(screen: &mut Screen, occurrence: &Shown, width: usize) -> Result<(), Failure> {
    let at = moment(occurrence.timestamp);
    let severity = short(occurrence.severity);
    let ink = Ink::of(occurrence.severity);
    let kind = occurrence.event_type.trim_start_matches("kernel.");
    let name = kind.rsplit('.').next().unwrap_or(kind);
    // Escaped before it is fitted, because that makes it longer.
    let what = escaped(&story::what(&occurrence.event_type, &occurrence.data));
    let whose = escaped(&story::whose(&occurrence.data));
    if width < WIDE {
        let name = format!("{:<NAME_WIDTH$} ", fitted(name, NAME_WIDTH));
        let time = format!("{} ", &at[11..23]);
        screen.row(&[
            (Ink::Faint, &time),
            (ink, severity),
            (Ink::Bold, &name),
            (Ink::Plain, &what),
        ])?;
        return Ok(());
    }
    let time = format!("{at} ");
    let name = format!("{:<1$} ", fitted(kind, NAME_WIDTH + 10), NAME_WIDTH + 10);
    let fixed = time.len() + severity.len() + NAME_WIDTH + 11 + WHOSE_WIDTH + 1;
    let room = width - fixed;
    let what = format!("{:<room$} ", fitted(&what, room));
    screen.row(&[
        (Ink::Faint, &time),
        (ink, severity),
        (Ink::Bold, &name),
        (Ink::Plain, &what),
        (Ink::Faint, &tail(&whose, WHOSE_WIDTH)),
    ])?;
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
    let end: String = text.chars().skip(len + 1 - room).collect();
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

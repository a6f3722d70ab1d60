//! `tapio why`: the newest death of a process, a container or a unit, and the minute before it.
//!
//! Facts in their order. What one has to do with the other is for the reader to say.

use serde_json::Value;
use tapio_common::evidence::claim::Until;
use tapio_common::time::{NANOS_PER_SECOND, Timestamp};

use crate::answer::moment;
use crate::event::{Event, Shown};
use crate::filter::is_of_container;
use crate::recent::Newest;
use crate::row::show;
use crate::scan::Scan;
use crate::screen::{Ink, Screen, escaped};
use crate::settings::Settings;
use crate::{Failure, Verdict, answer, story};

/// The types that tell of a death.
const DEATHS: [&str; 2] = [
    "kernel.container.abnormal_exit",
    "kernel.container.oom_kill",
];
const BEFORE_NANOS: u64 = 60 * NANOS_PER_SECOND;
/// Events of the minute before that are shown.
const BEFORE_MAX: usize = 50;
/// What a fact's name takes.
const NAME_COLUMNS: usize = 23;

/// Whose death is asked about.
enum Subject<'a> {
    Pid(u64),
    /// A container by its id or pod, or a unit.
    Name(&'a str),
}

impl Subject<'_> {
    fn is_of(&self, event: &Event<'_>) -> bool {
        let is_death = DEATHS.contains(&event.event_type.as_ref());
        is_death
            && match self {
                Self::Pid(pid) => event.data.pid == Some(*pid),
                Self::Name(name) => is_of_container(event, name) || is_of_unit(event, name),
            }
    }
}

/// `nginx` is `nginx.service`.
fn is_of_unit(event: &Event<'_>, name: &str) -> bool {
    let unit = event.data.systemd_unit.as_deref();
    unit.is_some_and(|unit| unit == name || unit.strip_suffix(".service") == Some(name))
}

pub fn run(settings: &Settings, screen: &mut Screen) -> Result<Verdict, Failure> {
    let folder = &answer::folder(settings)?;
    let coverage = answer::coverage(folder)?;
    let name = settings.subject.as_str();
    let subject = name.parse().map_or(Subject::Name(name), Subject::Pid);
    let now = answer::now();
    let all = Scan {
        folder,
        from: Timestamp(0),
        to: Timestamp(u64::MAX),
    };
    let death = Newest::find(&all, &|event| subject.is_of(event), 1)?;
    let Some(at) = death.places.first().map(|place| place.moment) else {
        let from = coverage.entries.first().map_or(now, |entry| entry.from());
        let claim = coverage.claim(&DEATHS, from, Until::Now(now));
        return answer::tell(screen, "", &claim);
    };
    let before = Scan {
        folder,
        from: Timestamp(at.0.saturating_sub(BEFORE_NANOS)),
        to: Timestamp(at.0.saturating_sub(1)),
    };
    let others = Newest::find(&before, &|_| true, BEFORE_MAX)?;
    if settings.json {
        return tell_json(screen, &all, &death, &others);
    }
    death.each_line(folder, |line| tell_death(screen, line))?;
    let seen = others.seen();
    match seen.is_empty() {
        true => screen.line(Ink::Bold, "the minute before: nothing was seen")?,
        false => screen.line(Ink::Bold, &format!("the minute before: {seen}"))?,
    }
    others.each_line(folder, |line| show(screen, line))?;
    let types = tapio_common::evidence::claim::types_of(|observer| observer != "node");
    let claim = coverage.claim(&types, before.from, Until::Moment(at));
    answer::tell_coverage(screen, &claim)?;
    Ok(Verdict::Said)
}

fn tell_death(screen: &mut Screen, line: &[u8]) -> Result<(), Failure> {
    let Some(death) = Shown::of(line) else {
        return show(screen, line);
    };
    let kind = death.event_type.trim_start_matches("kernel.");
    let what = story::what(&death.event_type, &death.data);
    let head = format!("{} {kind}", moment(death.timestamp));
    screen.row(&[(Ink::Bold, &head)])?;
    for line in answer::wrapped(&escaped(&what), screen.width, 2) {
        screen.line(Ink::of(death.severity), &line)?;
    }
    if let Some((code, message)) = &death.error {
        screen.line(Ink::Plain, &format!("  {code}: {message}"))?;
    }
    for (name, value) in &death.data {
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        tell_fact(screen, name, &escaped(&value))?;
    }
    Ok(())
}

/// A fact whole, in as many lines as it needs: an id that is cut is of no use.
fn tell_fact(screen: &mut Screen, name: &str, value: &str) -> Result<(), Failure> {
    let room = screen.width.map_or(usize::MAX, |width| {
        width.saturating_sub(NAME_COLUMNS).max(1)
    });
    let chars: Vec<char> = value.chars().collect();
    let mut name = format!("  {name:<20} ");
    for part in chars.chunks(room) {
        let part: String = part.iter().collect();
        screen.row(&[(Ink::Faint, &name), (Ink::Plain, &part)])?;
        name = " ".repeat(NAME_COLUMNS);
    }
    Ok(())
}

fn tell_json(
    screen: &mut Screen,
    scan: &Scan<'_>,
    death: &Newest,
    before: &Newest,
) -> Result<Verdict, Failure> {
    let values = |found: &Newest| {
        let mut values = Vec::new();
        found.each_line(scan.folder, |line| {
            values.extend(serde_json::from_slice::<Value>(line).ok());
            Ok(())
        })?;
        Ok::<_, Failure>(values)
    };
    let answer = serde_json::json!({
        "death": values(death)?.pop(),
        "before": values(before)?,
    });
    screen.text(&format!("{answer}\n"))?;
    Ok(Verdict::Said)
}

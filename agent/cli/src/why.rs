//! `tapio why`: the newest death of a process, a container or a unit, and the minute before it.
//!
//! Facts in their order. What one has to do with the other is for the reader to say.

use serde_json::{Value, json};
use tapio_common::evidence::claim::{Claim, Coverage, Until, types_of};
use tapio_common::evidence::disk::Folder;
use tapio_common::time::{NANOS_PER_SECOND, Timestamp};

use crate::answer::moment;
use crate::event::{Event, Shown};
use crate::filter::{Choice, is_of_container, is_silent_of_owner};
use crate::recent::Newest;
use crate::row::Rows;
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
    fn choose(&self, event: &Event<'_>) -> Choice {
        if !DEATHS.contains(&event.event_type.as_ref()) {
            return Choice::Left;
        }
        let is_it = match self {
            Self::Pid(pid) => match event.data.pid {
                Some(found) => found == *pid,
                // A fold of deaths, which names none of them.
                None => return Choice::Unowned,
            },
            Self::Name(_) if is_silent_of_owner(event) => return Choice::Unowned,
            Self::Name(name) => is_of_container(event, name) || is_of_unit(event, name),
        };
        if is_it { Choice::Taken } else { Choice::Left }
    }
}

/// `nginx` is `nginx.service`.
fn is_of_unit(event: &Event<'_>, name: &str) -> bool {
    let unit = event.data.systemd_unit.as_deref();
    unit.is_some_and(|unit| unit == name || unit.strip_suffix(".service") == Some(name))
}

/// The newest death of a subject, and what else was seen before it.
struct Found {
    folder: Folder,
    coverage: Coverage,
    /// Empty where there is no death.
    death: Newest,
    at: Option<Timestamp>,
    before: Option<Newest>,
    now: Timestamp,
}

impl Found {
    fn of(settings: &Settings) -> Result<Self, Failure> {
        let folder = answer::folder(settings)?;
        let mut coverage = answer::coverage(&folder)?;
        let name = settings.subject.as_str();
        let subject = name.parse().map_or(Subject::Name(name), Subject::Pid);
        let all = Scan {
            folder: &folder,
            from: Timestamp(0),
            to: Timestamp(u64::MAX),
        };
        let death = Newest::find(&all, &|event| subject.choose(event), 1)?;
        let at = death.places.first().map(|place| place.moment);
        let before = at.map(|at| {
            let minute = Scan {
                folder: &folder,
                from: Timestamp(at.0.saturating_sub(BEFORE_NANOS)),
                to: Timestamp(at.0.saturating_sub(1)),
            };
            Newest::find(&minute, &|_| Choice::Taken, BEFORE_MAX)
        });
        let before = before.transpose()?;
        answer::learn_expiry(&mut coverage, &folder)?;
        Ok(Self {
            before,
            at,
            death,
            coverage,
            folder,
            now: answer::now(),
        })
    }

    /// About the minute before the death, or about all that is recorded where there is none.
    fn claim(&self) -> Claim<'_> {
        if let Some(at) = self.at {
            let types = types_of(|observer| observer != "node");
            let from = Timestamp(at.0.saturating_sub(BEFORE_NANOS));
            let mut claim = self.coverage.claim(&types, from, Until::Moment(at));
            let before = self.before.iter();
            claim
                .doubts
                .extend(before.flat_map(|before| before.doubts(from, at)));
            return claim;
        }
        let first = self.coverage.entries.first();
        let from = first.map_or(self.now, |entry| entry.from());
        let mut claim = self.coverage.claim(&DEATHS, from, Until::Now(self.now));
        claim.doubts.extend(self.death.doubts(claim.from, claim.to));
        claim
    }
}

pub fn run(settings: &Settings, screen: &mut Screen) -> Result<Verdict, Failure> {
    if settings.json {
        let (told, verdict) = to_json(settings)?;
        screen.text(&format!("{told}\n"))?;
        return Ok(verdict);
    }
    let found = Found::of(settings)?;
    let (Some(at), Some(before)) = (found.at, &found.before) else {
        return answer::tell(screen, "", &found.claim());
    };
    let mut rows = Rows::of_the_day_of(at);
    let death = &found.death;
    death.each_line(&found.folder, |line| tell_death(screen, line))?;
    let seen = before.seen();
    match seen.is_empty() {
        true => screen.line(Ink::Bold, "the minute before: nothing was seen")?,
        false => screen.line(Ink::Bold, &format!("the minute before: {seen}"))?,
    }
    before.each_line(&found.folder, |line| rows.show(screen, line))?;
    answer::tell_coverage(screen, &found.claim())?;
    Ok(Verdict::Said)
}

pub fn to_json(settings: &Settings) -> Result<(Value, Verdict), Failure> {
    let found = Found::of(settings)?;
    let events = |newest: Option<&Newest>| match newest {
        Some(newest) => newest.to_json(&found.folder).map(|(events, _)| events),
        None => Ok(json!([])),
    };
    let mut death = events(Some(&found.death))?;
    let is_seen = found.at.is_some();
    let claim = found.claim();
    let told = json!({
        "answer": answer::word(is_seen, &claim),
        "death": death.get_mut(0).map(Value::take),
        "before": events(found.before.as_ref())?,
        "coverage": answer::claim_to_json(&claim),
    });
    Ok((told, answer::verdict(is_seen, &claim)))
}

fn tell_death(screen: &mut Screen, line: &[u8]) -> Result<(), Failure> {
    let Some(death) = Shown::of(line) else {
        return Rows::default().show(screen, line);
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

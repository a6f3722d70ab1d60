//! `tapio health`: counts of the last day, by type and by hour. Facts, no verdicts.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tapio_common::evidence::claim::{Claim, Coverage, Until};
use tapio_common::time::{NANOS_PER_HOUR, Timestamp};

use crate::answer::moment;
use crate::event::Event;
use crate::filter::Filter;
use crate::progress::Progress;
use crate::scan::{Damage, Scan};
use crate::screen::{Ink, Screen, escaped, fitted};
use crate::settings::Settings;
use crate::{Failure, Verdict, answer};

const HOURS: usize = 24;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Subjects that are counted apart; the others of a type share what is left.
const SUBJECTS_MAX: usize = 1_000;
const SUBJECTS_TOLD: usize = 5;
/// Of a subject on the screen; a container's id is as long as its runtime shows it.
const SUBJECT_WIDTH: usize = 24;
/// There are some dozen; what is beyond comes from no agent.
const TYPES_TOLD: usize = 100;

/// What is counted of one type.
#[derive(Default)]
struct Counts {
    total: u64,
    last: Option<Timestamp>,
    by_hour: [u64; HOURS],
    by_subject: BTreeMap<String, u64>,
}

/// The last day of a directory.
struct Day {
    coverage: Coverage,
    filter: Filter,
    from: Timestamp,
    now: Timestamp,
    types: BTreeMap<String, Counts>,
    damage: Damage,
}

impl Day {
    fn of(settings: &Settings) -> Result<Self, Failure> {
        let folder = &answer::folder(settings)?;
        let mut coverage = answer::coverage(folder)?;
        let now = answer::now();
        let from = begin(now);
        let filter = Filter::of(settings);
        let scan = Scan {
            folder,
            from,
            to: now,
        };
        let (types, damage) = count(&scan, &filter)?;
        answer::learn_expiry(&mut coverage, folder)?;
        Ok(Self {
            types,
            damage,
            coverage,
            filter,
            from,
            now,
        })
    }

    fn claim(&self) -> Claim<'_> {
        let until = Until::Now(self.now);
        let types = self.filter.types();
        let mut claim = self.coverage.claim(&types, self.from, until);
        claim.doubts.extend(self.damage.doubt(claim.from, claim.to));
        claim
    }
}

/// Where a day of whole hours begins whose last is the one that runs. A machine without a clock of
/// its own is in its first day.
fn begin(now: Timestamp) -> Timestamp {
    let end = (now.0 / NANOS_PER_HOUR + 1) * NANOS_PER_HOUR;
    Timestamp(end.saturating_sub(24 * NANOS_PER_HOUR))
}

pub fn run(settings: &Settings, screen: &mut Screen) -> Result<Verdict, Failure> {
    if settings.json {
        let (told, verdict) = to_json(settings)?;
        screen.text(&format!("{told}\n"))?;
        return Ok(verdict);
    }
    let day = Day::of(settings)?;
    if !day.types.is_empty() {
        screen.row(&[
            (Ink::Faint, "  |"),
            (Ink::Faint, &axis(day.from)),
            (Ink::Faint, "| hours of the last day, UTC"),
        ])?;
    }
    for (name, counts) in &day.types {
        tell(screen, name, counts)?;
    }
    let total: u64 = day.types.values().map(|counts| counts.total).sum();
    let seen = match total {
        0 => String::new(),
        count => format!("{count} events in the last 24 hours"),
    };
    answer::tell(screen, &seen, &day.claim())
}

pub fn to_json(settings: &Settings) -> Result<(Value, Verdict), Failure> {
    let day = Day::of(settings)?;
    let types: Map<String, Value> = day
        .types
        .iter()
        .take(TYPES_TOLD)
        .map(|(name, counts)| (name.clone(), counts.to_json()))
        .collect();
    let claim = day.claim();
    let is_seen = !types.is_empty();
    let told = json!({
        "answer": answer::word(is_seen, &claim),
        "from": moment(day.from),
        "types": types,
        "coverage": answer::claim_to_json(&claim),
    });
    Ok((told, answer::verdict(is_seen, &claim)))
}

fn count(scan: &Scan<'_>, filter: &Filter) -> Result<(BTreeMap<String, Counts>, Damage), Failure> {
    let segments = scan.segments()?;
    let mut progress = Progress::new(segments.iter().map(|segment| segment.bytes).sum());
    let mut types: BTreeMap<String, Counts> = BTreeMap::new();
    let mut damage = Damage::default();
    for entry in segments.iter().enumerate() {
        let found = scan.read(
            entry,
            &|event| filter.takes(event),
            &mut progress,
            |place, event, _| {
                if !types.contains_key(event.event_type.as_ref()) {
                    types.insert(event.event_type.clone().into_owned(), Counts::default());
                }
                if let Some(counts) = types.get_mut(event.event_type.as_ref()) {
                    counts.add(place.moment, scan.from, event);
                }
                Ok(())
            },
        )?;
        damage.lines += found.lines;
    }
    Ok((types, damage))
}

impl Counts {
    fn add(&mut self, moment: Timestamp, from: Timestamp, event: &Event<'_>) {
        self.total += 1;
        self.last = self.last.max(Some(moment));
        let hour = usize::try_from((moment.0 - from.0) / NANOS_PER_HOUR);
        if let Some(count) = hour.ok().and_then(|hour| self.by_hour.get_mut(hour)) {
            *count += 1;
        }
        let subject = subject(event);
        if let Some(count) = self.by_subject.get_mut(subject) {
            *count += 1;
        } else if self.by_subject.len() < SUBJECTS_MAX {
            self.by_subject.insert(subject.to_owned(), 1);
        }
    }

    fn to_json(&self) -> Value {
        let mut subjects: Vec<(&String, &u64)> = self.by_subject.iter().collect();
        subjects.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let most = subjects
            .iter()
            .take(SUBJECTS_TOLD)
            .map(|(subject, count)| json!({"subject": subject, "count": count}));
        json!({
            "count": self.total,
            "last": self.last.map(moment),
            "by_hour": self.by_hour,
            "most_frequent": most.collect::<Vec<_>>(),
        })
    }

    fn bars(&self) -> String {
        let most = self.by_hour.iter().copied().max().unwrap_or(0).max(1);
        let bar = |count: &u64| match count {
            0 => ' ',
            count => {
                let step = usize::try_from((count * 8).div_ceil(most)).unwrap_or(8);
                BARS[step.clamp(1, 8) - 1]
            }
        };
        self.by_hour.iter().map(bar).collect()
    }
}

/// The hours under which bars stand, every sixth by its name.
fn axis(from: Timestamp) -> String {
    let first = from.0 / NANOS_PER_HOUR;
    let hours = (0..).take(HOURS / 6).map(|step| (first + 6 * step) % 24);
    hours.map(|hour| format!("{hour:02}    ")).collect()
}

/// What an event is most usefully counted by.
fn subject<'a>(event: &'a Event<'_>) -> &'a str {
    let data = &event.data;
    let owner = data
        .systemd_unit
        .as_deref()
        .or(data.container_id.as_deref());
    owner
        .or(data.comm.as_deref())
        .or(data.cgroup_path.as_deref())
        .unwrap_or("")
}

fn tell(screen: &mut Screen, name: &str, counts: &Counts) -> Result<(), Failure> {
    let name = name.trim_start_matches("kernel.");
    let last = counts.last.map_or_else(String::new, moment);
    let head = format!("{:<32} ", fitted(name, 32));
    screen.row(&[
        (Ink::Bold, &head),
        (Ink::Plain, &format!("{:>8}  last {last}", counts.total)),
    ])?;
    let most = counts.by_subject.iter().max_by_key(|(_, count)| **count);
    let most = most.filter(|(subject, _)| !subject.is_empty());
    let most = most.map_or_else(String::new, |(subject, count)| {
        format!(
            ", most: {} ({count})",
            fitted(&escaped(subject), SUBJECT_WIDTH)
        )
    });
    let peak = counts.by_hour.iter().copied().max().unwrap_or(0);
    screen.row(&[
        (Ink::Plain, "  |"),
        (Ink::Green, &counts.bars()),
        (Ink::Plain, &format!("| up to {peak} an hour{most}")),
    ])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hours_are_named_where_their_bars_stand() {
        let eleven = Timestamp(1_795_258_800_000_000_000);
        assert_eq!(axis(eleven), "11    17    23    05    ");
        assert_eq!(axis(eleven).len(), HOURS);
    }

    #[test]
    fn a_day_ends_with_the_hour_that_runs_and_begins_no_earlier_than_1970() {
        let eleven = Timestamp(1_795_258_800_000_000_000);
        let last = Timestamp(eleven.0 + 24 * NANOS_PER_HOUR - 1);
        assert_eq!(begin(last), eleven);
        assert_eq!(begin(Timestamp(5)), Timestamp(0));
    }

    #[test]
    fn the_highest_bar_is_full_and_one_event_shows() {
        let mut counts = Counts::default();
        counts.by_hour[0] = 1;
        counts.by_hour[1] = 1_000;
        counts.by_hour[23] = 500;
        assert_eq!(counts.bars(), format!("▁█{}▄", " ".repeat(21)));
    }
}

//! The columns of `tapio fleet`: what fits a narrow terminal, and more on a wide one. What is wrong
//! with an agent stands whole below its row.

use tapio_wire::names::ObserverStatus;
use tapio_wire::status::AgentStatus;

use crate::Failure;
use crate::answer::wrapped;
use crate::screen::{Ink, Screen, escaped, fitted};

/// From here on there is room for the node and the losses.
const WIDE: usize = 120;
/// Of a hash, as people compare them.
const HASH_SHOWN: usize = 12;
const HASH_KIND: &str = "sha256:";

struct Column {
    name: &'static str,
    width: usize,
    is_wide: bool,
    is_number: bool,
}

const fn column(name: &'static str, width: usize, is_wide: bool, is_number: bool) -> Column {
    Column {
        name,
        width,
        is_wide,
        is_number,
    }
}

const COLUMNS: [Column; 10] = [
    column("agent", 24, false, false),
    column("node", 20, true, false),
    column("version", 8, false, false),
    column("config", 16, false, false),
    column("wanted", 6, false, false),
    column("heard", 8, false, true),
    column("missing", 7, false, true),
    column("twice", 5, true, true),
    column("lost", 7, true, true),
    column("sequence", 8, true, true),
];
/// How far what stands below a row is set in.
const BELOW: usize = 2;

pub fn head(screen: &mut Screen) -> Result<(), Failure> {
    let names: Vec<String> = COLUMNS
        .iter()
        .map(|column| column.name.to_owned())
        .collect();
    let end = screen.width.map_or("not running, degraded by", |_| "");
    line(screen, Ink::Bold, &names, end)
}

pub fn row(
    screen: &mut Screen,
    agent: &AgentStatus<'_>,
    wanted: Option<&str>,
) -> Result<(), Failure> {
    let hash = agent.reported_config_hash.as_deref().unwrap_or("");
    let (ink, is_wanted) = match (hash, wanted) {
        ("", _) => (Ink::Yellow, "none"),
        (hash, Some(wanted)) if hash == wanted => (Ink::Plain, "yes"),
        (_, Some(_)) => (Ink::Yellow, "no"),
        (_, None) => (Ink::Plain, "?"),
    };
    let sequence = &agent.sequence;
    let number =
        |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let lost = agent.reported_counters.map(|counters| {
        counters
            .lost_events_total
            .saturating_add(counters.sink_drops_total)
    });
    let cells = [
        agent.agent_id.to_string(),
        agent.node_name.to_string(),
        agent.tapio_version.to_string(),
        config(agent.reported_config_version.as_deref(), hash),
        is_wanted.to_owned(),
        age(agent.last_heartbeat_age_seconds),
        sequence.gaps_total.to_string(),
        sequence.duplicates_total.to_string(),
        number(lost),
        number(sequence.last_seen),
    ];
    let mut below: Vec<String> = trouble(agent);
    if screen.width.is_none() {
        return line(screen, ink, &cells, &below.join(", "));
    }
    line(screen, ink, &cells, "")?;
    if !is_wide(screen) {
        let counted = [
            ("lost", lost.unwrap_or(0)),
            ("batches twice", sequence.duplicates_total),
        ];
        let counted = counted.iter().filter(|(_, count)| *count > 0);
        below.extend(counted.map(|(what, count)| format!("{what} {count}")));
    }
    for line in wrapped(&escaped(&below.join(", ")), screen.width, BELOW) {
        screen.line(Ink::Yellow, &line)?;
    }
    Ok(())
}

fn is_wide(screen: &Screen) -> bool {
    screen.width.is_none_or(|width| width >= WIDE)
}

/// Generation and the start of its hash.
fn config(version: Option<&str>, hash: &str) -> String {
    let hash = hash.strip_prefix(HASH_KIND).unwrap_or(hash);
    let start: String = hash.chars().take(HASH_SHOWN).collect();
    match version {
        Some(version) if !start.is_empty() => format!("{version} {start}"),
        Some(_) | None => "-".to_owned(),
    }
}

/// `7 s`, `12 min`, `5 h`, `3 d`: how long ago.
fn age(seconds: Option<u64>) -> String {
    match seconds {
        None => "never".to_owned(),
        Some(seconds) if seconds < 120 => format!("{seconds} s"),
        Some(seconds) if seconds < 7_200 => format!("{} min", seconds / 60),
        Some(seconds) if seconds < 172_800 => format!("{} h", seconds / 3_600),
        Some(seconds) => format!("{} d", seconds / 86_400),
    }
}

/// Observers that are on and do not run, and what the agent calls itself degraded by.
fn trouble(agent: &AgentStatus<'_>) -> Vec<String> {
    let observers = agent.observers.iter().filter(|(_, status)| {
        !matches!(status, ObserverStatus::Running | ObserverStatus::Disabled)
    });
    let observers = observers.map(|(name, status)| format!("{name} {}", status.as_str()));
    let reasons = agent.degraded_reasons.0.iter().map(ToString::to_string);
    let failed = agent.config_last_failed.as_ref();
    let failed = failed.map(|failed| format!("config not applied: {}", failed.reason));
    failed.into_iter().chain(observers).chain(reasons).collect()
}

fn line(screen: &mut Screen, ink: Ink, cells: &[String], end: &str) -> Result<(), Failure> {
    let is_wide = is_wide(screen);
    let mut text = String::new();
    for (column, cell) in COLUMNS.iter().zip(cells) {
        if column.is_wide && !is_wide {
            continue;
        }
        let width = column.width;
        // Without columns nothing is cut: somebody may be reading it by a program.
        let cell = match screen.width {
            Some(_) => fitted(&escaped(cell), width),
            None => cell.clone(),
        };
        let cell = match column.is_number {
            true => format!("{cell:>width$}  "),
            false => format!("{cell:<width$}  "),
        };
        text.push_str(&cell);
    }
    text.push_str(end);
    screen.line(ink, text.trim_end())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_the_unit_that_fits() {
        for (seconds, wanted) in [
            (None, "never"),
            (Some(0), "0 s"),
            (Some(119), "119 s"),
            (Some(120), "2 min"),
            (Some(7_200), "2 h"),
            (Some(172_800), "2 d"),
        ] {
            assert_eq!(age(seconds), wanted);
        }
    }

    #[test]
    fn a_config_is_its_generation_and_the_start_of_its_hash() {
        let hash = "sha256:845b719f50052b222e79a6f0a9e091e4fe5cc62f";
        assert_eq!(config(Some("3"), hash), "3 845b719f5005");
        assert_eq!(config(Some("0"), ""), "-");
        assert_eq!(config(None, ""), "-");
        assert_eq!(config(Some("1"), "ä"), "1 ä");
    }

    #[test]
    fn the_narrow_columns_fit_eighty() {
        let narrow = COLUMNS.iter().filter(|column| !column.is_wide);
        let width: usize = narrow.map(|column| column.width + 2).sum();
        assert!(width - 2 <= 80, "{width}");
    }
}

//! `tapio fleet URL`: the agents of a controller as it knows them, one a line, in the order it
//! gives them. Ages, counters and hashes; no verdicts.

mod table;

use std::collections::BTreeMap;

use tapio_wire::Status;
use tapio_wire::status::AgentStatus;

use crate::controller::{each_agent, one_line};
use crate::progress::Progress;
use crate::screen::{Ink, Screen};
use crate::settings::Settings;
use crate::{Failure, Verdict};

pub fn run(settings: &Settings, screen: &mut Screen) -> Result<Verdict, Failure> {
    let Some(endpoint) = &settings.controller else {
        return Ok(Verdict::CannotSay);
    };
    let mut progress = Progress::beside_answer(None);
    let mut tally = Tally::default();
    let head = each_agent(endpoint, |wanted, row| {
        progress.add(u64::try_from(row.len()).unwrap_or(0));
        let parsed = AgentStatus::parse(row);
        if let Ok(agent) = &parsed {
            tally.count(agent);
        }
        match parsed {
            _ if settings.json => {
                screen.raw_line(&one_line(row))?;
            }
            Ok(agent) => {
                if tally.agents == 1 {
                    table::head(screen)?;
                }
                table::row(screen, &agent, wanted)?;
            }
            Err(error) => {
                tally.unreadable += 1;
                screen.line(
                    Ink::Yellow,
                    &format!("an agent that cannot be read: {error}"),
                )?;
            }
        }
        Ok(())
    })?;
    drop(progress);
    if settings.json {
        screen.raw_line(&head.line())?;
        return Ok(Verdict::Said);
    }
    let failed = |fault| Failure::Controller(endpoint.to_string(), fault);
    tally.tell(screen, &head.status().map_err(failed)?)?;
    Ok(Verdict::Said)
}

/// More configs than this at once are a fleet nobody coordinates; beyond, none is told apart.
const HASHES_MAX: usize = 1_000;

/// What is said of all of them together.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    agents: u64,
    unreadable: u64,
    /// Agents by the hash they report: which is the one wanted may be said only at the end.
    by_hash: BTreeMap<String, u64>,
    without_config: u64,
    never_heard: u64,
    gaps: u64,
    regressions: u64,
}

impl Tally {
    fn count(&mut self, agent: &AgentStatus<'_>) {
        self.agents += 1;
        match agent.reported_config_hash.as_deref() {
            None | Some("") => self.without_config += 1,
            Some(hash) => {
                if let Some(count) = self.by_hash.get_mut(hash) {
                    *count += 1;
                } else if self.by_hash.len() < HASHES_MAX {
                    self.by_hash.insert(hash.to_owned(), 1);
                }
            }
        }
        self.never_heard += u64::from(agent.last_heartbeat_age_seconds.is_none());
        self.gaps = self.gaps.saturating_add(agent.sequence.gaps_total);
        self.regressions = self
            .regressions
            .saturating_add(agent.sequence.regressions_total);
    }

    fn tell(&self, screen: &mut Screen, status: &Status<'_>) -> Result<(), Failure> {
        let Self {
            agents,
            unreadable,
            by_hash,
            without_config,
            never_heard,
            gaps,
            regressions,
        } = self;
        let as_wanted = by_hash.get(&*status.config.config_hash).unwrap_or(&0);
        let otherwise = agents - as_wanted - without_config;
        let controller = format!(
            "{}, config {} {}",
            status.controller_id, status.config.version.0, status.config.config_hash
        );
        screen.row(&[(Ink::Bold, "controller  "), (Ink::Plain, &controller)])?;
        let fleet = format!(
            "{agents}: {as_wanted} with that config, {otherwise} with another, {without_config} with none"
        );
        screen.row(&[(Ink::Bold, "agents      "), (Ink::Plain, &fleet)])?;
        let heard = format!("{never_heard} never sent a heartbeat, {unreadable} cannot be read");
        screen.row(&[(Ink::Bold, "            "), (Ink::Plain, &heard)])?;
        let totals = &status.totals;
        let events = format!(
            "{} accepted, {} rejected; batches missing {gaps}, out of order {regressions}",
            totals.accepted_events_total, totals.rejected_events_total
        );
        screen.row(&[(Ink::Bold, "events      "), (Ink::Plain, &events)])?;
        Ok(())
    }
}

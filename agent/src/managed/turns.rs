//! The thread `heartbeat`: turn after turn, everything that is due over one short connection.
//!
//! Hello until the controller knows the agent, then the config, then the heartbeat; each kind has
//! its own rhythm and its own backoff, so that one that fails costs the others its time-out and no
//! more. The log hears of a controller that is away once, and once of its return.

use std::time::Duration;

use tapio_common::evidence::seal::Head;
use tapio_wire::ConfigResponse;

use super::Managed;
use super::about::About;
use super::exchange::{Exchange, Fetched, Trouble};
use super::in_force::{InForce, fit};
use super::last_config::LastConfig;
use super::link::Link;
use super::report::{Report, identifier};
use super::rhythm::Rhythm;
use crate::accounts::{Accounts, FetchResult};
use crate::batch::Source;
use crate::clock;
use crate::config::NamedConfig;
use crate::http::{Chance, Leave};
use crate::kept::Kept;
use crate::stop::Stop;

/// Everything the thread owns.
pub struct Turns<'a> {
    link: &'a Link,
    kept: &'a Kept,
    accounts: &'a Accounts,
    in_force: InForce<'a>,
    last: LastConfig,
    /// The config in force is an earlier run's.
    is_cached: bool,
    about: About,
    exchange: Exchange<'a>,
    chance: Chance,
    began_at: u64,
    hello: Rhythm,
    poll: Rhythm,
    beat: Rhythm,
    is_known: bool,
    failed_config: Option<(String, String)>,
    head: Option<Head>,
    /// The log has heard that the controller is away.
    is_told: bool,
}

impl<'a> Turns<'a> {
    /// Whatever is in force at the start is what an earlier run has kept.
    pub fn new(
        managed: Managed<'a>,
        in_force: InForce<'a>,
        accounts: &'a Accounts,
        mut chance: Chance,
    ) -> Self {
        let Managed {
            link,
            kept,
            intervals,
            last,
        } = managed;
        let began_at = clock::boot_nanos();
        let phase = chance.up_to(intervals.poll.max(intervals.heartbeat));
        let mut hello = Rhythm::new(intervals.heartbeat, began_at, phase);
        let poll = Rhythm::new(intervals.poll, began_at, phase);
        let beat = Rhythm::new(intervals.heartbeat, began_at, phase);
        hello.make_due(poll.due_at().min(beat.due_at()));
        Self {
            about: About::of(in_force.boot_id, in_force.live.observers),
            exchange: Exchange::new(link),
            is_cached: in_force.named.is_some(),
            link,
            kept,
            accounts,
            in_force,
            last,
            chance,
            began_at,
            hello,
            poll,
            beat,
            is_known: false,
            failed_config: None,
            head: None,
            is_told: false,
        }
    }

    /// Runs until the agent leaves.
    pub fn run(mut self, stop: &Stop) {
        let _guard = stop.guard();
        let leave = Leave::new(stop, Duration::ZERO);
        loop {
            let mut due_at = self.poll.due_at().min(self.beat.due_at());
            if !self.is_known {
                due_at = due_at.min(self.hello.due_at());
            }
            let wait = due_at.saturating_sub(clock::boot_nanos());
            if leave.pause(Duration::from_nanos(wait)) {
                // Nobody will be greeted any more: what is left goes out as it is.
                return self.link.set_greeted();
            }
            self.turn(&leave);
        }
    }

    /// Everything that is due. What nobody answers fails together and is tried again together.
    fn turn(&mut self, leave: &Leave<'_>) {
        let luck = self.chance.fork();
        let mut trouble = None;
        let mut is_away = false;
        let now = clock::boot_nanos();
        let (polls, beats) = (self.poll.is_due(now), self.beat.is_due(now));
        if !self.is_known && (self.hello.is_due(now) || polls || beats) {
            self.greet(&luck, leave).unwrap_or_else(|why| {
                is_away = why.is_unreached();
                trouble = Some(("hello", why));
            });
        }
        if polls && is_away {
            self.poll.fail(clock::boot_nanos(), &luck);
            self.accounts.controller().fetch(FetchResult::Failed);
        } else if polls {
            self.ask(&luck, leave).unwrap_or_else(|why| {
                is_away = why.is_unreached();
                trouble.get_or_insert(("the config poll", why));
            });
        }
        if self.beat.is_due(clock::boot_nanos()) {
            if is_away {
                self.accounts.controller().fail_to_send();
                self.beat.fail(clock::boot_nanos(), &luck);
            } else if let Err(why) = self.say(&luck, leave) {
                trouble.get_or_insert(("the heartbeat", why));
            }
        }
        self.exchange.close();
        self.link.set_greeted();
        if !leave.is_asked() {
            self.tell(trouble);
        }
    }

    fn greet(&mut self, luck: &Chance, leave: &Leave<'_>) -> Result<(), Trouble> {
        let outcome = self.exchange.hello(&self.about, leave);
        self.is_known = outcome.is_ok();
        match &outcome {
            Ok(()) => self.hello.succeed(clock::boot_nanos()),
            Err(_) => {
                self.accounts.controller().fail_to_send();
                self.hello.fail(clock::boot_nanos(), luck);
            }
        }
        outcome
    }

    fn ask(&mut self, luck: &Chance, leave: &Leave<'_>) -> Result<(), Trouble> {
        let fetched = self.exchange.config(self.in_force.hash(), leave);
        let failed_before = self.failed_config.clone();
        let outcome = fetched.and_then(|fetched| self.take(fetched));
        let now = clock::boot_nanos();
        match &outcome {
            Ok(_) => self.poll.succeed(now),
            Err(_) => self.poll.fail(now, luck),
        }
        let result = *outcome.as_ref().unwrap_or(&FetchResult::Failed);
        self.accounts.controller().fetch(result);
        if result == FetchResult::Applied || self.failed_config != failed_before {
            // What is in force now, or is kept out, is said in the same turn.
            self.beat.make_due(now);
        }
        outcome.map(|_| ())
    }

    fn take(&mut self, fetched: Fetched) -> Result<FetchResult, Trouble> {
        let Fetched::Offered { body, tagged } = fetched else {
            self.confirm();
            return Ok(FetchResult::Unchanged);
        };
        let response = ConfigResponse::parse(&body).inspect_err(|error| {
            // Without a hash there is nothing that a report could be about.
            if let Some(hash) = tagged {
                self.failed_config = Some((identifier(&hash), error.code.name().to_owned()));
            }
        })?;
        let (hash, batching) = (response.config_hash.to_string(), response.batching);
        let named = match fit(response) {
            Ok(named) => named,
            Err(unfit) => {
                self.keep_out(hash, &unfit.to_string());
                return Ok(FetchResult::Failed);
            }
        };
        let is_new = self
            .in_force
            .named
            .as_ref()
            .is_none_or(|known| !is_same(known, &named));
        if is_new {
            let generation = named.generation;
            self.in_force.apply(named);
            // Not before: whoever waits for this line may cause what is looked for from here on.
            log::info!("config {hash} generation {generation} is in force");
            self.last.store(&body);
        }
        self.link.set_batching(batching);
        self.confirm();
        Ok(match is_new {
            true => FetchResult::Applied,
            false => FetchResult::Unchanged,
        })
    }

    /// What runs is what the controller wants to run.
    fn confirm(&mut self) {
        self.is_cached = false;
        self.failed_config = None;
    }

    fn keep_out(&mut self, hash: String, reason: &str) {
        let failed = Some((hash, reason.to_owned()));
        if self.failed_config != failed {
            log::warn!("a config is kept out, and the one before it runs on: {reason}");
        }
        self.failed_config = failed;
    }

    fn say(&mut self, luck: &Chance, leave: &Leave<'_>) -> Result<(), Trouble> {
        self.head = self.kept.take_head().or(self.head.take());
        let live = self.in_force.live;
        let ledger = self.accounts.ledger(|observer| live.counts(observer));
        let uptime = Duration::from_nanos(clock::boot_nanos().saturating_sub(self.began_at));
        let report = Report {
            link: self.link,
            uptime_seconds: uptime.as_secs(),
            observers: live.observers,
            named: self.in_force.named.as_ref(),
            is_cached: self.is_cached,
            failed: self.failed_config.as_ref(),
            head: self.head.as_ref(),
            ledger: &ledger,
            send_failures: self.accounts.controller().send_failures(),
        };
        let outcome = self.exchange.heartbeat(&report.heartbeat(), leave);
        let now = clock::boot_nanos();
        match outcome {
            Ok(true) => {
                self.link.count_heartbeat();
                self.beat.succeed(now);
            }
            Ok(false) if self.is_known => {
                self.beat.succeed(now);
                return self.greet(luck, leave);
            }
            // Hello was refused in this very turn, and will be tried again.
            Ok(false) => self.beat.succeed(now),
            Err(why) => {
                self.accounts.controller().fail_to_send();
                self.beat.fail(now, luck);
                return Err(why);
            }
        }
        Ok(())
    }

    /// The log's share of a turn: a line when the controller goes away, one when it is back.
    fn tell(&mut self, trouble: Option<(&str, Trouble)>) {
        let peer = &self.link.endpoint;
        match trouble {
            Some((what, why)) if !self.is_told => {
                log::warn!("controller {peer}: {what} fails, observation goes on: {why}");
                self.is_told = true;
            }
            Some((what, why)) => log::debug!("controller {peer}: {what} fails: {why}"),
            // A kind of call that failed and was not due in this turn has not come back.
            None if self.is_told && !self.is_failing() => {
                log::info!("controller {peer} answers as it should again");
                self.is_told = false;
            }
            None => {}
        }
    }

    fn is_failing(&self) -> bool {
        [&self.hello, &self.poll, &self.beat]
            .iter()
            .any(|rhythm| rhythm.is_failing())
    }
}

fn is_same(known: &NamedConfig, offered: &NamedConfig) -> bool {
    known.hash == offered.hash && known.generation == offered.generation
}

#[cfg(test)]
mod tests;

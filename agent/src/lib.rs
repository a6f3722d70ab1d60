//! The node agent: kernel hooks to sinks, and nothing inbound.
//!
//! One run is put together in `run`; what each thread does is in `rings`, `batch`, `sink` and
//! `signals`. Only `kernel` touches BPF, only `observer` knows what a record means.

mod accounts;
mod attribution;
mod batch;
mod bell;
mod cgroups;
mod clock;
mod config;
#[cfg(target_arch = "x86_64")]
mod copy;
mod crew;
mod failure;
mod flags;
mod health;
mod http;
mod identity;
mod journal;
mod kept;
pub mod kernel;
mod live;
mod looking;
mod managed;
mod metrics;
pub mod observer;
mod outlet;
mod privilege;
mod probe;
mod queue;
mod rings;
mod roll_call;
mod run;
mod selftest;
mod settings;
mod signals;
mod sink;
mod stop;
mod systemd;

use std::ffi::OsString;

use tapio_common::command_line;
use tapio_common::log_line::LogFormat;

use self::accounts::Accounts;
use self::batch::Closing;
use self::config::NamedConfig;
use self::flags::{AGENT, Asked, Command};
use self::health::StatusFile;
use self::identity::Identity;
use self::kept::Kept;
use self::managed::{Link, Managed};
use self::metrics::MetricsFile;
use self::roll_call::RollCall;
use self::run::Run;
use self::settings::Settings;
use self::signals::Signals;
use self::sink::{Opened, Outfit};
use self::systemd::Systemd;

pub use self::failure::Failure;

/// What a command has to say in one word, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Right,
    /// Nothing was wrong, and something could not be tried.
    CannotSay,
    Wrong,
}

/// Does what the command line asks for, and says on standard error why it could not; `arguments`
/// without the program's own name.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Verdict, Failure> {
    let (format, answer) = match AGENT.parse(arguments, &environment) {
        Ok(Asked::Page(page)) => (LogFormat::Text, print(&page)),
        Ok(Asked::Command(command, settings)) => {
            let format = settings.log_format;
            (format, carry_out(command, settings, environment))
        }
        Err(usage) => (LogFormat::Text, Err(usage.into())),
    };
    answer.inspect_err(|failure| journal::refuse(format, failure))
}

fn carry_out(
    command: Command,
    mut settings: Box<Settings>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Verdict, Failure> {
    match command {
        Command::Observe => {
            settings.settle_sinks();
            observe(&settings, environment)
        }
        Command::HealthCheck => {
            let health = health::check(&settings.state_dir);
            print(&format!("{health}\n"))?;
            Ok(health::verdict(&health))
        }
        Command::Probe => probe::probe(&settings),
        Command::SelfTest => selftest::selftest(&settings),
    }
}

fn print(page: &str) -> Result<Verdict, Failure> {
    command_line::print(page)
        .map(|()| Verdict::Right)
        .map_err(|error| Failure::System("standard output", error))
}

/// Observes until a signal comes.
fn observe(
    settings: &Settings,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Verdict, Failure> {
    journal::begin(settings.log_level, settings.log_format);
    let systemd = Systemd::named_in(environment);
    let identity =
        Identity::of(settings).map_err(|error| Failure::System("who this node is", error))?;
    let signals = Signals::register().map_err(|error| Failure::System("signals", error))?;
    let roll =
        RollCall::of(&settings.observers).map_err(|error| Failure::System("eventfd", error))?;
    let since = clock::now().wall;
    let accounts = Accounts::new(
        &identity.boot_id,
        since,
        &settings.observers,
        &settings.sinks,
    );
    let link = link(settings, &identity)?;
    let kept = Kept::new();
    let outfit = Outfit {
        settings,
        accounts: &accounts,
        link: link.as_ref(),
        kept: &kept,
        seed: identity.chance_seed(),
    };
    let (mut fronts, mut tasks) = (Vec::new(), Vec::new());
    for (name, account) in accounts.sinks() {
        let Opened { front, task } = sink::open(name, &outfit, account)?;
        fronts.push(front);
        tasks.extend(task.map(|task| (name, task)));
    }
    if let Some(path) = &settings.metrics_file {
        fronts.push(Box::new(MetricsFile::open(path, &accounts)?));
    }
    let status_file = StatusFile::open(&settings.state_dir, &identity.boot_id, since, &roll);
    if let Some(file) = status_file {
        fronts.push(Box::new(file));
    }
    if let Some(watchdog) = systemd.watchdog(&roll) {
        fronts.push(Box::new(watchdog));
    }
    let (managed, config) = config_at_start(settings, link.as_ref(), &kept)?;
    let run = Run {
        settings,
        identity,
        config,
        managed,
        signals: &signals,
        roll: &roll,
        accounts: &accounts,
        fronts,
        tasks,
    };
    let (_, closing) = run.carry_out(|stop| {
        systemd.observing();
        stop.wait(None);
        systemd.leaving();
    })?;
    report(&closing);
    Ok(Verdict::Right)
}

/// The controller, if there is one, and who this agent is to it.
fn link(settings: &Settings, identity: &Identity) -> Result<Option<Link>, Failure> {
    let Some(endpoint) = &settings.controller else {
        return Ok(None);
    };
    let node_name = identity.node_name.clone();
    let agent_id = settings
        .agent_id
        .clone()
        .unwrap_or_else(|| node_name.clone());
    Link::new(endpoint.clone(), agent_id, node_name)
        .map(Some)
        .map_err(|error| Failure::System("eventfd", error))
}

/// What is in force before anybody has been asked, and who will ask.
fn config_at_start<'a>(
    settings: &Settings,
    link: Option<&'a Link>,
    kept: &'a Kept,
) -> Result<(Option<Managed<'a>>, Option<NamedConfig>), Failure> {
    let Some(link) = link else {
        let config = config::load(settings.config.as_deref())?;
        return Ok((None, Some(config)));
    };
    let (managed, config) = Managed::open(settings, link, kept)?;
    Ok((Some(managed), config))
}

/// The books of the run, for whoever keeps the log.
fn report(closing: &Closing) {
    for (name, book) in [
        ("ledger", serde_json::to_string(&closing.ledger)),
        ("coverage", serde_json::to_string(&closing.coverage)),
    ] {
        match book {
            Ok(text) => log::info!("{name} {text}"),
            Err(error) => log::error!("the {name} cannot be written: {error}"),
        }
    }
    for imbalance in closing.ledger.check() {
        log::warn!("the ledger does not add up: {imbalance}");
    }
}

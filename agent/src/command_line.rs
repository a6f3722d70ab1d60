//! Reads a command line and the environment against the table of flags.
//!
//! A flag wins over its `TAPIO_…` twin, the twin over the default; an empty twin counts as not
//! set. The environment is handed in, so that nothing here depends on the process it runs in.

use std::error::Error;
use std::ffi::OsString;
use std::fmt::{self, Write as _};

use lexopt::Arg;

use crate::flags::{FLAGS, Flag};
use crate::settings::{Settings, Unfit};

/// What a command line asks for.
#[derive(Debug)]
pub enum Command {
    Help,
    Version,
    Observe(Box<Settings>),
    HealthCheck(Box<Settings>),
    Probe(Box<Settings>),
    SelfTest(Box<Settings>),
}

/// A command line that cannot be obeyed, in words that say what to change.
#[derive(Debug)]
pub enum Usage {
    UnknownFlag(String),
    UnknownCommand(OsString),
    Malformed(lexopt::Error),
    Surplus(OsString),
    Unfit {
        origin: String,
        value: OsString,
        why: Unfit,
    },
}

impl fmt::Display for Usage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownFlag(name) => write!(out, "unknown flag {name:?}, see --help"),
            Self::UnknownCommand(name) => write!(out, "unknown command {name:?}, see --help"),
            Self::Malformed(error) => {
                let words: String = error.to_string().escape_debug().collect();
                out.write_str(&words)
            }
            Self::Surplus(argument) => write!(out, "unexpected argument {argument:?}"),
            Self::Unfit {
                origin,
                why: why @ Unfit::Secret(_),
                ..
            } => {
                write!(out, "{origin} {why}")
            }
            Self::Unfit { origin, value, why } => write!(out, "{origin}: {value:?} {why}"),
        }
    }
}

impl Error for Usage {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Malformed(error) => Some(error),
            Self::UnknownFlag(_)
            | Self::UnknownCommand(_)
            | Self::Surplus(_)
            | Self::Unfit { .. } => None,
        }
    }
}

/// `arguments` without the program's own name.
pub fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Command, Usage> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut given: Vec<(&Flag, OsString)> = Vec::new();
    let mut command: Option<fn(Box<Settings>) -> Command> = None;
    while let Some(argument) = parser.next().map_err(Usage::Malformed)? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            Arg::Short('V') | Arg::Long("version") => return Ok(Command::Version),
            Arg::Long(name) => {
                let flag =
                    Flag::named(name).ok_or_else(|| Usage::UnknownFlag(format!("--{name}")))?;
                given.push((flag, parser.value().map_err(Usage::Malformed)?));
            }
            Arg::Short(letter) => return Err(Usage::UnknownFlag(format!("-{letter}"))),
            Arg::Value(value) if command.is_some() => return Err(Usage::Surplus(value)),
            Arg::Value(value) => {
                command = Some(match value.to_str() {
                    Some("healthcheck") => Command::HealthCheck,
                    Some("probe") => Command::Probe,
                    Some("selftest") => Command::SelfTest,
                    Some(_) | None => return Err(Usage::UnknownCommand(value)),
                });
            }
        }
    }
    let settings = Box::new(settle(given, environment)?);
    Ok(command.unwrap_or(Command::Observe)(settings))
}

fn settle(
    given: Vec<(&Flag, OsString)>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Settings, Usage> {
    let mut settings = Settings::blank();
    let mut apply = |flag: &Flag, origin: String, value: OsString| {
        (flag.set)(&mut settings, &value).map_err(|why| Usage::Unfit { origin, value, why })
    };
    for flag in FLAGS {
        if given.iter().any(|(other, _)| other.name == flag.name) {
            continue;
        }
        let twin = environment(&flag.twin()).filter(|value| !value.is_empty());
        if let Some(value) = twin {
            apply(flag, flag.twin(), value)?;
        } else if let Some(default) = flag.default {
            apply(flag, format!("default of --{}", flag.name), default.into())?;
        }
    }
    for (flag, value) in given {
        apply(flag, format!("--{}", flag.name), value)?;
    }
    Ok(settings)
}

/// Fits a screen of 80 columns and 32 lines; a test says so.
pub fn help() -> String {
    let mut page = String::from(
        "tapio-agent: the kernel's own word on why a thing on this machine failed\n\n\
         Usage: tapio-agent [FLAGS]            observe, until SIGTERM or SIGINT\n\
         \x20      tapio-agent healthcheck [FLAGS] does the agent here answer? 0 yes, 1 no\n\
         \x20      tapio-agent probe [FLAGS]      what this kernel offers, hook by hook\n\
         \x20      tapio-agent selftest [FLAGS]   cause failures and see them reported\n\n",
    );
    for flag in FLAGS {
        let spelled = format!("--{} {}", flag.name, flag.placeholder);
        let default = flag
            .default
            .map_or_else(String::new, |value| format!(" [{value}]"));
        // Writing to a String cannot fail.
        let _ = writeln!(page, "  {spelled:<21} {}{default}", flag.help);
    }
    page.push_str(
        "  -h, --help; -V, --version\n\
         Each flag has a twin in the environment: --data-dir is TAPIO_DATA_DIR.\n\
         Exit codes: 0 ok, 1 failed, 2 usage, 3 cannot say.\n",
    );
    page
}

pub fn version() -> String {
    format!("tapio-agent {}", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests;

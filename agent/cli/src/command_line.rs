//! Reads a command line and the environment against the table of commands and flags.
//!
//! A flag wins over its `TAPIO_…` twin, the twin over the default; an empty twin counts as not
//! set. The environment is handed in, so that nothing here depends on the process it runs in.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;

use lexopt::Arg;

use crate::flags::{Command, Flag};
use crate::page;
use crate::settings::{Settings, Unfit};

/// What a command line asks for.
#[derive(Debug)]
pub enum Asked {
    Page(String),
    Command(Command, Box<Settings>),
}

/// A command line that cannot be obeyed, in words that say what to change.
#[derive(Debug)]
pub enum Usage {
    NoCommand,
    UnknownCommand(OsString),
    UnknownFlag(String),
    Malformed(lexopt::Error),
    Surplus(OsString),
    OperandMissing(Command),
    NotAShell(String),
    Unfit {
        origin: String,
        value: OsString,
        why: Unfit,
    },
}

impl fmt::Display for Usage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommand => out.write_str("a command is missing, see --help"),
            Self::UnknownCommand(name) => write!(out, "unknown command {name:?}, see --help"),
            Self::UnknownFlag(name) => write!(out, "unknown flag {name:?}, see --help"),
            Self::Malformed(error) => {
                let words: String = error.to_string().escape_debug().collect();
                out.write_str(&words)
            }
            Self::Surplus(argument) => write!(out, "unexpected argument {argument:?}"),
            Self::OperandMissing(command) => {
                write!(out, "{} needs {}", command.name(), command.operand())
            }
            Self::NotAShell(name) => write!(out, "{name:?} is not one of bash, zsh, fish"),
            Self::Unfit { origin, value, why } => write!(out, "{origin}: {value:?} {why}"),
        }
    }
}

impl Error for Usage {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Malformed(error) => Some(error),
            Self::NoCommand
            | Self::UnknownCommand(_)
            | Self::UnknownFlag(_)
            | Self::Surplus(_)
            | Self::OperandMissing(_)
            | Self::NotAShell(_)
            | Self::Unfit { .. } => None,
        }
    }
}

/// `arguments` without the program's own name.
pub fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Asked, Usage> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let command = match parser.next().map_err(Usage::Malformed)? {
        None => return Err(Usage::NoCommand),
        Some(Arg::Short('h') | Arg::Long("help")) => return Ok(Asked::Page(page::help())),
        Some(Arg::Short('V') | Arg::Long("version")) => return Ok(Asked::Page(page::version())),
        Some(Arg::Short(letter)) => return Err(Usage::UnknownFlag(format!("-{letter}"))),
        Some(Arg::Long(name)) => return Err(Usage::UnknownFlag(format!("--{name}"))),
        Some(Arg::Value(name)) => name
            .to_str()
            .and_then(Command::from_name)
            .ok_or(Usage::UnknownCommand(name))?,
    };
    let mut given: Vec<(&Flag, OsString)> = Vec::new();
    let mut operand: Option<OsString> = None;
    while let Some(argument) = parser.next().map_err(Usage::Malformed)? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => {
                return Ok(Asked::Page(page::command_help(command)));
            }
            Arg::Short(letter) => return Err(Usage::UnknownFlag(format!("-{letter}"))),
            Arg::Long(name) => {
                let unknown = || Usage::UnknownFlag(format!("--{name}"));
                let flag = command
                    .flags()
                    .find(|flag| flag.name == name)
                    .ok_or_else(unknown)?;
                let value = match flag.placeholder {
                    Some(_) => parser.value().map_err(Usage::Malformed)?,
                    None => "true".into(),
                };
                given.push((flag, value));
            }
            Arg::Value(value) if command.operand().is_empty() || operand.is_some() => {
                return Err(Usage::Surplus(value));
            }
            Arg::Value(value) => operand = Some(value),
        }
    }
    let mut settings = settle(command, given, environment)?;
    settings.operand = operand_text(command, operand)?;
    Ok(Asked::Command(command, Box::new(settings)))
}

fn operand_text(command: Command, operand: Option<OsString>) -> Result<String, Usage> {
    if command.operand().is_empty() {
        return Ok(String::new());
    }
    let operand = operand.ok_or(Usage::OperandMissing(command))?;
    let origin = || command.operand().to_owned();
    let unfit = |value: OsString, why| Usage::Unfit {
        origin: origin(),
        value,
        why,
    };
    match operand.into_string() {
        Ok(text) if text.is_empty() => Err(unfit(text.into(), Unfit::Empty)),
        Ok(text) => Ok(text),
        Err(value) => Err(unfit(value, Unfit::NotText)),
    }
}

fn settle(
    command: Command,
    given: Vec<(&Flag, OsString)>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Settings, Usage> {
    let mut settings = Settings::blank();
    let mut apply = |flag: &Flag, origin: String, value: OsString| {
        (flag.set)(&mut settings, &value).map_err(|why| Usage::Unfit { origin, value, why })
    };
    for flag in command.flags() {
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

#[cfg(test)]
mod tests;

//! Why a command line cannot be obeyed, in words that say what to change.

use std::error::Error;
use std::ffi::OsString;
use std::fmt::{self, Write as _};

/// Why a value cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    Empty,
    /// What it would have to be.
    Not(&'static str),
    /// What is wrong with a value that no complaint may repeat.
    Secret(&'static str),
    OutOfRange {
        min: u64,
        max: u64,
    },
}

impl fmt::Display for Unfit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => out.write_str("is empty"),
            Self::Not(wanted) => write!(out, "is not {wanted}"),
            Self::Secret(wrong) => out.write_str(wrong),
            Self::OutOfRange { min, max } => write!(out, "is not between {min} and {max}"),
        }
    }
}

/// A command line that cannot be obeyed.
#[derive(Debug)]
pub enum Usage {
    NoCommand,
    UnknownCommand(OsString),
    UnknownFlag(String),
    /// The flag is one of other commands; the command may be the one without a name.
    Misplaced {
        flag: &'static str,
        command: &'static str,
    },
    Malformed(lexopt::Error),
    Surplus(OsString),
    OperandMissing {
        command: &'static str,
        operand: &'static str,
    },
    /// The same thing by a flag and by an operand.
    Twice {
        flag: &'static str,
        operand: &'static str,
    },
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
            Self::Misplaced { flag, command: "" } => {
                write!(out, "--{flag} goes with a command, see --help")
            }
            Self::Misplaced { flag, command } => {
                write!(
                    out,
                    "--{flag} does not go with {command}, see {command} --help"
                )
            }
            Self::Malformed(error) => {
                let is_quote = |char| matches!(char, '\'' | '"' | '\\');
                error
                    .to_string()
                    .chars()
                    .try_for_each(|char| match is_quote(char) {
                        true => out.write_char(char),
                        false => write!(out, "{}", char.escape_debug()),
                    })
            }
            Self::Surplus(argument) => write!(out, "unexpected argument {argument:?}"),
            Self::OperandMissing { command, operand } => write!(out, "{command} needs {operand}"),
            Self::Twice { flag, operand } => write!(out, "give {operand} or --{flag}, not both"),
            Self::Unfit {
                origin,
                why: Unfit::Secret(wrong),
                value: _,
            } => write!(out, "{origin} {wrong}"),
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
            | Self::Misplaced { .. }
            | Self::Surplus(_)
            | Self::OperandMissing { .. }
            | Self::Twice { .. }
            | Self::Unfit { .. } => None,
        }
    }
}

//! The command line of all our programs: a table of commands and flags, and what is made of it.
//!
//! A program says what it can be asked as a [`Program`]; the parser, the environment twins,
//! `--help`, the manual page and the completions all read that one table. `man` and `completions`
//! are commands of every program and stand in no table.

mod completions;
mod help;
mod man;
mod parse;
mod usage;
pub mod value;

use std::ffi::OsStr;
use std::io::{self, Write};

pub use usage::{Unfit, Usage};

/// Puts the text of one flag, twin, default or operand into the settings. Called once per value:
/// a flag that repeats adds to what is there, or replaces it.
pub type Set<S> = fn(&mut S, &OsStr) -> Result<(), Unfit>;

/// Everything a program can be asked and told: `C` names its commands, `S` holds its settings.
pub struct Program<C: 'static, S: 'static> {
    pub name: &'static str,
    /// Of the manual: 1 for people, 8 for administrators.
    pub section: u8,
    pub title: &'static str,
    /// What only the manual says.
    pub description: &'static str,
    /// One without a name is what is done where no command is given.
    pub commands: &'static [Command<C, S>],
    /// The first is what `--help` shows; the others it names.
    pub topics: &'static [Topic<C, S>],
    /// The last words of `--help`, before the exit codes.
    pub foot: &'static str,
    pub exit_codes: &'static str,
    /// Settings before the table's defaults are applied, which every parse does.
    pub blank: fn() -> S,
}

pub struct Command<C: 'static, S: 'static> {
    pub id: C,
    pub name: &'static str,
    pub operand: Operand<S>,
    pub help: &'static str,
}

/// What a command is about, besides flags.
pub enum Operand<S: 'static> {
    None,
    /// Has to be there; how help calls it, and where it goes.
    Needed(&'static str, Set<S>),
    /// May be there, and is then the value of the flag named second.
    InsteadOf(&'static str, &'static str),
}

/// Flags that belong together and fit a screen.
pub struct Topic<C: 'static, S: 'static> {
    pub name: &'static str,
    pub help: &'static str,
    pub flags: &'static [Flag<C, S>],
}

/// One row of the table.
pub struct Flag<C: 'static, S: 'static> {
    pub name: &'static str,
    /// Empty for a switch, which takes no value.
    pub placeholder: &'static str,
    /// Text like any other value, so that what `--help` prints is what holds. `None` where leaving
    /// the flag out means doing without, or `help` says what holds.
    pub default: Option<&'static str>,
    pub help: &'static str,
    pub commands: &'static [C],
    pub set: Set<S>,
}

/// What a command line asks for.
#[derive(Debug)]
pub enum Asked<C, S> {
    /// Help, version, manual or completions, as they are to be printed.
    Page(String),
    Command(C, Box<S>),
}

impl<C: Copy + PartialEq, S> Program<C, S> {
    pub fn version(&self) -> String {
        format!("{} {}\n", self.name, env!("CARGO_PKG_VERSION"))
    }

    fn command(&self, name: &str) -> Option<&Command<C, S>> {
        self.commands.iter().find(|command| command.name == name)
    }

    fn named_commands(&self) -> impl Iterator<Item = &'static Command<C, S>> {
        let commands = self.commands.iter();
        commands.filter(|command| !command.name.is_empty())
    }

    fn flags(&self) -> impl Iterator<Item = &'static Flag<C, S>> {
        self.topics.iter().flat_map(|topic| topic.flags)
    }

    /// The flags a command knows, in the order of the table.
    fn flags_of(&self, id: C) -> impl Iterator<Item = &'static Flag<C, S>> {
        self.flags().filter(move |flag| flag.commands.contains(&id))
    }

    fn topic(&self, name: &str) -> Option<&'static Topic<C, S>> {
        let mut topics = self.topics.iter();
        topics.find(|topic| topic.name == name && !name.is_empty())
    }
}

impl<C, S> Command<C, S> {
    fn operand_name(&self) -> &'static str {
        match self.operand {
            Operand::None => "",
            Operand::Needed(name, _) | Operand::InsteadOf(name, _) => name,
        }
    }
}

impl<C, S> Flag<C, S> {
    pub const fn new(
        name: &'static str,
        placeholder: &'static str,
        default: Option<&'static str>,
        help: &'static str,
        commands: &'static [C],
        set: Set<S>,
    ) -> Self {
        Self {
            name,
            placeholder,
            default,
            help,
            commands,
            set,
        }
    }

    /// `--data-dir` is `TAPIO_DATA_DIR`.
    pub fn twin(&self) -> String {
        format!("TAPIO_{}", self.name.replace('-', "_").to_uppercase())
    }

    /// `--data-dir DIR`
    fn spelled(&self) -> String {
        let spelled = format!("--{} {}", self.name, self.placeholder);
        spelled.trim_end().to_owned()
    }

    /// With the default, where there is one.
    fn explained(&self) -> String {
        match self.default {
            Some(default) => format!("{} [{default}]", self.help),
            None => self.help.to_owned(),
        }
    }
}

/// Writes a page to standard output. Whoever closed it has read enough of it.
pub fn print(page: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(page.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;

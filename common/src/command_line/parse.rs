//! Reads a command line and the environment against the table.
//!
//! A flag wins over its `TAPIO_…` twin, the twin over the default; an empty twin counts as not
//! set. The environment is handed in, so that nothing here depends on the process it runs in.

use std::ffi::{OsStr, OsString};

use lexopt::Arg;

use super::{Asked, Command, Flag, Operand, Program, Usage};

/// Flags as given, with what a complaint calls the place their value came from.
type Given<C, S> = Vec<(&'static Flag<C, S>, String, OsString)>;

impl<C: Copy + PartialEq, S> Program<C, S> {
    /// `arguments` without the program's own name.
    pub fn parse(
        &self,
        arguments: impl IntoIterator<Item = OsString>,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Asked<C, S>, Usage> {
        let mut parser = lexopt::Parser::from_args(arguments);
        let mut given: Given<C, S> = Vec::new();
        let mut words: Vec<OsString> = Vec::new();
        while let Some(argument) = parser.next().map_err(Usage::Malformed)? {
            match argument {
                Arg::Short('h') | Arg::Long("help") => {
                    if let (true, Ok(Some(Arg::Value(word)))) = (words.is_empty(), parser.next()) {
                        words.push(word);
                    }
                    let subject = words.first().and_then(|word| word.to_str());
                    return Ok(Asked::Page(self.help(subject.unwrap_or(""))));
                }
                Arg::Short('V') | Arg::Long("version") => return Ok(Asked::Page(self.version())),
                Arg::Short(letter) => return Err(Usage::UnknownFlag(format!("-{letter}"))),
                Arg::Long(name) => {
                    let origin = format!("--{name}");
                    let Some(flag) = self.flags().find(|flag| flag.name == name) else {
                        return Err(Usage::UnknownFlag(origin));
                    };
                    let value = match flag.placeholder {
                        "" => "true".into(),
                        _ => parser.value().map_err(Usage::Malformed)?,
                    };
                    given.push((flag, origin, value));
                }
                Arg::Value(word) => words.push(word),
            }
        }
        self.obey(words, given, environment)
    }

    fn obey(
        &self,
        words: Vec<OsString>,
        mut given: Given<C, S>,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Asked<C, S>, Usage> {
        let (command, mut operands) = match self.built_in(&words)? {
            Some(page) => return Ok(Asked::Page(page)),
            None => self.command_asked(words)?,
        };
        let operand = operands.next();
        if let Some(surplus) = operands.next() {
            return Err(Usage::Surplus(surplus));
        }
        let needed = match (&command.operand, operand) {
            (Operand::None | Operand::InsteadOf(..), None) => None,
            (Operand::None, Some(word)) => return Err(Usage::Surplus(word)),
            (Operand::InsteadOf(operand, name), Some(word)) => {
                self.stand_in(operand, name, word, &mut given)?;
                None
            }
            (Operand::Needed(operand, _), None) => {
                return Err(Usage::OperandMissing {
                    command: command.name,
                    operand,
                });
            }
            (Operand::Needed(operand, set), Some(word)) => Some((*operand, *set, word)),
        };
        let mut settings = self.settle(command, given, environment)?;
        if let Some((operand, set, value)) = needed {
            set(&mut settings, &value).map_err(|why| Usage::Unfit {
                origin: operand.to_owned(),
                value,
                why,
            })?;
        }
        Ok(Asked::Command(command.id, Box::new(settings)))
    }

    /// What every program can be asked, and no table says.
    fn built_in(&self, words: &[OsString]) -> Result<Option<String>, Usage> {
        let words: Vec<&OsStr> = words.iter().map(OsString::as_os_str).collect();
        let first = words.first().and_then(|word| word.to_str());
        match (first, &words[..]) {
            (Some("man"), [_]) => Ok(Some(self.man())),
            (Some("completions"), [_, shell]) => self.completions(shell).map(Some),
            (Some("completions"), [_]) => Err(Usage::OperandMissing {
                command: "completions",
                operand: "bash, zsh or fish",
            }),
            (Some("man"), [_, surplus, ..]) | (Some("completions"), [_, _, surplus, ..]) => {
                Err(Usage::Surplus((*surplus).to_owned()))
            }
            (_, _) => Ok(None),
        }
    }

    /// The command, and the words that are not its name.
    fn command_asked(
        &self,
        words: Vec<OsString>,
    ) -> Result<(&Command<C, S>, impl Iterator<Item = OsString>), Usage> {
        let mut words = words.into_iter().peekable();
        let first = words.peek().and_then(|word| word.to_str());
        if let Some(command) = first.and_then(|name| self.command(name)) {
            words.next();
            return Ok((command, words));
        }
        let default = self.command("").ok_or(Usage::NoCommand);
        match (words.peek(), &default) {
            (Some(word), Err(_))
            | (
                Some(word),
                Ok(Command {
                    operand: Operand::None,
                    ..
                }),
            ) => Err(Usage::UnknownCommand(word.clone())),
            (Some(_) | None, Ok(_)) | (None, Err(_)) => default.map(|command| (command, words)),
        }
    }

    fn stand_in(
        &self,
        operand: &'static str,
        name: &'static str,
        word: OsString,
        given: &mut Given<C, S>,
    ) -> Result<(), Usage> {
        if given.iter().any(|(flag, _, _)| flag.name == name) {
            return Err(Usage::Twice {
                flag: name,
                operand,
            });
        }
        let flag = self.flags().find(|flag| flag.name == name);
        given.extend(flag.map(|flag| (flag, operand.to_owned(), word)));
        Ok(())
    }

    fn settle(
        &self,
        command: &Command<C, S>,
        given: Given<C, S>,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<S, Usage> {
        let mut settings = (self.blank)();
        let mut apply = |flag: &Flag<C, S>, origin: String, value: OsString| {
            (flag.set)(&mut settings, &value).map_err(|why| Usage::Unfit { origin, value, why })
        };
        for flag in self.flags_of(command.id) {
            if given.iter().any(|(other, _, _)| other.name == flag.name) {
                continue;
            }
            let twin = environment(&flag.twin()).filter(|value| !value.is_empty());
            if let Some(value) = twin {
                apply(flag, flag.twin(), value)?;
            } else if let Some(default) = flag.default {
                apply(flag, format!("default of --{}", flag.name), default.into())?;
            }
        }
        for (flag, origin, value) in given {
            if !flag.commands.contains(&command.id) {
                return Err(Usage::Misplaced {
                    flag: flag.name,
                    command: command.name,
                });
            }
            apply(flag, origin, value)?;
        }
        Ok(settings)
    }
}

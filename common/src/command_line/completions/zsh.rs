//! Completions for zsh, in its own words: with what each command and flag is for.
//!
//! The page works from a folder of `$fpath` as `_PROGRAM`, and sourced.

use std::fmt::Write as _;

use super::super::{Command, Flag, Program};
use super::BUILT_IN;

impl<C: Copy + PartialEq, S> Program<C, S> {
    pub(super) fn zsh(&self) -> String {
        // As the file is called from which zsh loads it.
        let (name, function) = (self.name, format!("_{}", self.name));
        let named = self.named_commands();
        let listed = named.map(|command| (command.name, command.help));
        let mut commands = String::new();
        let mut cases = String::new();
        // Writing to a String cannot fail.
        for (name, help) in listed.chain(BUILT_IN) {
            let _ = writeln!(commands, "    '{name}:{}'", escaped(help));
        }
        for command in self.named_commands() {
            let flags = self.zsh_flags(command);
            let _ = write!(
                cases,
                "    {}) shift words; (( CURRENT-- ))\n{flags}",
                command.name
            );
        }
        let default = self.command("").map(|command| self.zsh_flags(command));
        let default = default.unwrap_or_else(|| {
            "      _arguments '--help[show help]' '--version[show the version]' ;;\n".to_owned()
        });
        format!(
            "#compdef {name}\n{function}() {{\n  local -a commands=(\n{commands}  )\n\
             \x20 if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n\
             \x20   _describe command commands\n    return\n  fi\n\
             \x20 case $words[2] in\n{cases}\
             \x20   man) ;;\n\
             \x20   completions) _values shell bash zsh fish ;;\n\
             \x20   *)\n{default}  esac\n}}\n\
             if [[ $funcstack[1] == {function} ]]; then\n  {function} \"$@\"\nelse\n  \
             compdef {function} {name}\nfi\n"
        )
    }

    fn zsh_flags(&self, command: &Command<C, S>) -> String {
        let mut page = "      _arguments".to_owned();
        for flag in self.flags_of(command.id) {
            let _ = write!(page, " \\\n        '{}'", argument(flag));
        }
        page.push_str(" \\\n        '--help[show help]' ;;\n");
        page
    }
}

fn argument<C, S>(flag: &Flag<C, S>) -> String {
    let (name, help) = (flag.name, escaped(flag.help));
    match flag.placeholder {
        "" => format!("--{name}[{help}]"),
        "DIR" => format!("*--{name}=[{help}]:DIR:_files -/"),
        "FILE" => format!("*--{name}=[{help}]:FILE:_files"),
        other => format!("*--{name}=[{help}]:{}: ", escaped(other)),
    }
}

/// Inside of single quotes, and of what `_arguments` and `_describe` read there.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\'' => safe.push_str("'\\''"),
            '\\' | '[' | ']' | ':' => safe.extend(['\\', char]),
            _ => safe.push(char),
        }
    }
    safe
}

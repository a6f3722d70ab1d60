//! Completions for the shells, from the same table.

mod zsh;

use std::ffi::OsStr;
use std::fmt::Write as _;

use super::{Flag, Program, Unfit, Usage};

/// The commands that stand in no table.
const BUILT_IN: [(&str, &str); 2] = [
    ("man", "the manual page"),
    ("completions", "for bash, zsh or fish"),
];

impl<C: Copy + PartialEq, S> Program<C, S> {
    pub(super) fn completions(&self, shell: &OsStr) -> Result<String, Usage> {
        match shell.to_str() {
            Some("bash") => Ok(self.bash()),
            Some("zsh") => Ok(self.zsh()),
            Some("fish") => Ok(self.fish()),
            Some(_) | None => Err(Usage::Unfit {
                origin: "completions".to_owned(),
                value: shell.to_owned(),
                why: Unfit::Not("one of bash, zsh, fish"),
            }),
        }
    }

    fn flag_words(&self, command: C) -> String {
        let flags = self.flags_of(command);
        flags.map(|flag| format!("--{} ", flag.name)).collect()
    }

    /// Flags whose value the shell can complete as a file, and as a folder.
    fn flags_with(&self, placeholder: &str) -> String {
        let flags = self.flags().filter(|flag| flag.placeholder == placeholder);
        let words: Vec<String> = flags.map(|flag| format!("--{}", flag.name)).collect();
        match words.is_empty() {
            true => "--".to_owned(),
            false => words.join("|"),
        }
    }

    fn bash(&self) -> String {
        let function = self.name.replace('-', "_");
        let commands: String = self
            .named_commands()
            .map(|command| format!("{} ", command.name))
            .collect();
        let default = self.command("").map(|command| self.flag_words(command.id));
        let mut cases = String::new();
        for command in self.named_commands() {
            let flags = self.flag_words(command.id);
            // Writing to a String cannot fail.
            let _ = writeln!(cases, "    {}) words='{flags}--help' ;;", command.name);
        }
        format!(
            "_{function}() {{\n  local word=${{COMP_WORDS[COMP_CWORD]}} command=${{COMP_WORDS[1]}} words=\n\
             \x20 [ \"$COMP_CWORD\" -gt 1 ] || command=\n\
             \x20 case $command in\n{cases}\
             \x20   man) ;;\n\
             \x20   completions) words='bash zsh fish' ;;\n\
             \x20   *) words='{commands}man completions {}--help --version' ;;\n  esac\n\
             \x20 case $3 in\n\
             \x20   {}) COMPREPLY=($(compgen -d -- \"$word\")) ;;\n\
             \x20   {}) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n\
             \x20   *) COMPREPLY=($(compgen -W \"$words\" -- \"$word\")) ;;\n  esac\n}}\n\
             complete -F _{function} {}\n",
            default.unwrap_or_default(),
            self.flags_with("DIR"),
            self.flags_with("FILE"),
            self.name,
        )
    }

    fn fish(&self) -> String {
        let mut page = format!("complete -c {} -f\n", self.name);
        for (name, about) in BUILT_IN {
            self.push_fish_command(&mut page, name, about);
        }
        for command in self.commands {
            let when = match command.name {
                "" => "__fish_use_subcommand".to_owned(),
                name => {
                    self.push_fish_command(&mut page, name, command.help);
                    format!("__fish_seen_subcommand_from {name}")
                }
            };
            for flag in self.flags_of(command.id) {
                // Writing to a String cannot fail.
                let _ = writeln!(
                    page,
                    "complete -c {} -n '{when}' -l {}{} -d '{}'",
                    self.name,
                    flag.name,
                    value_mark(flag),
                    flag.help.replace('\'', "\\'")
                );
            }
        }
        page
    }

    fn push_fish_command(&self, page: &mut String, name: &str, about: &str) {
        let about = about.replace('\'', "\\'");
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "complete -c {} -n __fish_use_subcommand -a {name} -d '{about}'",
            self.name
        );
    }
}

fn value_mark<C, S>(flag: &Flag<C, S>) -> &'static str {
    match flag.placeholder {
        "" => "",
        "DIR" | "FILE" => " -r -F",
        _ => " -r",
    }
}

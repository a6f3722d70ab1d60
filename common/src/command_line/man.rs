//! The manual page, as roff.

use std::fmt::Write as _;

use super::{Flag, Program};

impl<C: Copy + PartialEq, S> Program<C, S> {
    pub(super) fn man(&self) -> String {
        let name = roff(self.name);
        let mut page = format!(
            ".TH {} {} \"\" \"Tapio {}\"\n.SH NAME\n{name} \\- {}\n.SH SYNOPSIS\n.B {name}\n\
             [COMMAND] [FLAGS]\n.SH DESCRIPTION\n{}\n.SH COMMANDS\n",
            roff(&self.name.to_uppercase()),
            self.section,
            env!("CARGO_PKG_VERSION"),
            roff(self.title),
            roff(self.description),
        );
        for command in self.commands {
            let called = match command.name {
                "" => "(none)",
                named => named,
            };
            push_entry(&mut page, called, command.operand_name(), command.help);
        }
        push_entry(&mut page, "man", "", "this page");
        let shells = "completions for a shell";
        push_entry(&mut page, "completions", "bash|zsh|fish", shells);
        page.push_str(
            ".SH FLAGS\nA flag wins over its twin in the environment, the twin over the default.\n",
        );
        for topic in self.topics {
            if !topic.name.is_empty() {
                // Writing to a String cannot fail.
                let _ = writeln!(page, ".SS {}", roff(topic.help));
            }
            for flag in topic.flags {
                let about = format!("{}.{}", flag.help, self.notes(flag));
                push_entry(
                    &mut page,
                    &format!("--{}", flag.name),
                    flag.placeholder,
                    &about,
                );
            }
        }
        page.push_str(".SH EXIT STATUS\n");
        page.push_str(self.exit_codes);
        page.push_str("\n.SH SEE ALSO\ntapio(1), tapio\\-agent(8), tapio\\-controller(8)\n");
        page
    }

    /// Default, twin, and the commands it goes with where it does not go with all.
    fn notes(&self, flag: &Flag<C, S>) -> String {
        let default = flag.default.map(|value| format!(" Default: {value}."));
        let knows = |command: &&super::Command<C, S>| flag.commands.contains(&command.id);
        let names: Vec<&str> = self
            .commands
            .iter()
            .filter(knows)
            .map(|command| command.name)
            .collect();
        let named: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| !name.is_empty())
            .collect();
        let of = match names.len() == self.commands.len() || named.is_empty() {
            true => String::new(),
            false => format!(" Of {}.", named.join(", ")),
        };
        format!(
            "{} In the environment: {}.{of}",
            default.unwrap_or_default(),
            flag.twin()
        )
    }
}

fn push_entry(page: &mut String, name: &str, operand: &str, about: &str) {
    let (name, operand, about) = (roff(name), roff(operand), roff(about));
    // Writing to a String cannot fail.
    let _ = writeln!(page, ".TP\n.B {name} \\fI{operand}\\fR\n{about}");
}

fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    // A line of roff that begins with a dot or a quote is an order to it.
    text.replace("\n.", "\n\\&.").replace("\n'", "\n\\&'")
}

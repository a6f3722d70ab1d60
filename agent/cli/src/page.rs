//! Help, man page and completions, all from the table of commands and flags.

use std::fmt::Write as _;

use crate::command_line::Usage;
use crate::flags::{Command, FLAGS, Flag};
use crate::screen::Screen;
use crate::settings::Settings;
use crate::{Failure, Verdict};

const TITLE: &str = "tapio: the kernel's own word on why a thing on this machine failed";
const EXIT_CODES: &str = "Exit codes: 0 ok, 1 failed, 2 usage, 3 cannot say.";

/// Fits a screen of 80 columns and 24 lines; a test says so.
pub fn help() -> String {
    let mut page = format!("{TITLE}\n\nUsage: tapio COMMAND [FLAGS]\n\n");
    for command in Command::ALL {
        let spelled = format!("{} {}", command.name(), command.operand());
        push(
            &mut page,
            format_args!("  {spelled:<28}{}\n", command.help()),
        );
    }
    push(
        &mut page,
        format_args!(
            "\ntapio COMMAND --help shows its flags; -V, --version the version.\n\
             It reads the evidence directory and never the running agent: TAPIO_DATA_DIR or\n\
             --data-dir says where. An answer is: seen (0); not seen, fully covered (0); or\n\
             cannot say, and why (3). {EXIT_CODES}\n"
        ),
    );
    page
}

pub fn command_help(command: Command) -> String {
    let mut page = format!("tapio {}: {}\n\n", command.name(), command.help());
    let usage = format!("Usage: tapio {} {}", command.name(), command.operand());
    push(&mut page, format_args!("{} [FLAGS]\n\n", usage.trim_end()));
    for flag in command.flags() {
        let default = flag
            .default
            .map_or_else(String::new, |value| format!(" [{value}]"));
        push(
            &mut page,
            format_args!("  {:<20}{}{default}\n", flag.spelled(), flag.help),
        );
    }
    push(
        &mut page,
        format_args!(
            "  {:<20}this page\n\n\
             Each flag has a twin in the environment: --data-dir is TAPIO_DATA_DIR.\n{EXIT_CODES}\n",
            "-h, --help"
        ),
    );
    page
}

pub fn version() -> String {
    format!("tapio {}\n", env!("CARGO_PKG_VERSION"))
}

fn push(page: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = page.write_fmt(words);
}

pub fn man(screen: &mut Screen) -> Result<Verdict, Failure> {
    let mut page = format!(
        ".TH TAPIO 1 \"\" \"tapio {}\"\n.SH NAME\ntapio \\- reads an evidence directory\n\
         .SH SYNOPSIS\n.B tapio\n.I COMMAND\n[FLAGS]\n.SH DESCRIPTION\n\
         Answers from the evidence directory of tapio\\-agent(8), never from the running agent.\n\
         An answer is: seen; not seen, and fully covered; or cannot say, and why.\n.SH COMMANDS\n",
        env!("CARGO_PKG_VERSION")
    );
    for command in Command::ALL {
        push(
            &mut page,
            format_args!(
                ".TP\n.B {} \\fI{}\\fR\n{}\n",
                command.name(),
                command.operand(),
                roff(command.help())
            ),
        );
    }
    page.push_str(".SH FLAGS\n");
    for flag in FLAGS {
        let default = flag
            .default
            .map_or_else(String::new, |value| format!(" Default: {value}."));
        let commands: Vec<&str> = flag.commands.iter().map(|command| command.name()).collect();
        push(
            &mut page,
            format_args!(
                ".TP\n.B {}\n{}.{} Of {}. In the environment: {}.\n",
                roff(&flag.spelled()),
                roff(flag.help),
                roff(&default),
                commands.join(", "),
                flag.twin()
            ),
        );
    }
    page.push_str(
        ".SH EXIT STATUS\n0 ok or seen or fully covered, 1 failed or broken, 2 usage, 3 cannot say.\n",
    );
    screen.text(&page)?;
    Ok(Verdict::Said)
}

fn roff(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}

pub fn completions(settings: &Settings, screen: &mut Screen) -> Result<Verdict, Failure> {
    let page = match settings.operand.as_str() {
        "bash" => bash(),
        "zsh" => format!(
            "#compdef tapio\nautoload -U +X bashcompinit && bashcompinit\n{}",
            bash()
        ),
        "fish" => fish(),
        other => return Err(Usage::NotAShell(other.to_owned()).into()),
    };
    screen.text(&page)?;
    Ok(Verdict::Said)
}

fn flag_words(command: Command) -> String {
    let words: Vec<String> = command
        .flags()
        .map(|flag| format!("--{}", flag.name))
        .collect();
    words.join(" ")
}

fn bash() -> String {
    let commands: Vec<&str> = Command::ALL.iter().map(|command| command.name()).collect();
    let mut page = format!(
        "_tapio() {{\n  local word=${{COMP_WORDS[COMP_CWORD]}} words=\n\
         \x20 if [ \"$COMP_CWORD\" -eq 1 ]; then words='{} --help --version'\n  else\n\
         \x20   case ${{COMP_WORDS[1]}} in\n",
        commands.join(" ")
    );
    for command in Command::ALL {
        push(
            &mut page,
            format_args!(
                "      {}) words='{} --help' ;;\n",
                command.name(),
                flag_words(*command)
            ),
        );
    }
    page.push_str(
        "    esac\n  fi\n  [ \"$3\" = --data-dir ] && { COMPREPLY=($(compgen -d -- \"$word\")); return; }\n\
         \x20 COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\ncomplete -F _tapio tapio\n",
    );
    page
}

fn fish() -> String {
    let mut page = String::from("complete -c tapio -f\n");
    for command in Command::ALL {
        push(
            &mut page,
            format_args!(
                "complete -c tapio -n __fish_use_subcommand -a {} -d '{}'\n",
                command.name(),
                command.help().replace('\'', "\\'")
            ),
        );
        for flag in command.flags() {
            push(
                &mut page,
                format_args!(
                    "complete -c tapio -n '__fish_seen_subcommand_from {}' -l {}{} -d '{}'\n",
                    command.name(),
                    flag.name,
                    value_mark(flag),
                    flag.help.replace('\'', "\\'")
                ),
            );
        }
    }
    page
}

fn value_mark(flag: &Flag) -> &'static str {
    match flag.placeholder {
        Some("DIR") => " -r -F",
        Some(_) => " -r",
        None => "",
    }
}

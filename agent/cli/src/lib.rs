//! `tapio`: reads an evidence directory, and never the running agent.
//!
//! Every question has one of three answers: seen; not seen, and fully covered; cannot say, and why.
//! Lines are streamed, only segments that can hold an answer are opened, and what is kept of them
//! in memory is bounded. What comes out of evidence reaches a terminal with its control characters
//! escaped.

mod answer;
mod controller;
mod event;
mod export;
mod failure;
mod filter;
mod flags;
mod fleet;
mod health;
mod mcp;
mod progress;
mod recent;
mod row;
mod scan;
mod screen;
mod settings;
mod status;
mod story;
mod terminal;
mod verify;
mod watch;
mod why;

use std::ffi::OsString;

use tapio_common::command_line;

pub use failure::Failure;

use flags::{Asked, Command, TAPIO};
use screen::Screen;
use settings::Settings;

/// How a command ended that did what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Said,
    /// The directory is not what was sealed.
    Broken,
    CannotSay,
}

/// Does what the command line asks for.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Verdict, Failure> {
    let colour_refused = environment("NO_COLOR").is_some_and(|value| !value.is_empty());
    match TAPIO.parse(arguments, environment)? {
        Asked::Page(text) => {
            command_line::print(&text)?;
            Ok(Verdict::Said)
        }
        Asked::Command(command, settings) => {
            let mut screen = Screen::of_stdout(settings.width, colour_refused);
            let verdict = obey(command, &settings, &mut screen)?;
            screen.flush()?;
            Ok(verdict)
        }
    }
}

fn obey(command: Command, settings: &Settings, screen: &mut Screen) -> Result<Verdict, Failure> {
    match command {
        Command::Recent => recent::run(settings, screen),
        Command::Watch => watch::run(settings, screen),
        Command::Status => status::run(settings, screen),
        Command::Health => health::run(settings, screen),
        Command::Why => why::run(settings, screen),
        Command::Verify => verify::run(settings, screen),
        Command::Export => export::run(settings, screen),
        Command::Fleet => fleet::run(settings, screen),
        Command::Mcp => mcp::run(settings, screen),
    }
}

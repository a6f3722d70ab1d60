//! The coordination point of a fleet: hello, config, heartbeat, events and status over HTTP.
//!
//! The controller holds what agents told it in memory, hands every agent the same compiled
//! config, and judges nothing. Handlers are pure functions of a request and the registry; the
//! sockets, their limits and their clocks are in [`http`].

pub mod flags;
pub mod settings;

mod accepted;
mod compile;
mod config;
mod failure;
mod forget;
mod http;
mod logging;
mod moment;
mod profile_file;
mod registry;
mod reload;
mod routes;
mod serve;
mod site;
mod traffic;

#[cfg(test)]
mod scratch;

use std::ffi::OsString;

use tapio_common::command_line;
use tapio_common::log_line::LogFormat;

pub use failure::Failure;
use flags::{Asked, CONTROLLER, Command};

/// Does what the command line asks for, and says on standard error why it could not. `arguments`
/// are those after the program's name.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<(), Failure> {
    let (format, answer) = match CONTROLLER.parse(arguments, environment) {
        Ok(Asked::Page(page)) => (LogFormat::Text, print(&page)),
        Ok(Asked::Command(Command::Compile, settings)) => {
            (LogFormat::Text, compile::run(&settings))
        }
        Ok(Asked::Command(Command::Serve, settings)) => {
            (settings.log_format, serve::run(&settings))
        }
        Err(usage) => (LogFormat::Text, Err(Failure::Usage(usage))),
    };
    answer.inspect_err(|failure| logging::refuse(format, failure))
}

fn print(page: &str) -> Result<(), Failure> {
    command_line::print(page).map_err(|source| Failure::System {
        what: "cannot write to standard output",
        source,
    })
}

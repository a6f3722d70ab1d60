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

pub use failure::Failure;
use flags::{Asked, CONTROLLER, Command};

/// Does what the command line asks for. `arguments` are those after the program's name.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<(), Failure> {
    match CONTROLLER.parse(arguments, environment)? {
        Asked::Page(page) => print(&page),
        Asked::Command(Command::Compile, settings) => compile::run(&settings),
        Asked::Command(Command::Serve, settings) => serve::run(&settings),
    }
}

fn print(page: &str) -> Result<(), Failure> {
    command_line::print(page).map_err(|source| Failure::System {
        what: "cannot write to standard output",
        source,
    })
}

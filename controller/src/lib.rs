//! The coordination point of a fleet: hello, config, heartbeat, events and status over HTTP.
//!
//! The controller holds what agents told it in memory, hands every agent the same compiled
//! config, and judges nothing. Handlers are pure functions of a request and the registry; the
//! sockets, their limits and their clocks are in [`http`].

pub mod command_line;
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
use std::io::{self, Write};

use command_line::Command;
pub use failure::Failure;

/// Does what the command line asks for. `arguments` are those after the program's name.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<(), Failure> {
    match command_line::parse(arguments, environment).map_err(Failure::Usage)? {
        Command::Help => print(&command_line::help()),
        Command::Version => print(&format!("{}\n", command_line::version())),
        Command::Compile { profile } => compile::run(&profile),
        Command::Serve(settings) => serve::run(&settings),
    }
}

fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|source| Failure::System {
            what: "cannot write to standard output",
            source,
        })
}

//! `tapio-load`: what a request costs the controller, in its own processor time.
//!
//! Starts release builds of the controller, drives them over loopback, and prints each figure
//! beside its target. Exits 0 whatever the figures are: a missed target is told, not hidden.

mod drive;
mod fleet;
mod floor;
mod neighbours;
mod options;
mod requests;
mod scenes;
mod table;

use std::process::ExitCode;

use options::Asked;

fn main() -> ExitCode {
    let done = match options::parse() {
        Ok(Asked::Help) => {
            print!("{}", options::HELP);
            Ok(())
        }
        Ok(Asked::Floor) => floor::serve(),
        Ok(Asked::Run(options)) => scenes::run(&options),
        Err(error) => {
            eprintln!("tapio-load: {error}; see --help");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tapio-load: {error}");
            ExitCode::FAILURE
        }
    }
}

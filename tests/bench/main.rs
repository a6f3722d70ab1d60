//! `tapio-bench`: what the agent costs the machine it watches, each figure beside its target.
//!
//! Measures the binary that ships, from outside: /proc, the kernel's own statistics of programs and
//! maps, a pipe on its stdout. Exits 0 whatever the figures are: a missed target is told, not hidden.

mod beside;
mod flood;
mod idle;
mod latency;
mod probe;
mod programs;
mod rounds;

use std::process::ExitCode;

fn main() -> ExitCode {
    match rounds::asked() {
        Ok(Some(options)) => match rounds::run(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("tapio-bench: {error}");
                ExitCode::FAILURE
            }
        },
        Ok(None) => {
            print!("{}", rounds::HELP);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("tapio-bench: {error}; see --help");
            ExitCode::from(2)
        }
    }
}

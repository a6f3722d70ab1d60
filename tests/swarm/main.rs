//! `tapio-swarm`: a fleet without machines, to see what a fleet does to a controller.
//!
//! Plays any number of agents as wire.md has them: hello, polls with a tag, the full heartbeat of our
//! agent, batches that are sent again until they are acknowledged. Says what happened and judges
//! nothing, but for the bench, which prints each figure beside its target and exits 0 all the same.

mod agent;
mod bench;
mod chance;
mod crowd;
mod line;
mod options;
mod play;
mod tally;

use std::process::ExitCode;

use options::Asked;

fn main() -> ExitCode {
    let done = match options::parse() {
        Ok(Asked::Help) => {
            print!("{}", options::HELP);
            Ok(())
        }
        Ok(Asked::Bench(options)) => bench::run(&options),
        Ok(Asked::Play(to, options)) => play::run(to, &options),
        Err(error) => {
            eprintln!("tapio-swarm: {error}; see --help");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tapio-swarm: {error}");
            ExitCode::FAILURE
        }
    }
}

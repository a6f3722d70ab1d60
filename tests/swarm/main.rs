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
mod tally;

use std::io;
use std::net::SocketAddrV4;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use agent::Habits;
use crowd::Crowd;
use options::{Asked, Options};
use tapio_tests::deadline::wait_for_moment;

fn main() -> ExitCode {
    let done = match options::parse() {
        Ok(Asked::Help) => {
            print!("{}", options::HELP);
            Ok(())
        }
        Ok(Asked::Bench(options)) => bench::run(&options),
        Ok(Asked::Play(to, options)) => play(to, &options),
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

fn crowd(to: SocketAddrV4, options: &Options) -> Crowd {
    let habits = Habits::new(options.interval, options.events);
    Crowd::new(to, options.agents, habits, options.seed)
}

fn play(to: SocketAddrV4, options: &Options) -> io::Result<()> {
    tapio_tests::process::raise_open_files()?;
    let mut crowd = crowd(to, options);
    let (start, stop) = (Instant::now(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            wait_for_moment(start + options.lasting);
            stop.store(true, Ordering::Relaxed);
        });
        crowd.play(&stop)
    })?;
    let greeted = crowd.agents.iter().filter(|agent| agent.greeted.is_some());
    let delivered: u64 = crowd.agents.iter().map(|agent| agent.delivered).sum();
    let total = crowd.tally.total();
    println!(
        "agents registered: {} of {}",
        greeted.count(),
        options.agents
    );
    println!(
        "connections: {}, requests answered: {}",
        total.connections, total.requests
    );
    println!("events acknowledged: {delivered}");
    println!(
        "turns that failed: {} {:?}",
        total.failures, crowd.tally.reasons
    );
    Ok(())
}

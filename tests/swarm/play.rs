//! Playing against a controller that somebody else started.

use std::io;
use std::net::SocketAddrV4;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use tapio_tests::deadline::wait_for_moment;
use tapio_tests::process::raise_open_files;

use crate::agent::Habits;
use crate::crowd::Crowd;
use crate::options::Options;

/// A crowd as the options have it, on its way to this controller.
pub fn crowd(to: SocketAddrV4, options: &Options) -> Crowd {
    let habits = Habits::new(options.interval, options.events);
    Crowd::new(to, options.agents, habits, options.seed)
}

/// Plays for as long as was asked, and says what came of it.
pub fn run(to: SocketAddrV4, options: &Options) -> io::Result<()> {
    raise_open_files()?;
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
        "a turn began later than it was due by {} ms at most",
        total.late_ms_max
    );
    println!(
        "turns that failed: {} {:?}",
        total.failures, crowd.tally.reasons
    );
    Ok(())
}

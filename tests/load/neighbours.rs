//! What clients that fetch the whole status in a loop do to the heartbeats of others.
//!
//! Heartbeats come at a fixed pace, as those of a fleet do, so that a slow answer does not thin out
//! the load that would have shown the next one.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tapio_tests::controller::TestController;
use tapio_tests::deadline::wait_for_moment;
use tapio_tests::http::Connection;
use tapio_tests::payload;

use crate::fleet::{Body, agent_id};
use crate::requests::{get, request};
use tapio_tests::median::rank;

/// Between two heartbeats of one connection.
const PACE: Duration = Duration::from_millis(5);
const CONNECTIONS: usize = 4;
const STATUS_CLIENTS: usize = 2;

/// The p99 of heartbeats over so long, with or without the neighbours.
pub fn heartbeat_p99(
    controller: &TestController,
    lasting: Duration,
    with_neighbours: bool,
) -> io::Result<Duration> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let over = &over;
        let neighbours: Vec<_> = (0..if with_neighbours { STATUS_CLIENTS } else { 0 })
            .map(|_| scope.spawn(move || fetch_status(controller, over)))
            .collect();
        let agents: Vec<_> = (0..CONNECTIONS)
            .map(|number| scope.spawn(move || heartbeats(controller, number, lasting)))
            .collect();
        let mut latencies = Vec::new();
        for agent in agents {
            latencies.extend(
                agent
                    .join()
                    .map_err(|_| io::Error::other("an agent panicked"))??,
            );
        }
        over.store(true, Ordering::Relaxed);
        for neighbour in neighbours {
            neighbour
                .join()
                .map_err(|_| io::Error::other("a neighbour panicked"))??;
        }
        Ok(rank(&mut latencies, 990))
    })
}

fn fetch_status(controller: &TestController, over: &AtomicBool) -> io::Result<()> {
    let mut connection = Connection::open(controller.address())?;
    let bytes = get(payload::STATUS, true).to_bytes();
    while !over.load(Ordering::Relaxed) {
        let answer = connection.exchange(&bytes)?;
        if answer.status != 200 {
            return Err(io::Error::other(format!("a status of {}", answer.status)));
        }
    }
    Ok(())
}

fn heartbeats(
    controller: &TestController,
    number: usize,
    lasting: Duration,
) -> io::Result<Vec<Duration>> {
    let mut connection = Connection::open(controller.address())?;
    let bytes = request(
        payload::HEARTBEAT,
        &Body::Full.heartbeat(&agent_id(number)),
        true,
    )
    .to_bytes();
    let start = Instant::now();
    let mut due = start;
    let mut latencies = Vec::new();
    while due - start < lasting {
        // One that had to wait for the answer before it has waited since it was due; one that was
        // woken late by its own clock has not.
        let held_up = Instant::now() > due;
        wait_for_moment(due);
        let since = if held_up { due } else { Instant::now() };
        connection.exchange(&bytes)?.ok();
        latencies.push(since.elapsed());
        due += PACE;
    }
    Ok(latencies)
}

//! Sending many requests over a few connections, and what that cost the server.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use tapio_tests::controller::TestController;
use tapio_tests::http::Connection;
use tapio_tests::process;

use crate::requests::Source;
use tapio_tests::median::{median, rank};

/// What one scene sends.
#[derive(Debug)]
pub struct Load {
    /// One for each connection.
    pub sources: Vec<Source>,
    pub requests_each: usize,
    pub keeps: bool,
    /// The status every answer must have.
    pub status: u16,
}

/// What a scene cost, as the median of its rounds.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    pub cpu_us: f64,
    /// Of the cheapest round: the one that others on the machine disturbed least.
    pub cpu_us_least: f64,
    pub p50: Duration,
    pub p99: Duration,
}

impl Load {
    /// One round to warm up, then the rounds that count.
    pub fn cost(&mut self, controller: &TestController, rounds: usize) -> io::Result<Cost> {
        self.round(controller)?;
        let mut cpu_us = Vec::new();
        let mut latencies = Vec::new();
        for _ in 0..rounds {
            let before = process::cpu_time(controller.pid())?;
            let round = self.round(controller)?;
            let spent = process::cpu_time(controller.pid())? - before;
            let count = u32::try_from(round.len()).map_err(io::Error::other)?;
            cpu_us.push(spent.as_secs_f64() * 1e6 / f64::from(count));
            latencies.extend(round);
        }
        Ok(Cost {
            cpu_us_least: cpu_us.iter().copied().fold(f64::INFINITY, f64::min),
            cpu_us: median(cpu_us),
            p50: rank(&mut latencies, 500),
            p99: rank(&mut latencies, 990),
        })
    }

    /// Every connection sends its share; how long each answer took.
    fn round(&mut self, controller: &TestController) -> io::Result<Vec<Duration>> {
        let (requests, keeps, status) = (self.requests_each, self.keeps, self.status);
        thread::scope(|scope| {
            let clients: Vec<_> = self
                .sources
                .iter_mut()
                .map(|source| {
                    scope.spawn(move || client(controller, source, requests, keeps, status))
                })
                .collect();
            clients
                .into_iter()
                .map(|client| {
                    client
                        .join()
                        .map_err(|_| io::Error::other("a client panicked"))?
                })
                .try_fold(Vec::new(), |mut all, latencies| {
                    all.extend(latencies?);
                    Ok(all)
                })
        })
    }
}

fn client(
    controller: &TestController,
    source: &mut Source,
    requests: usize,
    keeps: bool,
    status: u16,
) -> io::Result<Vec<Duration>> {
    let mut latencies = Vec::with_capacity(requests);
    let mut connection = Connection::open(controller.address())?;
    for number in 0..requests {
        let since = Instant::now();
        if !keeps && number > 0 {
            connection = Connection::open(controller.address())?;
        }
        let answer = connection.exchange(source.next())?;
        latencies.push(since.elapsed());
        if answer.status != status {
            let text = answer.text();
            return Err(io::Error::other(format!(
                "{} instead of {status}: {text}",
                answer.status
            )));
        }
    }
    Ok(latencies)
}

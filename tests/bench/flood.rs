//! What events cost: the agent's processor time for 100,000 of them, told one by one.

use std::io;
use std::thread;

use tapio_tests::agent::ledger_in;

use crate::probe::{Probe, cause, drain};
use tapio_tests::report::Figure;

const DEATHS: &str = "flood 100000 5000 4 kill";

pub fn measure(rounds: usize) -> io::Result<[Figure; 2]> {
    let mut cpu = Figure::promised("processor time per 100,000 events", 0.20, "s");
    let mut lost = Figure::beside("of 100,000 at 5,000/s, lost", "events");
    for _ in 0..rounds {
        let (probe, stdout) = Probe::start("workloads", &["--fair-share", "0"])?;
        let reader = thread::spawn(move || drain(stdout));
        let before = probe.cpu()?;
        cause(DEATHS)?;
        let used = probe.cpu()? - before;
        let ledger = ledger_in(&probe.stop()?);
        let lines = reader
            .join()
            .map_err(|_| io::Error::other("the reader panicked"))??;
        let lines = u32::try_from(lines).map_err(io::Error::other)?;
        cpu.add(used.as_secs_f64() / f64::from(lines) * 100_000.0);
        let losses: u64 = ledger
            .types
            .values()
            .map(|row| row.lost + row.queue_drops)
            .sum();
        lost.add(f64::from(u32::try_from(losses).map_err(io::Error::other)?));
    }
    Ok([cpu, lost])
}

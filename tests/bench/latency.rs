//! From the moment in the kernel to the line on stdout.

use std::io::{self, BufRead, BufReader};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tapio_common::time::Timestamp;
use tapio_tests::median::rank;

use crate::probe::{Probe, cause};
use tapio_tests::report::Figure;

/// Apart from each other, so that each finds the agent asleep.
const DEATHS: &str = "flood 1000 200 1 kill";

pub fn measure(rounds: usize) -> io::Result<[Figure; 2]> {
    let mut middle = Figure::promised("event to line, p50", 0.5, "ms");
    let mut slow = Figure::beside("event to line, p99", "ms");
    for _ in 0..rounds {
        let (probe, stdout) = Probe::start("workloads", &["--fair-share", "0"])?;
        let reader = thread::spawn(move || delays(BufReader::new(stdout)));
        cause(DEATHS)?;
        probe.stop()?;
        let mut delays = reader
            .join()
            .map_err(|_| io::Error::other("the reader panicked"))??;
        if delays.len() < 1_000 {
            return Err(io::Error::other(format!(
                "only {} lines came",
                delays.len()
            )));
        }
        for (figure, permille) in [(&mut middle, 500), (&mut slow, 990)] {
            figure.add(f64::from(rank(&mut delays, permille)) / 1_000.0);
        }
    }
    Ok([middle, slow])
}

/// Of every line the microseconds from its timestamp to its being read.
fn delays(lines: impl BufRead) -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    for line in lines.lines() {
        let line = line?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_err(io::Error::other)?;
        let event: Value = serde_json::from_str(&line)?;
        let moment = event["timestamp"]
            .as_str()
            .and_then(Timestamp::from_rfc3339);
        let moment = moment.ok_or_else(|| io::Error::other(format!("no timestamp: {line}")))?;
        let nanos = now.as_nanos().saturating_sub(u128::from(moment.0));
        found.push(u32::try_from(nanos / 1_000).unwrap_or(u32::MAX));
    }
    Ok(found)
}

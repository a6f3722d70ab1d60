//! What it costs to do nothing: memory, switches and processor time of the whole process at rest.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use tapio_tests::deadline::poll_for;

use crate::probe::{Probe, cause, drain};
use tapio_tests::report::Figure;

/// Before memory is called steady, so many deaths have gone through.
const WARM_UP: &str = "flood 10000 2000 2 kill";

pub fn measure(rounds: usize, window: Duration) -> io::Result<[Figure; 3]> {
    let mut resident = Figure::promised("resident memory, steady", 3.5 * 1_048_576.0, "bytes");
    let mut switches = Figure::promised("context switches, all threads, idle", 1.0, "/s");
    let mut cpu = Figure::promised("processor time, idle", 0.02, "% core");
    let (probe, stdout) = Probe::start_all(&["--fair-share", "0"])?;
    let reader = thread::spawn(move || drain(stdout));
    cause(WARM_UP)?;
    wait(Duration::from_secs(2)); // what the warm-up left open closes
    for _ in 0..rounds {
        let (switches_before, cpu_before, since) =
            (probe.switches()?, probe.cpu()?, Instant::now());
        wait(window);
        let seconds = since.elapsed().as_secs_f64();
        let switched =
            u32::try_from(probe.switches()? - switches_before).map_err(io::Error::other)?;
        switches.add(f64::from(switched) / seconds);
        cpu.add((probe.cpu()? - cpu_before).as_secs_f64() / seconds * 100.0);
        let bytes = u32::try_from(probe.resident_bytes()?).map_err(io::Error::other)?;
        resident.add(f64::from(bytes));
    }
    probe.stop()?;
    reader
        .join()
        .map_err(|_| io::Error::other("the reader panicked"))??;
    Ok([resident, switches, cpu])
}

/// Lets time pass: the one thing an idle process can be measured by.
fn wait(time: Duration) {
    poll_for::<()>(time, || None);
}

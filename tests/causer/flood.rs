//! A crash loop that counts itself: so many deaths, as fast as it goes or at a rate.
//!
//! The dead share the memory of the worker that starts them (nothing is copied, nothing is torn down),
//! because the loop must outrun what watches it. They leave no core: an older kernel that dumps one
//! kills all who share the memory.

use std::fs::File;
use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use crate::os::{self, argument};

const STACK_BYTES: usize = 32 << 10;

/// What every one of them does.
#[derive(Clone, Copy)]
enum Ending {
    Code(i32),
    Signal(libc::c_int),
}

/// `flood COUNT PER_SECOND WORKERS HOW`: HOW is `abort`, `kill` or an exit code; 0 per second is as
/// fast as it goes. Says how many died as asked, which is what was caused.
pub fn flood(arguments: &[String]) -> ExitCode {
    let count: u64 = argument(arguments, 0);
    let per_second: u64 = argument(arguments, 1);
    let workers: u64 = argument(arguments, 2);
    let ending = match arguments.get(3).map_or("abort", String::as_str) {
        "abort" => Ending::Signal(libc::SIGABRT),
        "kill" => Ending::Signal(libc::SIGKILL),
        code => Ending::Code(os::number(code)),
    };
    os::leave_no_core();
    let since = Instant::now();
    let (report, from_workers) = os::pipe();
    let pids: Vec<libc::pid_t> = (0..workers)
        .map(|worker| match os::fork() {
            0 => {
                pin_worker(worker);
                let share = count / workers + u64::from(worker < count % workers);
                let caused = work(share, per_second.div_ceil(workers), ending);
                tell(from_workers, caused);
                os::exit_now(0)
            }
            pid => pid,
        })
        .collect();
    let caused: u64 = pids.iter().map(|_| hear(report)).sum();
    let millis = since.elapsed().as_millis();
    for pid in pids {
        os::wait(pid);
    }
    os::say(&format!(r#"{{"caused":{caused},"millis":{millis}}}"#));
    ExitCode::SUCCESS
}

/// A worker and its dead keep to one CPU: to start each on another one costs an emulated machine
/// eight milliseconds.
fn pin_worker(worker: u64) {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    os::pin(usize::try_from(worker).unwrap_or(0) % cpus);
}

fn work(count: u64, per_second: u64, mut ending: Ending) -> u64 {
    let start_ns = os::clock_ns();
    let step_ns = 1_000_000_000_u64.checked_div(per_second).unwrap_or(0);
    let mut stack = vec![0u8; STACK_BYTES];
    let mut caused = 0;
    for at in 0..count {
        os::wait_until_ns(start_ns + at * step_ns);
        let child = os::start_sharing(&mut stack, end, &raw mut ending);
        caused += u64::from(os::wait(child) != 0);
    }
    caused
}

extern "C" fn end(ending: *mut Ending) -> libc::c_int {
    // SAFETY: the pointer is to the worker's own value; the worker stands still meanwhile.
    match unsafe { *ending } {
        Ending::Code(code) => os::exit_now(code),
        Ending::Signal(signal) => os::send(os::this_pid(), signal),
    }
    os::rest()
}

/// `deaths COUNT PER_SECOND FILE`: dies so often with code 3, and writes a line of each death into the
/// file, whole and at once: its pid, and the moments before and after it (nanoseconds since 1970).
/// Whoever watches sees by the file how far it is.
pub fn deaths(arguments: &[String]) -> ExitCode {
    let count: u64 = argument(arguments, 0);
    let per_second: u64 = argument(arguments, 1);
    let path = arguments.get(2).expect("causer: no file");
    let mut log = File::create(path).expect("causer: the file");
    let (start_ns, step_ns) = (os::clock_ns(), 1_000_000_000 / per_second);
    let mut stack = vec![0u8; STACK_BYTES];
    let mut ending = Ending::Code(3);
    for at in 0..count {
        os::wait_until_ns(start_ns + at * step_ns);
        let before_ns = os::wall_clock_ns();
        let child = os::start_sharing(&mut stack, end, &raw mut ending);
        os::wait(child);
        let line = format!("{child} {before_ns} {}\n", os::wall_clock_ns());
        log.write_all(line.as_bytes()).expect("causer: the file");
    }
    ExitCode::SUCCESS
}

fn tell(end: libc::c_int, value: u64) {
    let bytes = value.to_ne_bytes();
    // SAFETY: eight live bytes are read; a write this short to a pipe is whole.
    let result = unsafe { libc::write(end, bytes.as_ptr().cast(), bytes.len()) };
    assert!(result == 8, "causer: a worker could not report");
}

fn hear(end: libc::c_int) -> u64 {
    let mut bytes = [0u8; 8];
    // SAFETY: eight live bytes are written; reports are written whole.
    let result = unsafe { libc::read(end, bytes.as_mut_ptr().cast(), bytes.len()) };
    assert!(result == 8, "causer: a worker did not report");
    u64::from_ne_bytes(bytes)
}

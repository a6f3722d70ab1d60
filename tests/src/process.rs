//! A running process as /proc and the kernel's clocks show it.

use std::fs;
use std::io;
use std::time::Duration;

/// What a process holds at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holdings {
    pub resident_bytes: u64,
    pub threads: u64,
    pub open_files: usize,
}

/// Reads `/proc/PID`.
pub fn holdings(pid: u32) -> io::Result<Holdings> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| -> io::Result<u64> {
        status
            .lines()
            .find_map(|line| {
                line.strip_prefix(name)?
                    .split_whitespace()
                    .next()?
                    .parse()
                    .ok()
            })
            .ok_or_else(|| io::Error::other(format!("/proc/{pid}/status has no {name}")))
    };
    Ok(Holdings {
        resident_bytes: field("VmRSS:")? * 1024,
        threads: field("Threads:")?,
        open_files: fs::read_dir(format!("/proc/{pid}/fd"))?.count(),
    })
}

/// The processor time a process has used, its ended threads included, to the nanosecond.
pub fn cpu_time(pid: u32) -> io::Result<Duration> {
    let id = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    let mut clock: libc::clockid_t = 0;
    // SAFETY: `clock` is a valid place for one clock id, and outlives the call.
    let failed = unsafe { libc::clock_getcpuclockid(id, &raw mut clock) };
    if failed != 0 {
        return Err(io::Error::from_raw_os_error(failed));
    }
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid place for one timespec, and outlives the call.
    if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let seconds = u64::try_from(time.tv_sec).map_err(io::Error::other)?;
    let nanos = u32::try_from(time.tv_nsec).map_err(io::Error::other)?;
    Ok(Duration::new(seconds, nanos))
}

/// Sends a signal to a process the caller started.
pub fn signal(pid: u32, number: i32) -> io::Result<()> {
    let id = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    // SAFETY: kill takes two numbers and touches no memory of ours.
    match unsafe { libc::kill(id, number) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Lets this process have as many open files as it may: a crowd needs more than the usual 1,024.
pub fn raise_open_files() -> io::Result<()> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a valid place for one rlimit, and outlives the call.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: `limit` is a whole rlimit, only read by the call.
    match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;
    use std::time::Instant;

    #[test]
    fn our_own_processor_time_grows_with_work() {
        let me = std::process::id();
        let (before, start) = (cpu_time(me).expect("our clock"), Instant::now());
        while cpu_time(me).expect("our clock") - before < Duration::from_millis(20) {
            black_box((0..10_000u64).sum::<u64>());
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "the clock stands still"
            );
        }
    }

    #[test]
    fn holdings_see_a_file_being_opened() {
        let me = std::process::id();
        let before = holdings(me).expect("our own /proc");
        let files: Vec<_> = (0..50).map(|_| fs::File::open("/proc/self/stat")).collect();
        let after = holdings(me).expect("our own /proc");
        assert!(after.open_files >= before.open_files + 40, "{files:?}");
        assert!(after.threads >= 1 && after.resident_bytes > 100_000);
    }

    #[test]
    fn nobody_has_no_clock() {
        assert!(cpu_time(0x00ff_ffff).is_err());
        assert!(holdings(0x00ff_ffff).is_err());
    }
}

//! What its programs and maps cost the kernel, by the kernel's own statistics.
//!
//! The agent's programs are found by the descriptors it holds. An empty program on the same hook is
//! measured in the same run: what it costs is what measuring costs.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::Command;
use std::thread;

use serde_json::Value;

use crate::probe::{Probe, cause, drain};
use tapio_tests::report::Figure;

const HEALTHY: &str = "flood 50000 0 1 0";
const STATISTICS: &str = "/proc/sys/kernel/bpf_stats_enabled";
const HOOK: &[u8] = b"sched_process_exit\0";

const PROG_LOAD: libc::c_long = 5;
const RAW_TRACEPOINT_OPEN: libc::c_long = 17;
const TYPE_RAW_TRACEPOINT: u32 = 17;

/// Time spent and runs made.
#[derive(Default, Clone, Copy)]
struct Runs {
    nanos: u64,
    count: u64,
}

pub fn measure(rounds: usize) -> io::Result<[Figure; 3]> {
    let mut cost = Figure::promised("programs per healthy exit", 200.0, "ns");
    let mut empty_cost = Figure::beside("an empty program on the same hook", "ns");
    let mut memory = Figure::promised("kernel memory of its maps", 2.0 * 1_048_576.0, "bytes");
    for _ in 0..rounds {
        let (probe, stdout) = Probe::start("workloads", &[])?;
        let reader = thread::spawn(move || drain(stdout));
        let empty = Empty::attach()?;
        let programs = programs_of(probe.pid())?;
        let _counting = Counting::on()?;
        let before = (total(&programs)?, empty.runs()?);
        cause(HEALTHY)?;
        let after = (total(&programs)?, empty.runs()?);
        let exits = after.1.count - before.1.count;
        cost.add(per(after.0.nanos - before.0.nanos, exits)?);
        empty_cost.add(per(after.1.nanos - before.1.nanos, exits)?);
        memory.add(per(map_bytes(&programs)?, 1)?);
        probe.stop()?;
        reader
            .join()
            .map_err(|_| io::Error::other("the reader panicked"))??;
    }
    Ok([cost, empty_cost, memory])
}

fn per(sum: u64, count: u64) -> io::Result<f64> {
    let narrow = |value: u64| {
        u32::try_from(value)
            .map(f64::from)
            .map_err(io::Error::other)
    };
    Ok(narrow(sum)? / narrow(count)?)
}

/// The ids of the programs that a process holds, itself or by a link.
fn programs_of(pid: u32) -> io::Result<BTreeSet<u64>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
        let info = fs::read_to_string(entry?.path())?;
        found.extend(field(&info, "prog_id:"));
    }
    if found.is_empty() {
        return Err(io::Error::other("the agent holds no program"));
    }
    Ok(found)
}

fn field(info: &str, name: &str) -> Option<u64> {
    info.lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

fn bpftool(words: &[&str]) -> io::Result<Value> {
    let output = Command::new("bpftool").arg("-j").args(words).output()?;
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn total(programs: &BTreeSet<u64>) -> io::Result<Runs> {
    let mut sum = Runs::default();
    for id in programs {
        let shown = bpftool(&["prog", "show", "id", &id.to_string()])?;
        sum.nanos += shown["run_time_ns"].as_u64().unwrap_or(0);
        sum.count += shown["run_cnt"].as_u64().unwrap_or(0);
    }
    Ok(sum)
}

fn map_bytes(programs: &BTreeSet<u64>) -> io::Result<u64> {
    let mut maps = BTreeSet::new();
    for id in programs {
        let shown = bpftool(&["prog", "show", "id", &id.to_string()])?;
        let ids = shown["map_ids"].as_array().cloned().unwrap_or_default();
        maps.extend(ids.iter().filter_map(Value::as_u64));
    }
    let mut bytes = 0;
    for id in maps {
        let shown = bpftool(&["map", "show", "id", &id.to_string()])?;
        bytes += shown["bytes_memlock"].as_u64().unwrap_or(0);
    }
    Ok(bytes)
}

/// The kernel keeps time of every program while this lives, as it did before or not afterwards.
struct Counting {
    before: String,
}

impl Counting {
    fn on() -> io::Result<Self> {
        let before = fs::read_to_string(STATISTICS)?;
        fs::write(STATISTICS, "1")?;
        Ok(Self { before })
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        if let Err(error) = fs::write(STATISTICS, &self.before) {
            eprintln!("{STATISTICS} is left at 1: {error}");
        }
    }
}

/// A program that returns at once, on the hook of every exit.
struct Empty {
    program: OwnedFd,
    _link: OwnedFd,
}

impl Empty {
    fn attach() -> io::Result<Self> {
        // r0 = 0; exit
        let instructions: [u64; 2] = [0x0000_0000_0000_00b7, 0x0000_0000_0000_0095];
        let mut load = [0u64; 16];
        load[0] = u64::from(TYPE_RAW_TRACEPOINT) | (2 << 32);
        load[1] = u64::try_from(instructions.as_ptr().addr()).map_err(io::Error::other)?;
        load[2] = u64::try_from(c"GPL".as_ptr().addr()).map_err(io::Error::other)?;
        let program = bpf(PROG_LOAD, &load)?;
        let mut open = [0u64; 16];
        open[0] = u64::try_from(HOOK.as_ptr().addr()).map_err(io::Error::other)?;
        open[1] = u64::try_from(program.as_raw_fd()).map_err(io::Error::other)?;
        let link = bpf(RAW_TRACEPOINT_OPEN, &open)?;
        Ok(Self {
            program,
            _link: link,
        })
    }

    fn runs(&self) -> io::Result<Runs> {
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", self.program.as_raw_fd()))?;
        Ok(Runs {
            nanos: field(&info, "run_time_ns:").unwrap_or(0),
            count: field(&info, "run_cnt:").unwrap_or(0),
        })
    }
}

fn bpf(command: libc::c_long, attributes: &[u64; 16]) -> io::Result<OwnedFd> {
    // SAFETY: the attributes are 128 live bytes, and what they point to outlives the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            attributes.as_ptr(),
            size_of_val(attributes),
        )
    };
    let fd = i32::try_from(result).map_err(io::Error::other)?;
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both commands in use answer with a fresh descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

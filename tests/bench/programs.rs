//! What its programs and maps cost the kernel, by the kernel's own statistics.
//!
//! The agent's programs are found by the descriptors it holds. An empty program on the same hook is
//! measured in the same run: what it costs is what measuring costs.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::Command;
use std::thread;

use serde_json::Value;

use crate::probe::{Probe, cause, drain};
use tapio_tests::agent::{container_config, network_config, storage_config};
use tapio_tests::report::Figure;

const STATISTICS: &str = "/proc/sys/kernel/bpf_stats_enabled";

const PROG_LOAD: libc::c_long = 5;
const RAW_TRACEPOINT_OPEN: libc::c_long = 17;
const TYPE_RAW_TRACEPOINT: u32 = 17;

/// Time spent and runs made.
#[derive(Default, Clone, Copy)]
struct Runs {
    nanos: u64,
    count: u64,
}

/// Something healthy, which an observer pays for without a word.
struct Load {
    what: &'static str,
    promised_ns: f64,
    observer: &'static str,
    words: &'static str,
    hooks: &'static [&'static CStr],
    /// How many of them the words mean; else it is as many as the first hook runs.
    count: Option<u64>,
}

const LOADS: [Load; 3] = [
    Load {
        what: "programs per healthy exit",
        promised_ns: 200.0,
        observer: "container",
        words: "flood 50000 0 1 0",
        hooks: &[c"sched_process_exit"],
        count: None,
    },
    Load {
        what: "programs per healthy connection",
        promised_ns: 1_200.0,
        observer: "network",
        words: "healthy 20000",
        hooks: &[c"inet_sock_set_state"],
        count: Some(20_000),
    },
    Load {
        what: "programs per healthy request",
        promised_ns: 550.0,
        observer: "storage",
        words: "io read none 0 30000",
        hooks: &[c"block_rq_complete", c"block_rq_issue"],
        count: None,
    },
];

pub fn measure(rounds: usize) -> io::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for load in &LOADS {
        figures.extend(cost_of(load, rounds)?);
    }
    let mut memory = Figure::promised("kernel memory of all maps", 8.0 * 1_048_576.0, "bytes");
    let (probe, stdout) = Probe::start_all(&[])?;
    let reader = thread::spawn(move || drain(stdout));
    memory.add(per(map_bytes(&programs_of(probe.pid())?)?, 1)?);
    probe.stop()?;
    reader
        .join()
        .map_err(|_| io::Error::other("the reader panicked"))??;
    figures.push(memory);
    Ok(figures)
}

/// A config in which this observer alone looks, and finds nothing.
fn quiet(observer: &str) -> Value {
    match observer {
        "network" => network_config(&Value::Null),
        "storage" => storage_config(u64::MAX, u64::MAX),
        _ => container_config("workloads", &[]),
    }
}

fn cost_of(load: &Load, rounds: usize) -> io::Result<[Figure; 2]> {
    let mut cost = Figure::promised(load.what, load.promised_ns, "ns");
    let mut empty_cost = Figure::beside("empty programs on the same hooks", "ns");
    for _ in 0..rounds {
        let config = quiet(load.observer);
        let (probe, stdout) = Probe::start_observing(load.observer, &config, &[])?;
        let reader = thread::spawn(move || drain(stdout));
        let empty: Vec<_> = load.hooks.iter().map(|hook| Empty::attach(hook)).collect();
        let empty = empty.into_iter().collect::<io::Result<Vec<_>>>()?;
        let programs = programs_of(probe.pid())?;
        let _counting = Counting::on()?;
        let before = (total(&programs)?, empty_runs(&empty)?);
        cause(load.words)?;
        let after = (total(&programs)?, empty_runs(&empty)?);
        let times = load.count.unwrap_or(after.1.count - before.1.count);
        cost.add(per(after.0.nanos - before.0.nanos, times)?);
        empty_cost.add(per(after.1.nanos - before.1.nanos, times)?);
        probe.stop()?;
        reader
            .join()
            .map_err(|_| io::Error::other("the reader panicked"))??;
    }
    Ok([cost, empty_cost])
}

/// The time of all of them, and the runs of the first.
fn empty_runs(empty: &[Empty]) -> io::Result<Runs> {
    let mut sum = Runs::default();
    for (at, one) in empty.iter().enumerate() {
        let runs = one.runs()?;
        sum.nanos += runs.nanos;
        if at == 0 {
            sum.count = runs.count;
        }
    }
    Ok(sum)
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

/// A program that returns at once.
struct Empty {
    program: OwnedFd,
    _link: OwnedFd,
}

impl Empty {
    fn attach(hook: &CStr) -> io::Result<Self> {
        // r0 = 0; exit
        let instructions: [u64; 2] = [0x0000_0000_0000_00b7, 0x0000_0000_0000_0095];
        let mut load = [0u64; 16];
        load[0] = u64::from(TYPE_RAW_TRACEPOINT) | (2 << 32);
        load[1] = u64::try_from(instructions.as_ptr().addr()).map_err(io::Error::other)?;
        load[2] = u64::try_from(c"GPL".as_ptr().addr()).map_err(io::Error::other)?;
        let program = bpf(PROG_LOAD, &load)?;
        let mut open = [0u64; 16];
        open[0] = u64::try_from(hook.as_ptr().addr()).map_err(io::Error::other)?;
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

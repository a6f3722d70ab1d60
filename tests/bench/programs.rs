//! What its programs and maps cost the kernel, by the kernel's own statistics.
//!
//! The agent's programs are found by the descriptors it holds. Programs of ours on the same hooks
//! are measured in the same run: empty ones cost what measuring costs, those with a hash the least
//! that an observer can. A target is for the machine it was set on; the ratios are for any.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::fs;
use std::io;
use std::process::Command;
use std::thread;

use serde_json::Value;

use crate::beside::{Beside, Hash, Keeping, Runs};
use crate::probe::{Probe, cause, drain};
use tapio_tests::agent::{container_config, network_config, storage_config};
use tapio_tests::report::Figure;

const STATISTICS: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// Something healthy, which an observer pays for without a word.
struct Load {
    what: &'static str,
    promised_ns: f64,
    observer: &'static str,
    words: &'static str,
    hooks: &'static [&'static CStr],
    /// What a hash alone would do on these hooks, if there is anything to keep.
    keeping: &'static [Keeping],
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
        keeping: &[],
        count: None,
    },
    Load {
        what: "programs per healthy connection",
        promised_ns: 1_200.0,
        observer: "network",
        words: "healthy 20000",
        hooks: &[c"inet_sock_set_state"],
        keeping: &[Keeping::WhileConnected],
        count: Some(20_000),
    },
    Load {
        what: "programs per healthy request",
        promised_ns: 550.0,
        observer: "storage",
        words: "io read none 0 30000",
        hooks: &[c"block_rq_complete", c"block_rq_issue"],
        keeping: &[Keeping::Until, Keeping::From],
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

fn cost_of(load: &Load, rounds: usize) -> io::Result<Vec<Figure>> {
    let mut cost = Figure::promised(load.what, load.promised_ns, "ns");
    let mut empty_cost = Figure::beside("empty programs on the same hooks", "ns");
    let mut hash_cost = Figure::beside("programs with a hash alone on them", "ns");
    for _ in 0..rounds {
        let config = quiet(load.observer);
        let (probe, stdout) = Probe::start_observing(load.observer, &config, &[])?;
        let reader = thread::spawn(move || drain(stdout));
        let empty = load.hooks.iter().map(|hook| Beside::empty(hook));
        let empty = empty.collect::<io::Result<Vec<_>>>()?;
        let hash = Hash::new()?;
        let keeping = load.hooks.iter().zip(load.keeping);
        let keeping = keeping.map(|(hook, when)| Beside::keeping(hook, *when, &hash));
        let keeping = keeping.collect::<io::Result<Vec<_>>>()?;
        let programs = programs_of(probe.pid())?;
        let _counting = Counting::on()?;
        let before = total(&programs)?;
        cause(load.words)?;
        let (after, empty, keeping) = (total(&programs)?, runs(&empty)?, runs(&keeping)?);
        let times = load.count.unwrap_or(empty.count);
        cost.add(per(after.nanos - before.nanos, times)?);
        empty_cost.add(per(empty.nanos, times)?);
        if !load.keeping.is_empty() {
            hash_cost.add(per(keeping.nanos, times)?);
        }
        probe.stop()?;
        reader
            .join()
            .map_err(|_| io::Error::other("the reader panicked"))??;
    }
    let told = [cost, empty_cost, hash_cost];
    Ok(told.into_iter().filter(Figure::is_measured).collect())
}

/// The time of all of them, and the runs of the first.
fn runs(programs: &[Beside]) -> io::Result<Runs> {
    let mut sum = Runs::default();
    for (at, one) in programs.iter().enumerate() {
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

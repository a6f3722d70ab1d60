//! What a kernel offers, tells and costs, against the pages kept of it in `data/kernels/KERNEL`.
//!
//! The runner names the kernel. What differs is printed in full, one `KEEP FILE LINE` a line, which
//! `scripts/vm.d/keep` writes into the pages: a change of them is read before it is believed. The
//! table of the README is made of these pages.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};
use tapio_tests::agent::{Event, TestAgent, container_config};
use tapio_tests::command::TestCommand;
use tapio_tests::program::Program;

use crate::cgroup::Cgroup;
use crate::programs::{held_by, map_bytes};
use crate::scene::Scene;

/// The runner's name for the kernel that this runs on.
const KERNEL_VARIABLE: &str = "TAPIO_KERNEL";

struct Pages {
    kernel: &'static str,
    probe: &'static str,
    verifier: &'static str,
    evidence: &'static str,
    storage: &'static str,
}

macro_rules! pages {
    ($($kernel:literal),+) => {
        const KEPT: &[Pages] = &[$(Pages {
            kernel: $kernel,
            probe: include_str!(concat!("../data/kernels/", $kernel, "/probe.txt")),
            verifier: include_str!(concat!("../data/kernels/", $kernel, "/verifier.tsv")),
            evidence: include_str!(concat!("../data/kernels/", $kernel, "/evidence.tsv")),
            storage: include_str!(concat!("../data/kernels/", $kernel, "/storage.tsv")),
        }),+];
    };
}

pages!("5.10", "6.1", "6.12", "6.18", "newest");

pub fn kernel() -> String {
    std::env::var(KERNEL_VARIABLE).expect("the runner names the kernel")
}

#[track_caller]
fn kept() -> &'static Pages {
    let name = kernel();
    let mut pages = KEPT.iter();
    pages
        .find(|pages| pages.kernel == name)
        .unwrap_or_else(|| panic!("no pages are kept of {name}"))
}

/// Fails with the whole new page, ready to be kept.
#[track_caller]
fn assert_kept(is_as_kept: bool, file: &str, page: &str) {
    if is_as_kept {
        return;
    }
    println!(); // the test's name may stand in this line
    for line in page.lines() {
        println!("KEEP {file} {line}");
    }
    panic!("not as kept in {}/{file}", kept().kernel);
}

/// Every hook and what is used of it; what is about the machine and not its kernel is left out.
#[test]
fn the_probe_finds_what_is_kept_of_this_kernel() {
    let finished = TestCommand::new(Program::Agent).args(["probe"]).run();
    let about_the_machine = ["kernel ", "capabilities ", "user ", "lockdown ", "seccomp "];
    let is_kept = |line: &&str| !about_the_machine.iter().any(|row| line.starts_with(row));
    let mut page = String::new();
    for line in finished.stdout.lines().filter(is_kept) {
        let _ = writeln!(page, "{line}");
    }
    assert_kept(page == kept().probe, "probe.txt", &page);
}

/// What a program cost: the steps the verifier took through it.
fn costs(log: &str) -> Vec<(String, u64)> {
    let mut costs = Vec::new();
    let mut program = None;
    for line in log.lines() {
        if let Some((before, _)) = line.split_once("': -- BEGIN PROG LOAD LOG") {
            program = before.rsplit_once('\'').map(|(_, name)| name.to_owned());
        }
        let Some((_, rest)) = line.split_once("processed ") else {
            continue;
        };
        let steps = rest.split(' ').next().and_then(|word| word.parse().ok());
        if let (Some(name), Some(steps)) = (program.take(), steps) {
            costs.push((name, steps));
        }
    }
    costs.sort();
    costs
}

/// Of one program: the verifier's steps through it, and its bytes once translated, if it stays loaded.
type Cost = (String, u64, Option<u64>);

fn cost_of(line: &str) -> Cost {
    let mut columns = line.split('\t');
    let mut next = || columns.next().expect("three columns");
    let (program, steps, bytes) = (next(), next(), next());
    let steps = steps.parse().expect("a number of steps");
    (program.to_owned(), steps, bytes.parse().ok())
}

fn is_about(now: u64, then: u64) -> bool {
    now.abs_diff(then) * 10 <= then
}

/// Both grow by themselves with what is added to a program; by more than a tenth somebody looks.
#[test]
fn programs_cost_the_verifier_and_the_kernel_about_what_is_kept() {
    let finished = TestCommand::new(Program::Agent)
        .args(["probe", "--log-level", "debug"])
        .run();
    let costs = costs(&finished.stderr);
    assert!(!costs.is_empty(), "no costs in {}", finished.stderr);
    let all = "network,storage,container";
    let agent = TestAgent::observe_with(all, &container_config("workloads", &[]), &[]);
    let held = held_by(agent.pid());
    agent.stop();
    let mut page = String::new();
    for (program, steps) in &costs {
        let its = held.iter().find(|held| held.is(program));
        let bytes = its.map_or_else(|| "-".to_owned(), |its| its.translated_bytes.to_string());
        let _ = writeln!(page, "{program}\t{steps}\t{bytes}");
    }
    let now: Vec<Cost> = page.lines().map(cost_of).collect();
    let then: Vec<Cost> = kept().verifier.lines().map(cost_of).collect();
    let is_close = |(now, then): (&Cost, &Cost)| {
        let bytes = match (now.2, then.2) {
            (Some(now), Some(then)) => is_about(now, then),
            (now, then) => now == then,
        };
        now.0 == then.0 && is_about(now.1, then.1) && bytes
    };
    let is_as_kept = now.len() == then.len() && now.iter().zip(&then).all(is_close);
    assert_kept(is_as_kept, "verifier.tsv", &page);
}

/// What ships is budgeted in scripts/sizes; this is what it takes once it runs. Some maps have a row
/// for each CPU there may be, so the budget is for a machine of few.
#[test]
fn the_maps_of_all_observers_keep_to_their_budget() {
    const BYTES_MAX: u64 = 8 << 20;
    let all = "network,storage,container";
    let agent = TestAgent::observe_with(all, &container_config("workloads", &[]), &[]);
    let bytes = map_bytes(&held_by(agent.pid()));
    agent.stop();
    println!("the maps of {all}: {bytes} bytes");
    assert!((1..=BYTES_MAX).contains(&bytes), "{bytes} bytes");
}

/// Where an event comes from differs between machines, and is told elsewhere.
const OF_THE_PLACE: [&str; 5] = [
    "cgroup_id",
    "cgroup_path",
    "cgroup_hierarchy",
    "boot_id",
    "not_observed",
];

/// The event's type, the facts it has, and those it says it has not.
fn row(event: &Event) -> String {
    let names = |value: &Value| -> BTreeSet<String> {
        let fields = value.as_object().into_iter().flatten();
        fields.map(|(name, _)| name.clone()).collect()
    };
    let facts: Vec<String> = names(&event.0["data"])
        .into_iter()
        .filter(|name| !OF_THE_PLACE.contains(&name.as_str()))
        .collect();
    let absent = event.0["data"]["not_observed"].as_object();
    let absent: Vec<String> = absent
        .into_iter()
        .flatten()
        .map(|(name, why)| format!("{name}={}", why.as_str().unwrap_or_default()))
        .collect();
    let event_type = event.0["type"].as_str().unwrap_or_default();
    let absent = match absent.is_empty() {
        true => "-".to_owned(),
        false => absent.join(" "),
    };
    format!("{event_type}\t{absent}\t{}", facts.join(" "))
}

/// One event of each kind that these scenes cause: the first of it in their cgroup.
fn rows_of(mut agent: TestAgent, cgroup: &Cgroup, scenes: &[(&str, &str)]) -> BTreeSet<String> {
    for (words, event_type) in scenes {
        let mut scene = Scene::root(cgroup, words);
        if words.starts_with("eat") {
            scene.line();
            scene.go();
        }
        let ended = scene.end();
        assert!(ended.code() != Some(101), "{words}: the scene failed");
        agent.expect(event_type, |event| {
            event.is(event_type) && event.fact("pid") == scene.pid()
        });
    }
    let report = agent.stop();
    let mut kinds = BTreeSet::new();
    let first_of_kind = |event: &&&Event| {
        let has_signal = *event.fact("signal") != Value::Null;
        kinds.insert((event.0["type"].to_string(), has_signal))
    };
    let events = cgroup.events(&report);
    let mut rows: BTreeSet<String> = events
        .iter()
        .filter(first_of_kind)
        .map(|e| row(e))
        .collect();
    // Where the kernel has no lock to look at the limit is found by another way.
    let found_by = events.iter().filter_map(|e| e.fact("limit_by").as_str());
    rows.extend(found_by.map(|how| format!("oom_kill.limit_by\t{how}\t")));
    let missed = report.ledger.observers.values().any(|o| o.missed.is_some());
    if !missed {
        rows.insert("ledger.missed\tmissed=no_counter\t".to_owned());
    }
    rows
}

/// Every fact of every type, and by name what this kernel does not tell.
#[test]
fn events_have_the_facts_that_are_kept_of_this_kernel() {
    let cgroup = Cgroup::new();
    let network = json!({"retransmit_count": 2, "rtt_spike_abs_us": 15_000,
        "rtt_spike_ratio": 100, "rtt_min_baseline_samples": 1});
    let mut rows = rows_of(
        TestAgent::observe_network(&network, &[]),
        &cgroup,
        &[
            ("refused 127.0.0.1:1 1", "kernel.network.connection_refused"),
            ("times-out", "kernel.network.connection_timeout"),
            ("unreachable", "kernel.network.connection_unreachable"),
            ("reset peer", "kernel.network.connection_reset"),
            ("lost 2500", "kernel.network.connection_lost"),
            ("slow 30", "kernel.network.rtt_degradation"),
        ],
    );
    let cgroup = Cgroup::new();
    cgroup.limit_memory(24 << 20);
    rows.append(&mut rows_of(
        TestAgent::observe(&container_config("all", &[]), &[]),
        &cgroup,
        &[
            ("exit 3", crate::ABNORMAL_EXIT),
            ("eat 64 0", crate::OOM_KILL),
        ],
    ));
    assert_rows(&rows, kept().evidence, "evidence.tsv");
}

#[track_caller]
fn assert_rows(rows: &BTreeSet<String>, kept: &str, file: &str) {
    let mut page = String::new();
    for row in rows {
        let _ = writeln!(page, "{row}");
    }
    assert_kept(page == kept, file, &page);
}

/// The same for requests to a disk that fails and delays.
#[test]
fn requests_have_the_facts_that_are_kept_of_this_kernel() {
    let _alone = crate::storage::one_disk();
    let rows = rows_of(
        TestAgent::observe_storage(50_000_000, 600_000_000_000, &[]),
        &Cgroup::new(),
        &[
            ("io read errno 5", "kernel.storage.io_error"),
            ("io read delay-ms 100", "kernel.storage.latency_spike"),
        ],
    );
    assert_rows(&rows, kept().storage, "storage.tsv");
}

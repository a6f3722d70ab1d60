//! The rows of the bench, with the targets of the design.

use std::io;
use std::time::Duration;

use tapio_tests::controller::TestController;
use tapio_tests::payload::{self, DEFAULT_HASH};

use crate::drive::{Cost, Load};
use crate::fleet::{self, Body, agent_id};
use crate::floor;
use crate::neighbours::heartbeat_p99;
use crate::options::Options;
use crate::requests::{Source, get, request};
use crate::table::{self, Target};
use tapio_tests::median::median;

const CONNECTIONS: usize = 4;
const CONFIG: &str = "/v1/agents/config?agent_id=agent-000000&node_name=node-of-agent-000000";

/// A request whose price has a limit.
struct Priced {
    name: &'static str,
    most_us: Option<f64>,
    requests: usize,
    status: u16,
    source: fn(agent_id: &str, keeps: bool) -> Source,
}

/// 304 is priced with a front in the way of every request, as the controller has one.
const PRICED: [Priced; 6] = [
    Priced {
        name: "config 304",
        most_us: Some(12.0),
        requests: 40_000,
        status: 304,
        source: |_, keeps| {
            let tag = format!("\"{DEFAULT_HASH}\"");
            Source::fixed(&get(CONFIG, keeps).header("If-None-Match", &tag))
        },
    },
    Priced {
        name: "config 200",
        most_us: Some(10.0),
        requests: 40_000,
        status: 200,
        source: |_, keeps| Source::fixed(&get(CONFIG, keeps)),
    },
    Priced {
        name: "heartbeat, minimal",
        most_us: Some(11.0),
        requests: 40_000,
        status: 200,
        source: |id, keeps| {
            Source::fixed(&request(
                payload::HEARTBEAT,
                &Body::Minimal.heartbeat(id),
                keeps,
            ))
        },
    },
    Priced {
        name: "heartbeat, full",
        most_us: Some(25.0),
        requests: 40_000,
        status: 200,
        source: |id, keeps| {
            Source::fixed(&request(
                payload::HEARTBEAT,
                &Body::Full.heartbeat(id),
                keeps,
            ))
        },
    },
    Priced {
        name: "events x1",
        most_us: None,
        requests: 40_000,
        status: 200,
        source: |id, keeps| Source::batches(id, 1, keeps),
    },
    Priced {
        name: "events x256 (100 kB)",
        most_us: Some(450.0),
        requests: 4_000,
        status: 200,
        source: |id, keeps| Source::batches(id, 256, keeps),
    },
];

pub fn run(options: &Options) -> io::Result<()> {
    println!(
        "bodies: heartbeat {} bytes minimal and {} full, batch of 256 events {} bytes",
        Body::Minimal.heartbeat("agent-000000").to_string().len(),
        Body::Full.heartbeat("agent-000000").to_string().len(),
        payload::batch("agent-000000", 1, 256).to_string().len()
    );
    table::head();
    priced(options)?;
    status(options)?;
    neighbours(options)?;
    memory(options)
}

fn priced(options: &Options) -> io::Result<()> {
    let wanted: Vec<(&Priced, bool)> = [true, false]
        .into_iter()
        .flat_map(|keeps| PRICED.iter().map(move |priced| (priced, keeps)))
        .filter(|(priced, _)| options.wants(priced.name))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let floor = floor::start()?;
    for keeps in [true, false] {
        let cost = load_of(&PRICED[0], keeps, options).cost(&floor, options.rounds)?;
        price_row("the floor: a server that does nothing", keeps, cost, None);
    }
    drop(floor);
    let controller = fleet::start(1_000, Body::Full)?;
    for (priced, keeps) in wanted {
        let cost = load_of(priced, keeps, options).cost(&controller, options.rounds)?;
        price_row(priced.name, keeps, cost, priced.most_us);
    }
    lock_row(&controller, "1,000 agents");
    Ok(())
}

fn load_of(priced: &Priced, keeps: bool, options: &Options) -> Load {
    let requests = priced.requests / options.thinned / if keeps { 1 } else { 4 };
    Load {
        sources: (0..CONNECTIONS)
            .map(|number| (priced.source)(&agent_id(number), keeps))
            .collect(),
        requests_each: requests / CONNECTIONS,
        keeps,
        status: priced.status,
    }
}

/// One-shot rows have no target of their own: most of what they cost is the connection.
fn price_row(name: &str, keeps: bool, cost: Cost, most_us: Option<f64>) {
    let target = most_us
        .filter(|_| keeps)
        .map(|most| Target { most, unit: "us" });
    let name = format!("{name}, {}", if keeps { "kept" } else { "one-shot" });
    let rest = format!(
        "{:.0?} / {:.0?}; cheapest round {:.1} us",
        cost.p50, cost.p99, cost.cpu_us_least
    );
    table::row(&name, cost.cpu_us, "us cpu", target, &rest);
}

fn status(options: &Options) -> io::Result<()> {
    for body in [Body::Minimal, Body::Full] {
        let name = format!("status of 10,000 agents, {}", body.name());
        if !options.wants(&name) {
            continue;
        }
        let controller = fleet::start(10_000, body)?;
        let mut load = Load {
            sources: vec![Source::fixed(&get(payload::STATUS, true))],
            requests_each: 20,
            keeps: true,
            status: 200,
        };
        let cost = load.cost(&controller, options.rounds)?;
        let target = Target {
            most: 15.0,
            unit: "ms",
        };
        let megabytes = controller.get(payload::STATUS).body.len() / 1_000_000;
        let rest = format!(
            "{:.1?} / {:.1?}; {megabytes} MB; cheapest round {:.1} ms",
            cost.p50,
            cost.p99,
            cost.cpu_us_least / 1e3
        );
        table::row(&name, cost.cpu_us / 1e3, "ms cpu", Some(target), &rest);
        lock_row(&controller, &name);
    }
    Ok(())
}

fn neighbours(options: &Options) -> io::Result<()> {
    let name = "heartbeat p99 beside two status loops";
    if !options.wants(name) {
        return Ok(());
    }
    let controller = fleet::start(10_000, Body::Full)?;
    let lasting =
        Duration::from_secs(5) / u32::try_from(options.thinned).map_err(io::Error::other)?;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        alone.push(heartbeat_p99(&controller, lasting, false)?.as_secs_f64() * 1e6);
        beside.push(heartbeat_p99(&controller, lasting, true)?.as_secs_f64() * 1e6);
    }
    let (alone, beside) = (median(alone), median(beside));
    let target = Target {
        most: 3.0,
        unit: "x",
    };
    table::row(
        name,
        beside / alone,
        "x",
        Some(target),
        &format!("p99 {alone:.0} us alone, {beside:.0} us beside"),
    );
    lock_row(&controller, name);
    Ok(())
}

fn memory(options: &Options) -> io::Result<()> {
    for (agents, most) in [(10_000, 24.0), (100_000, 180.0)] {
        for body in [Body::Minimal, Body::Full] {
            let name = format!("memory with {agents} agents, {}", body.name());
            if !options.wants(&name) {
                continue;
            }
            let controller = fleet::start(agents, body)?;
            let target = Target { most, unit: "MB" };
            let resident = controller.holdings().resident_bytes / 1_000;
            let kilobytes = u32::try_from(resident).map_err(io::Error::other)?;
            table::row(&name, f64::from(kilobytes) / 1e3, "MB", Some(target), "");
        }
    }
    Ok(())
}

/// The longest hold of the registry's lock since this controller started, by its own clock.
fn lock_row(controller: &TestController, when: &str) {
    let metrics = controller.get("/metrics").text();
    let longest: Option<f64> = metrics
        .lines()
        .find_map(|line| line.strip_prefix("tapio_controller_registry_lock_max_seconds "))
        .and_then(|value| value.trim().parse().ok());
    let target = Target {
        most: 1.0,
        unit: "ms",
    };
    let name = format!("  longest hold of the lock, {when}");
    table::row(
        &name,
        longest.unwrap_or(f64::NAN) * 1e3,
        "ms",
        Some(target),
        "",
    );
}

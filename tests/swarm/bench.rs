//! What a fleet costs the controller, and what it does to one that was away.
//!
//! Three scenes in one run: a fleet at work, a controller killed and started again at once, and one
//! that stays away for two intervals, long enough for every agent to have failed. Rates are counted
//! where they are made, second by second, refused connections included.

use std::io;
use std::net::SocketAddrV4;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tapio_tests::controller::TestController;
use tapio_tests::deadline::wait_for_moment;
use tapio_tests::folder::TestFolder;
use tapio_tests::place::free_place;
use tapio_tests::process::{self, cpu_time};
use tapio_tests::program::Program;
use tapio_tests::report::Figure;

use crate::crowd::Crowd;
use crate::options::Options;
use crate::play::crowd;
use crate::tally::Counts;

/// When what happened.
struct Moments {
    steady: (Instant, Instant),
    restart: Away,
    outage: Away,
}

/// The controller left, was there again, and was watched up to the end.
#[derive(Clone, Copy)]
struct Away {
    left: Instant,
    back: Instant,
    end: Instant,
}

/// What was read of the controller at the end of the steady scene.
struct Cost {
    cpu_percent: f64,
    resident_bytes: u64,
}

pub fn run(options: &Options) -> io::Result<()> {
    process::raise_open_files()?;
    let at = free_place()?;
    let controller = start(at);
    let mut crowd = crowd(at, options);
    let stop = AtomicBool::new(false);
    let (controller, cost, moments) = thread::scope(|scope| {
        let playing = scope.spawn(|| crowd.play(&stop));
        let directed = direct(at, controller, options);
        stop.store(true, Ordering::Relaxed);
        let played = playing.join();
        played.map_err(|_| io::Error::other("the crowd panicked"))??;
        directed
    })?;
    report(options, &crowd, &cost, &moments);
    report_status(options, &controller);
    println!("turns that failed: {:?}", crowd.tally.reasons);
    Ok(())
}

/// Leads the controller through the scenes while the crowd plays.
fn direct(
    at: SocketAddrV4,
    controller: TestController,
    options: &Options,
) -> io::Result<(TestController, Cost, Moments)> {
    let interval = options.interval;
    // Every agent has had its first turn, and the second that it ends in is over.
    wait_for_moment(Instant::now() + interval + Duration::from_secs(2));
    let (from, before) = (Instant::now(), cpu_time(controller.pid())?);
    wait_for_moment(from + interval * 2);
    let spent = cpu_time(controller.pid())? - before;
    let to = Instant::now();
    let cost = Cost {
        cpu_percent: 100.0 * spent.as_secs_f64() / (to - from).as_secs_f64(),
        resident_bytes: controller.holdings().resident_bytes,
    };
    let (controller, restart) = away(at, controller, Duration::ZERO, interval * 2);
    let (controller, outage) = away(at, controller, interval * 2, interval * 2);
    let moments = Moments {
        steady: (from, to),
        restart,
        outage,
    };
    Ok((controller, cost, moments))
}

/// Kills it, starts it again at the same place after so long, and watches.
fn away(
    at: SocketAddrV4,
    controller: TestController,
    lasting: Duration,
    watched: Duration,
) -> (TestController, Away) {
    drop(controller);
    let left = Instant::now();
    wait_for_moment(left + lasting);
    let controller = start(at);
    let back = Instant::now();
    let end = back + watched;
    wait_for_moment(end);
    (controller, Away { left, back, end })
}

fn start(at: SocketAddrV4) -> TestController {
    let mut command = Command::new(Program::Controller.path());
    command.args(["--listen", &at.to_string()]);
    TestController::spawn(TestFolder::new(), command)
}

fn report(options: &Options, crowd: &Crowd, cost: &Cost, moments: &Moments) {
    let (agents, events) = (options.agents, options.events);
    let seconds = options.interval.as_secs();
    println!("{agents} agents, {events} events each, every {seconds} s");
    println!("{:<46} {:>10} {:>12}", "", "figure", "target");
    let show = |mut figure: Figure, value: f64| {
        figure.add(value);
        figure.print();
    };
    let (from, to) = moments.steady;
    let requests = |counts: &Counts| counts.requests;
    let connections = |counts: &Counts| counts.connections;
    let late = |from, to| crowd.tally.peak(from, to, |counts| counts.late_ms_max) as f64;
    let steady = crowd.tally.mean(from, to, requests);
    show(Figure::beside("requests, steady", "/s"), steady);
    let promised = |name, most, unit| match agents {
        ..=PROMISED_AGENTS => Figure::promised(name, most, unit),
        _ => Figure::beside(name, unit),
    };
    let processor = promised("processor of the controller, steady", 20.0, "% of one");
    show(processor, cost.cpu_percent);
    let memory = promised("its memory", 24.0, "MB");
    show(memory, cost.resident_bytes as f64 / 1e6);
    show(Figure::beside(LATE, "ms"), late(from, to));
    let opened = crowd.tally.mean(from, to, connections);
    for (name, away) in [("restart", moments.restart), ("outage", moments.outage)] {
        let down = (away.back - away.left).as_secs_f64();
        println!("{name}: away for {down:.2} s");
        show(
            Figure::promised("  all agents registered again", 60.0, "s"),
            all_back(crowd, agents, away),
        );
        let peak = crowd.tally.peak(away.left, away.end, requests);
        show(
            Figure::promised("  busiest second, requests over steady", 3.0, "x"),
            peak as f64 / steady,
        );
        let peak = crowd.tally.peak(away.left, away.end, connections);
        show(
            Figure::beside("  busiest second, connections tried over steady", "x"),
            peak as f64 / opened,
        );
        show(Figure::beside(LATE, "ms"), late(away.left, away.end));
    }
}

/// The crowd's own trouble: with seconds of it, the figures around it are of this machine.
const LATE: &str = "  a turn began later than it was due, at most";

/// The fleet of which processor and memory were promised.
const PROMISED_AGENTS: usize = 10_000;

/// Seconds from the controller's return to the last agent's; endless if one stayed away.
fn all_back(crowd: &Crowd, agents: usize, away: Away) -> f64 {
    let mut back = vec![None; agents];
    for (moment, agent) in &crowd.greetings {
        if (away.left..=away.end).contains(moment) {
            back[*agent].get_or_insert(*moment);
        }
    }
    let last = back
        .into_iter()
        .try_fold(away.back, |last, moment| Some(last.max(moment?)));
    last.map_or(f64::INFINITY, |last| (last - away.back).as_secs_f64())
}

/// What the controller itself says at the end: everybody is there, and no batch is missing.
fn report_status(options: &Options, controller: &TestController) {
    let status = controller.status();
    let rows = status["agents"].as_array().map_or(&[][..], Vec::as_slice);
    let sum = |name: &str| -> u64 {
        let counters = rows.iter().map(|row| &row["sequence"][name]);
        counters.filter_map(Value::as_u64).sum()
    };
    println!(
        "at the end: {} of {} agents, {} gaps, {} regressions, {} duplicates",
        rows.len(),
        options.agents,
        sum("gaps_total"),
        sum("regressions_total"),
        sum("duplicates_total")
    );
}

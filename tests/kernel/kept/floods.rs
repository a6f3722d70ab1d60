//! Evidence under load: agents that are killed or stopped at any moment, and a clock that is set.
//!
//! These are played by themselves. How often and for how long is the environment's to say, so that
//! `scripts/soak` plays them at full length: `TAPIO_KILLS`, `TAPIO_PAUSE_SECONDS`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use tapio_common::coverage::{ClockSet, Entry};
use tapio_common::evidence::claim::Coverage;
use tapio_common::time::Timestamp;
use tapio_tests::agent::EVENT_MAX;
use tapio_tests::deadline::{wait_for_moment, wait_until};
use tapio_tests::folder::TestFolder;

use super::{keep, wait_for_stored};
use crate::ABNORMAL_EXIT;
use crate::deaths::{Death, assert_whole, cause, coverage, moments, now};
use crate::scene::causer;

/// For a load to end by itself, on an emulated machine, too.
const LOAD_MAX: Duration = Duration::from_secs(120);

const KILLS: u64 = 20;
const PAUSE_SECONDS: u64 = 5;

fn from_environment(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} is a number")),
        Err(_) => otherwise,
    }
}

/// A causer that dies at a rate, and its own log of that.
struct Load {
    child: Child,
    log: PathBuf,
}

impl Load {
    fn start(log: PathBuf, count: u64, per_second: u64) -> Self {
        let words = format!("deaths {count} {per_second} {}", log.display());
        let child = causer(&words).spawn().expect("the causer starts");
        Self { child, log }
    }

    fn count(&self) -> u64 {
        // It may not have made its file yet.
        let log = fs::read(&self.log).unwrap_or_default();
        log.iter().filter(|byte| **byte == b'\n').count() as u64
    }

    #[track_caller]
    fn deaths(mut self) -> Vec<Death> {
        wait_until("the load to end", LOAD_MAX, || {
            self.child.try_wait().expect("our child").is_some()
        });
        let log = fs::read_to_string(&self.log).expect("its log");
        let deaths = log.lines().map(|line| {
            let mut numbers = line
                .split(' ')
                .map(|number| number.parse().expect("a number"));
            let mut next = || numbers.next().expect("three numbers");
            Death {
                pid: next(),
                after: Timestamp(next()),
                before: Timestamp(next()),
            }
        });
        deaths.collect()
    }
}

/// Moments that differ from run to run (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// Two loads, and the agent killed at some moment of them, so often.
#[track_caller]
fn kill_under_load(folder: &TestFolder, directory: &Path, kills: u64) -> Vec<Vec<Death>> {
    const DEATHS: u64 = 400;
    let seed = now().0;
    println!("seed {seed}");
    let mut chance = Chance(seed);
    let mut loads = Vec::new();
    for round in 0..kills {
        let mut agent = keep(directory);
        let start = |number| {
            let log = folder.join(&format!("deaths-{round}-{number}"));
            Load::start(log, DEATHS, 2_000)
        };
        let pair = [start(0), start(1)];
        let moment = chance.below(DEATHS);
        wait_until("the moment", LOAD_MAX, || pair[0].count() >= moment);
        agent.signal(libc::SIGKILL);
        agent
            .wait_for_end(EVENT_MAX)
            .expect("nothing survives that");
        loads.extend(pair.map(Load::deaths));
    }
    loads
}

#[test]
fn an_agent_killed_at_any_moment_loses_nothing_that_the_directory_vouches_for() {
    let folder = TestFolder::new();
    let directory = folder.join("evidence");
    let kills = from_environment("TAPIO_KILLS", KILLS);
    let loads = kill_under_load(&folder, &directory, kills);
    keep(&directory).stop();
    assert_whole(&directory);
    let (stored, coverage) = (moments(&directory), coverage(&directory));
    let (mut kept, mut gone) = (0, 0);
    for deaths in &loads {
        // What the ring held at the kill is lost, and a ring is read in order: so whatever is
        // missing is the end, and nothing before it.
        let told = deaths
            .iter()
            .take_while(|death| death.told(&stored) > 0)
            .count();
        for (at, death) in deaths.iter().enumerate() {
            let wanted = usize::from(at < told);
            assert_eq!(
                death.told(&stored),
                wanted,
                "{at} of {}: process {}",
                deaths.len(),
                death.pid
            );
        }
        deaths[told..]
            .iter()
            .for_each(|death| death.assert_doubted(&coverage));
        kept += told;
        gone += deaths.len() - told;
    }
    let gaps = coverage.entries.iter().filter_map(|entry| match entry {
        Entry::Gap(gap) => Some(gap),
        Entry::Looking(_)
        | Entry::Lost(_)
        | Entry::Stopped(_)
        | Entry::Expired(_)
        | Entry::ClockSet(_) => None,
    });
    let (gaps, cut_lines) = gaps.fold((0, 0), |(gaps, lines), gap| {
        (gaps + 1, lines + gap.cut_lines)
    });
    println!("{kills} kills: {kept} kept, {gone} in gaps, {cut_lines} unfinished lines cut");
    assert_eq!(gaps, kills, "one for every kill");
    assert!(
        cut_lines <= kills,
        "a kill costs one unfinished line at most"
    );
    assert!(kept > 0 && gone > 0, "the moments were in the midst of it");
}

#[test]
fn an_agent_that_is_stopped_for_a_while_tells_or_counts_what_happened_meanwhile() {
    let folder = TestFolder::new();
    let directory = folder.join("evidence");
    let pause = from_environment("TAPIO_PAUSE_SECONDS", PAUSE_SECONDS);
    let agent = keep(&directory);
    let load = Load::start(folder.join("deaths"), 1_000 * (pause + 2), 1_000);
    wait_until("the load", LOAD_MAX, || load.count() > 500);
    agent.signal(libc::SIGSTOP);
    wait_for_moment(Instant::now() + Duration::from_secs(pause));
    agent.signal(libc::SIGCONT);
    let deaths = load.deaths();
    let report = agent.stop();
    let (stored, coverage) = (moments(&directory), coverage(&directory));
    let (told, untold): (Vec<&Death>, Vec<&Death>) =
        deaths.iter().partition(|death| death.told(&stored) > 0);
    assert!(
        told.iter().all(|death| death.told(&stored) == 1),
        "none twice"
    );
    untold
        .iter()
        .for_each(|death| death.assert_doubted(&coverage));
    let row = report.ledger.types[ABNORMAL_EXIT];
    let missed = report
        .ledger
        .observers
        .get("container")
        .and_then(|row| row.missed);
    let counted = row.lost + row.queue_drops + missed.unwrap_or(0);
    println!(
        "{} told, {} not, {counted} counted as lost",
        told.len(),
        untold.len()
    );
    assert!(
        untold.len() as u64 <= counted,
        "{} are missing: {row:?}",
        untold.len()
    );
    assert_whole(&directory);
}

/// The clock of this machine, put right again when it is dropped.
struct Clock {
    right_at: (Duration, Instant),
}

impl Clock {
    /// # Panics
    /// Where nobody has said that the machine is the test's own.
    fn take() -> Self {
        let may = std::env::var_os("TAPIO_MAY_SET_CLOCK").is_some();
        assert!(
            may,
            "the clock of this machine is not ours to set: TAPIO_MAY_SET_CLOCK"
        );
        Self {
            right_at: (Duration::from_nanos(now().0), Instant::now()),
        }
    }

    /// So many seconds off from now on.
    fn set_off_by(&self, seconds: i64) {
        let (wall, since) = self.right_at;
        let right = wall + since.elapsed();
        let moment = libc::timespec {
            tv_sec: i64::try_from(right.as_secs()).expect("this age") + seconds,
            tv_nsec: i64::from(right.subsec_nanos()),
        };
        // SAFETY: the moment is a whole timespec that lives across the call.
        let answer = unsafe { libc::clock_settime(libc::CLOCK_REALTIME, &raw const moment) };
        assert_eq!(answer, 0, "{}", std::io::Error::last_os_error());
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.set_off_by(0);
    }
}

fn clock_steps(coverage: &Coverage) -> Vec<i64> {
    let steps = coverage.entries.iter().filter_map(|entry| match entry {
        Entry::ClockSet(ClockSet { by_nanos, .. }) => Some(by_nanos / 1_000_000_000),
        Entry::Looking(_)
        | Entry::Lost(_)
        | Entry::Gap(_)
        | Entry::Stopped(_)
        | Entry::Expired(_) => None,
    });
    steps.collect()
}

#[test]
fn a_clock_set_forward_and_back_is_told_and_costs_nothing() {
    const HOUR: i64 = 3_600;
    let folder = TestFolder::new();
    let directory = folder.join("evidence");
    let agent = keep(&directory);
    let clock = Clock::take();
    let mut deaths = vec![cause()];
    wait_for_stored(&directory, &deaths[0]);
    let offsets = [HOUR, 0, -HOUR, 0];
    for (step, offset) in offsets.into_iter().enumerate() {
        clock.set_off_by(offset);
        let death = cause();
        wait_for_stored(&directory, &death);
        deaths.push(death);
        wait_until("the step in the coverage", EVENT_MAX, || {
            clock_steps(&coverage(&directory)).len() > step
        });
    }
    let report = agent.stop();
    assert_eq!(report.ledger.sinks["file"].dropped_total(), 0);
    let (stored, coverage) = (moments(&directory), coverage(&directory));
    assert!(deaths.iter().all(|death| death.told(&stored) == 1));
    let steps = clock_steps(&coverage);
    assert_eq!(steps.len(), offsets.len(), "{steps:?}");
    for (step, wanted) in steps.iter().zip([HOUR, -HOUR, -HOUR, HOUR]) {
        assert!((step - wanted).abs() <= 2, "{steps:?}");
    }
    assert_whole(&directory);
}

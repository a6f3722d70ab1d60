//! Requests to block devices: each way to fail, to take long, and what only looks like it.
//!
//! The causer's disk is a loop device over a file that it serves itself, which fails and delays to
//! the letter on every kernel. One test at a time has such a disk, so its name tells its events.

mod devices;
mod mapped;

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tapio_tests::agent::{Event, Report, TestAgent};
use tapio_tests::deadline::{SOON, wait_until};

use crate::cgroup::{Cgroup, Hierarchy};
use crate::floods::share_of;
use crate::oracle::{ALL, Trace};
use crate::scene::{Scene, number};

const IO_ERROR: &str = "kernel.storage.io_error";
const SPIKE: &str = "kernel.storage.latency_spike";

const MILLI: u64 = 1_000_000;
/// No request takes so long.
const NEVER: u64 = 600_000 * MILLI;
/// Every request takes so long.
const ALWAYS: u64 = 1;
/// No request takes so long but one that is held back.
const UNDER_WAY: Duration = Duration::from_millis(200);
/// Where the causer reads and writes, in bytes and in units of 512.
const FROM: u64 = 256 << 10;
const SECTOR: u64 = FROM / 512;

/// Requests of a flood.
const REQUESTS: u64 = 5_000;

/// Of so many completions one may come while a process runs from which this machine keeps every
/// program away; then it is neither seen nor counted as missed. Only its own kernel does that.
const HIDDEN_ONE_IN: u64 = 500;

static ONE_DISK: Mutex<()> = Mutex::new(());

pub fn one_disk() -> MutexGuard<'static, ()> {
    // A test that failed has said so, and its disk is gone with its causer.
    ONE_DISK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A scene that has ended, and what an agent said of its disk.
struct Told {
    pid: u32,
    log: Value,
    cgroup: Cgroup,
    report: Report,
}

impl Told {
    /// Plays the scene before an agent with these limits.
    #[track_caller]
    fn of(words: &str, warning_ns: u64, critical_ns: u64) -> Self {
        let _alone = one_disk();
        let agent = TestAgent::observe_storage(warning_ns, critical_ns, &["--fair-share", "0"]);
        let cgroup = Cgroup::new();
        let mut scene = Scene::member(&cgroup, &format!("--comm io-causer io {words}"));
        let log = scene.line();
        assert!(scene.end().success(), "{words}");
        Self {
            pid: scene.pid(),
            log,
            cgroup,
            report: agent.stop(),
        }
    }

    /// What was said of the causer's disk, of this type.
    fn events(&self, event_type: &str) -> Vec<&Event> {
        let events = self.report.events.iter();
        events
            .filter(|event| {
                event.is(event_type) && event.fact("device")["name"] == self.log["name"]
            })
            .collect()
    }

    #[track_caller]
    fn only(&self, event_type: &str) -> &Event {
        let [event] = self.events(event_type)[..] else {
            panic!("{:?}", self.events(event_type));
        };
        event
    }

    /// The device, and the process, right in every field.
    #[track_caller]
    fn assert_asked_by_the_causer(&self, event: &Event) {
        assert_eq!(event.fact("device")["major"], self.log["major"]);
        assert_eq!(event.fact("device")["minor"], self.log["minor"]);
        assert_eq!(event.fact("pid"), self.pid, "{event:?}");
        assert_eq!(event.fact("comm"), "io-causer");
        assert_eq!(event.fact("owner_is_kernel"), false);
        assert_eq!(*event.fact("not_observed"), Value::Null, "{event:?}");
        self.cgroup.assert_named_by(event);
    }

    fn filtered(&self, event_type: &str) -> u64 {
        let row = self.report.ledger.types.get(event_type);
        row.map_or(0, |row| row.filtered)
    }
}

#[test]
fn a_request_that_fails() {
    for (words, op, errno, code) in [
        ("read errno 5", "read", libc::EIO, "EIO"),
        ("write errno 5", "write", libc::EIO, "EIO"),
        ("write errno 28", "write", libc::ENOSPC, "ENOSPC"),
        ("buffered-write errno 5", "write", libc::EIO, "EIO"),
    ] {
        let told = Told::of(words, NEVER, NEVER);
        assert_eq!(told.log["errno"], errno, "{words}");
        let event = told.only(IO_ERROR);
        told.assert_asked_by_the_causer(event);
        assert_eq!(event.fact("op"), op);
        assert_eq!(event.fact("sector"), SECTOR);
        assert_eq!(event.fact("bytes"), 4_096);
        assert_eq!(event.fact("errno"), errno);
        assert!(event.fact("latency_us").as_u64() > Some(0), "{event:?}");
        assert_eq!(event.0["error"]["code"], code);
        assert_eq!(event.0["severity"], "critical");
        assert_eq!(event.0["outcome"], "failure");
        assert_eq!(told.events(SPIKE), Vec::<&Event>::new());
    }
}

/// What the page cache asks for again is another request.
#[test]
fn a_buffered_read_that_fails() {
    let told = Told::of("buffered-read errno 5", NEVER, NEVER);
    let events = told.events(IO_ERROR);
    assert!(!events.is_empty());
    for event in events {
        told.assert_asked_by_the_causer(event);
        assert_eq!(event.fact("op"), "read");
        assert_eq!(event.fact("sector"), SECTOR);
    }
}

/// The program's request is completed with the flush's error, and never was the device's.
#[test]
fn a_flush_that_fails_is_told_once_and_as_the_flush() {
    let told = Told::of("flush errno 5", NEVER, NEVER);
    assert_eq!(told.log["errno"], libc::EIO);
    let event = told.only(IO_ERROR);
    assert_eq!(event.fact("op"), "flush");
    assert_eq!(event.fact("errno"), libc::EIO);
    assert_eq!(event.fact("bytes"), 0);
    assert_eq!(event.not_observed("sector"), "no_place");
    assert!(told.filtered(IO_ERROR) >= 1, "{:?}", told.report.ledger);
}

/// 40 KiB are there and the rest of 64 is not: completed in two parts, issued twice, failed once.
#[test]
fn a_request_completed_in_parts_with_an_error_in_the_middle() {
    let requeues = Trace::from_now("block/block_rq_requeue", ALL);
    let told = Told::of(
        &format!("long-read ends-at {}", FROM + 40_960),
        ALWAYS,
        NEVER,
    );
    assert_eq!(told.log["errno"], libc::EIO);
    let its = format!("{},{}", told.log["major"], told.log["minor"]);
    assert_eq!(requeues.lines_with(&[its]).len(), 1, "the scene failed");
    let error = told.only(IO_ERROR);
    told.assert_asked_by_the_causer(error);
    assert_eq!(
        error.fact("sector"),
        SECTOR + 80,
        "where the failed part begins"
    );
    assert_eq!(error.fact("bytes"), 24_576);
    assert_eq!(error.fact("requeues"), 1);
    let spike = told.only(SPIKE);
    told.assert_asked_by_the_causer(spike);
    assert_eq!(spike.fact("sector"), SECTOR, "the whole of it");
    assert_eq!(spike.fact("bytes"), 65_536);
    assert_eq!(spike.fact("requeues"), 1);
    assert_eq!(spike.0["outcome"], "failure");
    assert!(spike.fact("latency_us").as_u64() <= told.log["took_us"].as_u64());
}

/// The time until the last part counts, not that until the first.
#[test]
fn the_parts_of_a_request_are_one_latency() {
    let words = format!("long-read late-ends-at {}", FROM + 40_960);
    let told = Told::of(&words, 150 * MILLI, NEVER);
    let spike = told.only(SPIKE);
    assert!(
        spike.fact("latency_us").as_u64() >= Some(200_000),
        "{spike:?}"
    );
}

#[test]
fn a_request_that_takes_as_long_as_a_limit() {
    for (words, op) in [
        ("read delay-ms 100", "read"),
        ("write delay-ms 100", "write"),
    ] {
        for (warning_ns, critical_ns, wanted) in [
            (50 * MILLI, NEVER, Some("warning")),
            (50 * MILLI, 100 * MILLI, Some("critical")),
            (NEVER, NEVER, None),
        ] {
            let told = Told::of(words, warning_ns, critical_ns);
            let events = told.events(SPIKE);
            let severities: Vec<_> = events.iter().map(|event| &event.0["severity"]).collect();
            assert_eq!(
                severities,
                wanted.map(|word| json!(word)).iter().collect::<Vec<_>>()
            );
            for event in events {
                told.assert_asked_by_the_causer(event);
                assert_eq!(event.fact("op"), op);
                assert_eq!(event.fact("sector"), SECTOR);
                assert_eq!(event.fact("bytes"), 4_096);
                let latency_us = event.fact("latency_us").as_u64();
                assert!(latency_us >= Some(100_000), "{event:?}");
                assert!(latency_us <= told.log["took_us"].as_u64(), "{event:?}");
                assert_eq!(event.0["outcome"], "success");
                assert_eq!(event.0["error"], Value::Null);
            }
            assert_eq!(told.events(IO_ERROR), Vec::<&Event>::new());
        }
    }
}

#[test]
fn a_flush_that_takes_long() {
    let told = Told::of("flush delay-ms 100", 50 * MILLI, NEVER);
    let event = told.only(SPIKE);
    assert_eq!(event.fact("op"), "flush");
    assert!(
        event.fact("latency_us").as_u64() >= Some(100_000),
        "{event:?}"
    );
}

/// A device that cannot do a thing, and a request that would not wait, are no failures.
#[test]
fn what_was_declined_is_filtered() {
    // That a disk cannot discard is not even told to whoever asked it to.
    for (words, errno) in [("discard errno 95", 0), ("read errno 11", libc::EAGAIN)] {
        let told = Told::of(words, NEVER, NEVER);
        assert_eq!(told.log["errno"], errno, "{words}");
        assert_eq!(told.events(IO_ERROR), Vec::<&Event>::new(), "{words}");
        assert!(told.filtered(IO_ERROR) >= 1, "{words}");
    }
}

/// Written to the page cache by one process, and to the disk by a thread of the kernel.
#[test]
fn what_the_kernel_writes_for_others_is_the_kernels_and_charged_to_them() {
    let told = Told::of("write-back none 0 3", ALWAYS, NEVER);
    let events = told.events(SPIKE);
    let by_kernel: Vec<_> = events
        .iter()
        .filter(|event| event.fact("owner_is_kernel") == true)
        .collect();
    assert!(!by_kernel.is_empty(), "{events:?}");
    for event in by_kernel {
        assert_eq!(event.fact("op"), "write");
        assert_ne!(event.fact("pid"), told.pid, "{event:?}");
        match Hierarchy::of_memory() {
            Hierarchy::V2 => {
                assert_eq!(event.fact("cgroup_by"), "charge", "{event:?}");
                told.cgroup.assert_named_by(event);
            }
            // The v1 hierarchies do not know what is charged together.
            Hierarchy::V1Memory => assert_eq!(*event.fact("cgroup_id"), Value::Null, "{event:?}"),
        }
    }
}

/// Thousands of them, and not one record; every one of them was matched.
#[test]
fn healthy_requests_cost_no_record() {
    let words = format!("read none 0 {}", share_of(REQUESTS));
    let told = Told::of(&words, NEVER, NEVER);
    let submitted: u64 = told
        .report
        .ledger
        .types
        .values()
        .map(|row| row.submitted)
        .sum();
    assert_eq!(submitted, 0, "{:?}", told.report.ledger);
    let told = Told::of("buffered-write none 0 200", NEVER, NEVER);
    let row = told
        .report
        .ledger
        .types
        .get(SPIKE)
        .copied()
        .unwrap_or_default();
    // At most what was under way when the agent came.
    assert!(row.ambiguous < 64 && row.submitted == 0, "{row:?}");
}

/// How long it took nobody can say who came later: it is counted as that, and not told.
#[test]
fn a_request_issued_before_the_agent_came_is_ambiguous() {
    let _alone = one_disk();
    let cgroup = Cgroup::new();
    let mut early = Scene::member(&cgroup, "io read delay-ms 8000");
    // Making the disk takes requests too, which are over in no time.
    let mut since = None;
    wait_until("the request to be under way", SOON, || {
        since = since
            .filter(|_| in_flight_of_loops() > 0)
            .or_else(|| Some(Instant::now()));
        since.is_some_and(|since| since.elapsed() > UNDER_WAY)
    });
    let agent = TestAgent::observe_storage(ALWAYS, NEVER, &[]);
    let was_in_time = in_flight_of_loops() > 0;
    let log = early.line();
    early.end();
    assert!(was_in_time, "the scene failed: it was over first");
    let report = agent.stop();
    let of_disk = |event: &&Event| event.fact("device")["name"] == log["name"];
    assert_eq!(report.events.iter().find(of_disk), None);
    let row = report.ledger.types.get(SPIKE).copied();
    assert!(row.is_some_and(|row| row.ambiguous >= 1), "{row:?}");
}

/// Requests that loop devices have not completed yet, by their own counters.
fn in_flight_of_loops() -> u64 {
    let disks = fs::read_dir("/sys/block").expect("the disks").flatten();
    let loops = disks.filter(|disk| disk.file_name().to_string_lossy().starts_with("loop"));
    let counts = loops.filter_map(|disk| fs::read_to_string(disk.path().join("inflight")).ok());
    counts
        .flat_map(|text| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .map(|count| count.parse::<u64>().expect("a count"))
        .sum()
}

#[test]
fn every_failure_of_a_flood_is_told_where_nothing_is_folded() {
    let words = format!("read errno 5 {}", share_of(REQUESTS));
    let told = Told::of(&words, NEVER, NEVER);
    let row = told.report.ledger.types[IO_ERROR];
    let missed = told.report.ledger.observers.get("storage");
    let missed = missed.and_then(|observer| observer.missed).unwrap_or(0);
    let caused = number(&told.log, "failed");
    let said = u64::try_from(told.events(IO_ERROR).len()).expect("a count");
    assert_eq!((row.lost, row.queue_drops), (0, 0), "{row:?}");
    let hidden_max = caused / HIDDEN_ONE_IN;
    assert!(
        said <= caused && caused <= said + missed + hidden_max,
        "{said} of {caused}, {missed} missed"
    );
}

/// Ten a second and five seconds' worth at once; the rest stands in closing records.
#[test]
fn a_flood_of_one_cgroup_is_folded() {
    let _alone = one_disk();
    let agent = TestAgent::observe_storage(NEVER, NEVER, &["--fair-share", "10"]);
    let cgroup = Cgroup::new();
    // As many as are folded even if each takes a hundredth of a second.
    let words = format!("io read errno 5 {}", share_of(REQUESTS).max(1_000));
    let mut scene = Scene::member(&cgroup, &words);
    let caused = number(&scene.line(), "failed");
    scene.end();
    let report = agent.stop();
    let events = cgroup.events(&report);
    let told: u64 = events
        .iter()
        .map(|event| match event.fact("summary") == true {
            true => number(&event.0["data"], "count"),
            false => 1,
        })
        .sum();
    assert!(
        told <= caused && caused <= told + caused / HIDDEN_ONE_IN,
        "{told} of {caused}"
    );
    let told_at_most = usize::try_from(caused / 2).expect("a count");
    assert!(events.len() < told_at_most, "{} events", events.len());
}

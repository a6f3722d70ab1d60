//! The node observer's program, driven by software events in place of a PMU.
//!
//! Page faults of this thread stand for cycles, so a sample is taken when it makes them, and its
//! context switches for what is counted beside them. Needs root and a kernel with BPF, and no PMU:
//! scripts/kernel-tests runs it on a host, scripts/vm in guests.

use std::time::Duration;

use tapio_agent::kernel::{self, Attachments, Counter, Events, FairShare, LoadedObserver, Status};
use tapio_common::abi::Plain;
use tapio_common::abi::node::{
    CpuTurn, RECORD_CPU_STALL, RECORD_IPC_DEGRADATION, RECORD_MEMORY_PRESSURE, TURN_IDLE_NS,
    TURN_LEFT,
};
use tapio_wire::CompiledConfig;

const SOFTWARE: u32 = 1;
const FAULTS: Counter = software(2);
const SWITCHES: Counter = software(3);
const MINOR_FAULTS: Counter = software(5);
/// Faults to a sample.
const PERIOD: u64 = 100;
const PAGE: usize = 4_096;
/// Long enough that its end is still to come when the CPU is given away, on slow machines too.
const SWITCH: Duration = Duration::from_millis(1);
/// More than it takes to turn.
const MANY: u32 = 6;

const fn software(config: u64) -> Counter {
    let kind = SOFTWARE;
    Counter { kind, config }
}

/// A program that is run by this thread's faults, on the first CPU.
struct Driven {
    loaded: LoadedObserver,
    attachments: Attachments,
    config: CompiledConfig,
}

impl Driven {
    /// `stalls` and `instructions` are what is counted as such.
    fn by(stalls: Counter, instructions: Counter, config: CompiledConfig) -> Self {
        pin();
        let events = Events {
            cycles: FAULTS,
            instructions,
            stalls,
            period: PERIOD,
            thread: 0,
        };
        let (loaded, attachments) = kernel::load_node(&events).expect("this kernel's types");
        assert!(matches!(loaded.status, Status::Running), "{loaded:?}");
        let driven = Self {
            loaded,
            attachments,
            config,
        };
        driven.apply(1);
        driven.play(2, 0); // from here on there is a sample to compare with
        driven
    }

    fn apply(&self, generation: u32) {
        let watch = self.loaded.watch.as_ref().expect("it runs");
        watch.apply(&self.config, FairShare::OFF, generation);
    }

    /// Makes samples, each with so many context switches.
    fn play(&self, samples: u32, switches: u32) {
        for _ in 0..samples {
            fault();
            for _ in 0..switches {
                rest(SWITCH);
            }
        }
    }

    /// What was told since it was last asked.
    fn told(&self) -> Vec<CpuTurn> {
        let mut told = Vec::new();
        let watch = self.loaded.watch.as_ref().expect("it runs");
        watch
            .ring()
            .drain(|record| told.push(CpuTurn::from_bytes(record).expect("a record")));
        told
    }

    /// Every fact is in its column.
    fn end(self) {
        let watch = self.loaded.watch.as_ref().expect("it runs");
        self.attachments.detach();
        for row in watch.counts().types {
            assert_eq!(row.seen, row.submitted, "{row:?}");
        }
    }
}

/// Kind, whether it was left, and the counts that decided it per thousand.
fn briefly(turn: &CpuTurn) -> (u16, bool, u64) {
    let per_thousand = (turn.counted * 1_000).checked_div(turn.cycles);
    let is_left = turn.flags == TURN_LEFT;
    (turn.header.kind, is_left, per_thousand.unwrap_or(0))
}

fn kinds(told: &[CpuTurn]) -> Vec<(u16, bool)> {
    told.iter()
        .map(|turn| (turn.header.kind, turn.flags == TURN_LEFT))
        .collect()
}

fn pin() {
    // SAFETY: a cpu_set_t is plain bits, CPU 0 is inside it, and the size handed over is its own.
    let result = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(0, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set)
    };
    assert_eq!(result, 0, "the first CPU is there");
}

/// As many faults as make a sample.
fn fault() {
    let bytes = usize::try_from(PERIOD).expect("a few") * PAGE;
    // SAFETY: a fresh anonymous mapping of its own; every write stays inside it, and it is unmapped
    // as a whole. Huge pages are refused so that every page is a fault.
    unsafe {
        let start = libc::mmap(
            std::ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        assert_ne!(start, libc::MAP_FAILED);
        libc::madvise(start, bytes, libc::MADV_NOHUGEPAGE);
        for at in (0..bytes).step_by(PAGE) {
            start.cast::<u8>().add(at).write_volatile(1);
        }
        libc::munmap(start, bytes);
    }
}

/// Gives the CPU away: a context switch, however short.
fn rest(time: Duration) {
    let time = libc::timespec {
        tv_sec: time.as_secs().try_into().expect("seconds"),
        tv_nsec: time.subsec_nanos().into(),
    };
    // SAFETY: the time lives across the call, and what is left of it is not asked for.
    unsafe { libc::nanosleep(&raw const time, std::ptr::null_mut()) };
}

/// Thresholds far from what a busy machine's own switches come to.
fn config() -> CompiledConfig {
    let mut config = CompiledConfig::default();
    config.node_pmc.stall_warning_permille = 200;
    config.node_pmc.stall_critical_permille = 500;
    config.node_pmc.ipc_degradation_milli = 500;
    config
}

/// Minor faults for instructions: as many as cycles, which is nothing to tell of.
fn stalling() -> Driven {
    Driven::by(SWITCHES, MINOR_FAULTS, config())
}

#[test]
fn a_cpu_is_told_of_on_entering_and_on_leaving_and_not_between() {
    let driven = stalling();
    driven.play(MANY, 0);
    assert_eq!(kinds(&driven.told()), []);
    driven.play(3 * MANY, 30);
    let entered = driven.told();
    assert_eq!(kinds(&entered), [(RECORD_MEMORY_PRESSURE, false)]);
    let (_, _, permille) = briefly(&entered[0]);
    assert!((200..500).contains(&permille), "{entered:?}");
    assert_eq!((entered[0].cpu, entered[0].limit), (0, 200));
    assert_eq!(entered[0].duration_ns, 0);
    let cycles = entered[0].cycles;
    assert!(
        cycles > 0 && cycles % PERIOD == 0,
        "the faults of whole samples: {entered:?}"
    );
    driven.play(MANY, 100);
    let stalled = driven.told();
    assert_eq!(kinds(&stalled), [(RECORD_CPU_STALL, false)]);
    driven.play(MANY, 0);
    let left = driven.told();
    let wanted = [(RECORD_CPU_STALL, true), (RECORD_MEMORY_PRESSURE, true)];
    assert_eq!(kinds(&left), wanted);
    for (left, entered) in left.iter().zip([&stalled[0], &entered[0]]) {
        let lasted_ns = left.header.boot_ns - entered.header.boot_ns;
        assert_eq!(left.duration_ns, lasted_ns, "{left:?}");
    }
    driven.end();
}

#[test]
fn two_samples_are_no_turn_and_three_are() {
    let driven = stalling();
    for (samples, wanted) in [(1, 0), (2, 0), (3, 2)] {
        driven.play(samples, 100);
        driven.play(MANY, 0);
        let told = driven.told();
        let entered = told.iter().filter(|turn| turn.flags != TURN_LEFT).count();
        assert_eq!(entered, wanted, "{samples}: {told:?}");
    }
    driven.end();
}

/// Entered at 500; at 470 it is still in, and at 400 no longer.
#[test]
fn a_state_is_left_a_tenth_beyond_its_threshold() {
    let mut config = config();
    config.node_pmc.stall_warning_permille = 0;
    let driven = Driven::by(SWITCHES, MINOR_FAULTS, config);
    driven.play(MANY, 80);
    assert_eq!(kinds(&driven.told()), [(RECORD_CPU_STALL, false)]);
    driven.play(MANY, 47);
    assert_eq!(kinds(&driven.told()), []);
    driven.play(MANY, 20);
    assert_eq!(kinds(&driven.told()), [(RECORD_CPU_STALL, true)]);
    driven.end();
}

/// Context switches for instructions, none of which is little.
#[test]
fn too_little_done_in_a_cycle() {
    let driven = Driven::by(MINOR_FAULTS, SWITCHES, {
        let mut config = config();
        config.node_pmc.stall_warning_permille = 0;
        config.node_pmc.stall_critical_permille = 0;
        config
    });
    driven.play(MANY, 100);
    driven.told(); // whether it began in it is of no matter
    driven.play(MANY, 0);
    let entered = driven.told();
    assert_eq!(kinds(&entered), [(RECORD_IPC_DEGRADATION, false)]);
    assert!(briefly(&entered[0]).2 < 500, "{entered:?}");
    driven.play(MANY, 100);
    assert_eq!(kinds(&driven.told()), [(RECORD_IPC_DEGRADATION, true)]);
    driven.end();
}

/// Then it was in no state, from its last sample on.
#[test]
fn a_cpu_that_was_idle_has_left_with_its_last_sample() {
    let driven = stalling();
    driven.play(MANY, 100);
    assert_eq!(driven.told().len(), 2);
    rest(Duration::from_nanos(TURN_IDLE_NS + TURN_IDLE_NS / 5));
    driven.play(2, 0);
    let left = driven.told();
    assert_eq!(left.len(), 2, "{left:?}");
    for turn in &left {
        assert_eq!((turn.flags, turn.cycles, turn.counted), (TURN_LEFT, 0, 0));
        assert!(turn.duration_ns < TURN_IDLE_NS, "{turn:?}");
    }
    driven.end();
}

/// What one config found is no state of the next, and what is switched off finds nothing.
#[test]
fn switched_off_and_on_in_the_middle_it_begins_anew() {
    let mut driven = stalling();
    driven.play(MANY, 100);
    assert_eq!(driven.told().len(), 2);
    driven.config.node_pmc.enabled = false;
    driven.apply(2);
    driven.play(MANY, 100);
    assert_eq!(kinds(&driven.told()), []);
    driven.config.node_pmc.enabled = true;
    driven.apply(3);
    driven.play(MANY, 0);
    assert_eq!(
        kinds(&driven.told()),
        [],
        "it was never entered under this config"
    );
    driven.play(MANY, 100);
    assert_eq!(driven.told().len(), 2);
    driven.end();
}

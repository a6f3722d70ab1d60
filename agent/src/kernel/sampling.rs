//! Counters of each CPU, and the one among them whose overflow runs a program.
//!
//! Opened before anything is loaded: whether this machine counts at all is known then. An idle CPU
//! counts no cycles, so it is never woken for a sample. A CPU that is offline at the start is not
//! looked at.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};

use libbpf_rs::{MapCore, MapFlags, Object};

use super::obstacle::Obstacle;
use super::parts::Parts;

/// The program that is run at an overflow.
pub(super) const SAMPLE: &str = "sample";

/// One thing to count, in the kernel's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    pub kind: u32,
    pub config: u64,
}

/// What is counted, of whom, and how much of the first makes a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Events {
    pub cycles: Counter,
    pub instructions: Counter,
    pub stalls: Counter,
    pub period: u64,
    /// A thread, or -1 for whatever runs.
    pub thread: libc::pid_t,
}

impl Events {
    const HARDWARE: u32 = 0;

    /// What a CPU's own unit counts: cycles, instructions, cycles stalled in the backend.
    pub const OF_HARDWARE: Self = Self {
        cycles: Self::hardware(0),
        instructions: Self::hardware(1),
        stalls: Self::hardware(8),
        // Some thirty samples a second of a CPU that does nothing else.
        period: 100_000_000,
        thread: -1,
    };

    const fn hardware(config: u64) -> Counter {
        Counter {
            kind: Self::HARDWARE,
            config,
        }
    }
}

/// `struct perf_event_attr` as far as every kernel knows it.
#[repr(C)]
#[derive(Debug, Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint: u32,
    address: u64,
}

const DISABLED: u64 = 1;
/// Counted all the time or not at all, so that numbers of different counters go together.
const PINNED: u64 = 1 << 2;
const CLOSE_ON_EXEC: libc::c_ulong = 1 << 3;

#[derive(Debug)]
struct OfCpu {
    cpu: u32,
    cycles: OwnedFd,
    instructions: Option<OwnedFd>,
    stalls: Option<OwnedFd>,
}

/// The counters, open and not yet attached to.
#[derive(Debug)]
pub struct Sampling {
    cpus: Vec<OfCpu>,
}

impl Sampling {
    /// Opens them on every CPU that is online.
    pub(super) fn open(events: &Events, cpus: u32) -> Result<Self, Obstacle> {
        let mut found = Vec::new();
        for cpu in 0..cpus {
            match open_on(cpu, events) {
                Ok(of_cpu) => found.push(of_cpu),
                Err(error) if error.raw_os_error() == Some(libc::ENODEV) => {}
                Err(error) if is_not_counted(&error) => return Err(Obstacle::NoPmu),
                Err(error) => {
                    let (step, source) = ("open the counters", error.into());
                    return Err(Obstacle::Refused { step, source });
                }
            }
        }
        match found.is_empty() {
            true => Err(Obstacle::NoPmu),
            false => Ok(Self { cpus: found }),
        }
    }

    pub(super) fn has_instructions(&self) -> bool {
        self.cpus.iter().all(|of_cpu| of_cpu.instructions.is_some())
    }

    pub(super) fn has_stalls(&self) -> bool {
        self.cpus.iter().all(|of_cpu| of_cpu.stalls.is_some())
    }

    /// Hands the counters to the loaded program and has it run at each overflow.
    pub(super) fn drive(&self, object: &Object, parts: &mut Parts) -> libbpf_rs::Result<()> {
        for of_cpu in &self.cpus {
            let cycles = Some(&of_cpu.cycles);
            put(object, "cycles", of_cpu.cpu, cycles)?;
            put(
                object,
                "instructions",
                of_cpu.cpu,
                of_cpu.instructions.as_ref(),
            )?;
            put(object, "stalls", of_cpu.cpu, of_cpu.stalls.as_ref())?;
        }
        for program in object.progs_mut() {
            if program.name() != SAMPLE {
                continue;
            }
            for of_cpu in &self.cpus {
                // The link closes what it is given.
                let own = of_cpu.cycles.try_clone()?;
                let link = program.attach_perf_event(own.into_raw_fd())?;
                parts.links.push(link);
            }
            parts.programs.push(program.as_fd().try_clone_to_owned()?);
        }
        Ok(())
    }
}

fn put(object: &Object, map: &str, cpu: u32, counter: Option<&OwnedFd>) -> libbpf_rs::Result<()> {
    let Some(counter) = counter else {
        return Ok(());
    };
    let fd = counter.as_raw_fd().to_ne_bytes();
    for found in object.maps().filter(|found| found.name() == map) {
        found.update(&cpu.to_ne_bytes(), &fd, MapFlags::ANY)?;
    }
    Ok(())
}

fn open_on(cpu: u32, events: &Events) -> io::Result<OfCpu> {
    let cycles = open(cpu, events, events.cycles, None)?;
    let member = |counter| match open(cpu, events, counter, Some(&cycles)) {
        Ok(counter) => Ok(Some(counter)),
        Err(error) if is_not_counted(&error) => Ok(None),
        Err(error) => Err(error),
    };
    Ok(OfCpu {
        cpu,
        instructions: member(events.instructions)?,
        stalls: member(events.stalls)?,
        cycles,
    })
}

/// No unit, not one of its events, or no room beside what it counts already.
fn is_not_counted(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOENT | libc::EOPNOTSUPP | libc::EINVAL | libc::ENXIO)
    )
}

/// A counter of this CPU; the first of a group is the one that is sampled.
fn open(
    cpu: u32,
    events: &Events,
    counter: Counter,
    leader: Option<&OwnedFd>,
) -> io::Result<OwnedFd> {
    let mut attributes = Attributes {
        kind: counter.kind,
        size: u32::try_from(size_of::<Attributes>()).map_err(io::Error::other)?,
        config: counter.config,
        ..Attributes::default()
    };
    if leader.is_none() {
        attributes.sample_period = events.period;
        attributes.flags = DISABLED | PINNED;
    }
    let group = leader.map_or(-1, AsRawFd::as_raw_fd);
    // SAFETY: the attributes are as long as they say and live across the call.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attributes,
            events.thread,
            cpu,
            group,
            CLOSE_ON_EXEC,
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    let fd = i32::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the descriptor is fresh and owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

const _: () = assert!(size_of::<Attributes>() == 64);

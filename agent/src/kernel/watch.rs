//! A running observer as the rest of the agent sees it: config in, records and counts out.
//!
//! Shared by the threads as it is: one of them reads the ring, one takes folds, one stores config,
//! and any may read counts.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::Ordering;

use libbpf_rs::libbpf_sys;
use tapio_common::abi::Plain;
use tapio_common::abi::shared::{CounterRow, FoldSlot};
use tapio_common::catalogue::Observer;
use tapio_wire::CompiledConfig;

use super::control::Control;
use super::fair_share::FairShare;
use super::folds::Folds;
use super::mapped::{Access, Mapped};
use super::node::OF_CPUS;
use super::obstacle::Obstacle;
use super::parts::{MapPart, Parts};
use super::ring::Ring;
use super::spec::Spec;

const ROW_WORDS: usize = size_of::<CounterRow>() / 8;

/// See the module.
#[derive(Debug)]
pub struct Watch {
    spec: &'static Spec,
    control: Control,
    counters: Mapped,
    folds: Folds,
    ring: Ring,
    programs: Vec<OwnedFd>,
    /// Maps that lose what is in them when their last descriptor is closed.
    _held: Vec<OwnedFd>,
}

impl Watch {
    pub(super) fn new(
        observer: Observer,
        spec: &'static Spec,
        mut parts: Parts,
        config_bytes: usize,
    ) -> Result<Self, Obstacle> {
        let destinations = match parts.maps.contains_key("destinations") {
            true => Some(parts.mapped("destinations", Access::ReadWrite)?),
            false => None,
        };
        let folds = parts.mapped("folds", Access::ReadWrite)?;
        let held = OF_CPUS.iter().filter_map(|map| parts.maps.remove(*map));
        let held = held.map(|part| part.fd).collect();
        Ok(Self {
            spec,
            control: Control::new(parts.mapped("control", Access::ReadWrite)?, config_bytes),
            counters: parts.mapped("counters", Access::Read)?,
            folds: Folds::new(observer, folds, destinations),
            ring: parts.ring()?,
            programs: parts.programs,
            _held: held,
        })
    }

    /// Puts a config in force and stamps what it lets pass with its generation.
    pub fn apply(&self, config: &CompiledConfig, share: FairShare, generation: u32) {
        self.control
            .store(&(self.spec.config)(config, share, generation));
    }

    pub fn ring(&self) -> &Ring {
        &self.ring
    }

    pub fn folds(&self) -> &Folds {
        &self.folds
    }

    /// The counters of all CPUs together; types stand in catalogue order.
    pub fn counts(&self) -> CounterRow {
        let mut sums = [0u64; ROW_WORDS];
        for row in self.counters.words().chunks_exact(ROW_WORDS) {
            for (sum, counter) in sums.iter_mut().zip(row) {
                *sum += counter.load(Ordering::Relaxed);
            }
        }
        let bytes = sums.map(u64::to_ne_bytes);
        CounterRow::from_bytes(bytes.as_flattened()).unwrap_or(CounterRow::zeroed())
    }

    /// Runs that the kernel skipped because a program had interrupted itself; `None` where this
    /// kernel does not count them or does not tell (any more).
    pub fn missed(&self) -> Option<u64> {
        self.programs.iter().map(missed).sum()
    }
}

fn missed(program: &OwnedFd) -> Option<u64> {
    let mut info = libbpf_sys::bpf_prog_info::default();
    let mut bytes = u32::try_from(size_of_val(&info)).ok()?;
    // SAFETY: `info` is room for `bytes` bytes, all zero, so the kernel is asked for no lists.
    let answer = unsafe {
        libbpf_sys::bpf_obj_get_info_by_fd(
            program.as_raw_fd(),
            (&raw mut info).cast(),
            &raw mut bytes,
        )
    };
    let counted = std::mem::offset_of!(libbpf_sys::bpf_prog_info, recursion_misses) + 8;
    let told = answer == 0 && usize::try_from(bytes).ok()? >= counted;
    told.then_some(info.recursion_misses)
}

impl Parts {
    /// Maps a whole mmapable array.
    pub(super) fn mapped(&mut self, map: &'static str, access: Access) -> Result<Mapped, Obstacle> {
        let part = self.take(map)?;
        let bytes = part.value_bytes.next_multiple_of(8) * part.entries;
        Mapped::new(std::os::fd::AsFd::as_fd(&part.fd), 0, bytes, access)
            .map_err(|source| Obstacle::Unmapped { what: map, source })
    }

    pub(super) fn ring(&mut self) -> Result<Ring, Obstacle> {
        let part = self.take("ring")?;
        Ring::new(part.fd, part.entries).map_err(|source| Obstacle::Unmapped {
            what: "ring",
            source,
        })
    }

    fn take(&mut self, map: &'static str) -> Result<MapPart, Obstacle> {
        self.maps.remove(map).ok_or_else(|| Obstacle::Unmapped {
            what: map,
            source: std::io::ErrorKind::NotFound.into(),
        })
    }
}

const _: () = assert!(size_of::<FoldSlot>() % 8 == 0 && size_of::<CounterRow>() % 8 == 0);

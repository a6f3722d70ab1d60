//! The kernel side of the agent: the only place that touches libbpf.
//!
//! Everything is loaded and attached before any thread starts. What is handed out afterwards
//! (rings, counters, folds, config) is mapped memory that needs no capability, so privileges can
//! go once [`load`] has returned. Nothing here knows what an event means.

mod btf;
mod container;
mod control;
mod elf;
mod fair_share;
mod folds;
mod mapped;
mod memlock;
mod names;
mod network;
mod node;
mod object;
mod observer;
mod obstacle;
mod parts;
mod ring;
mod sampling;
mod spec;
mod storage;
mod watch;

use std::path::Path;

use libbpf_rs::Link;
use tapio_common::catalogue::Observer;

pub use fair_share::FairShare;
pub use folds::{Fold, Folds};
pub use memlock::Memlock;
pub use names::{NameEvent, Names};
pub use observer::{Hook, LoadedObserver, Status};
pub use obstacle::{Obstacle, Surroundings};
pub use ring::Ring;
pub use sampling::{Counter, Events};
pub use watch::Watch;

/// What is in the kernel from now on.
#[derive(Debug)]
pub struct Loaded {
    pub names: Result<Names, Obstacle>,
    /// In the order they were asked for.
    pub observers: Vec<LoadedObserver>,
    pub attachments: Attachments,
}

/// What holds the programs in place. Dropped on its own, so that rings and counters can still be
/// read to the end while nothing is added to them.
#[derive(Debug)]
#[must_use = "programs are detached when this is dropped"]
pub struct Attachments {
    links: Vec<Link>,
}

impl Attachments {
    /// Takes the programs out, and returns when none of them runs any more.
    pub fn detach(self) {
        drop(self.links);
        control::wait_for_programs();
    }
}

/// Loads and attaches; what cannot be is in the observer's status. `folder` holds objects to be
/// used instead of those in this binary.
pub fn load(observers: &[Observer], folder: Option<&Path>) -> Loaded {
    let types = btf::KernelTypes::of_this_kernel();
    if let Err(error) = memlock::raise() {
        log::debug!("the limit of locked memory stays: {error}");
    }
    let surroundings = Surroundings::here(types.as_ref().ok());
    let mut links = Vec::new();
    let names = match &types {
        Ok(types) => Names::load(folder, types, &surroundings, &mut links),
        Err(_) => Err(Obstacle::NoBtf),
    };
    let observers = observers
        .iter()
        .map(|observer| match &types {
            Ok(types) => observer::load(*observer, folder, types, &surroundings, &mut links),
            Err(_) => LoadedObserver::failed(*observer, Obstacle::NoBtf),
        })
        .collect();
    Loaded {
        names,
        observers,
        attachments: Attachments { links },
    }
}

/// The node observer alone, driven by other events than the hardware's: how it runs where there is
/// no PMU.
pub fn load_node(events: &Events) -> libbpf_rs::Result<(LoadedObserver, Attachments)> {
    let types = btf::KernelTypes::of_this_kernel()?;
    let surroundings = Surroundings::here(Some(&types));
    let mut links = Vec::new();
    let driven = Some(events);
    let loaded = observer::load_driven(
        Observer::Node,
        driven,
        None,
        &types,
        &surroundings,
        &mut links,
    );
    Ok((loaded, Attachments { links }))
}

/// What this process and this kernel allow; nothing is loaded for the answer.
pub fn surroundings() -> Surroundings {
    Surroundings::here(btf::KernelTypes::of_this_kernel().ok().as_ref())
}

/// What this kernel offers an observer, hook by hook; nothing is loaded for the answer.
pub fn offered(observer: Observer) -> Vec<Hook> {
    match btf::KernelTypes::of_this_kernel() {
        Ok(types) => observer::offered(observer, &types),
        Err(_) => Vec::new(),
    }
}

/// The objects in this binary and their sizes in bytes.
pub fn object_sizes() -> impl Iterator<Item = (&'static str, u64)> {
    let bytes = |object: &[u8]| u64::try_from(object.len()).unwrap_or(u64::MAX);
    tapio_bpf::ALL
        .iter()
        .map(move |(name, object)| (*name, bytes(object())))
}

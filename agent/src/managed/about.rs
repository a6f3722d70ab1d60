//! What hello says of the agent: its build, its kernel, its kernel programs.

use std::fs;

use tapio_wire::Hello;
use tapio_wire::values::{Names, Pairs, WireVersion};

use super::link::Link;
use crate::kernel::{self, LoadedObserver};

const KERNEL_RELEASE_PATH: &str = "/proc/sys/kernel/osrelease";

/// Put together once, at the start.
#[derive(Debug, Clone)]
pub struct About {
    boot_id: String,
    kernel_release: String,
    /// The observers that run.
    capabilities: Vec<&'static str>,
    map_counts: Vec<(&'static str, u64)>,
}

impl About {
    pub fn of(boot_id: &str, observers: &[LoadedObserver]) -> Self {
        let release = fs::read_to_string(KERNEL_RELEASE_PATH).unwrap_or_default();
        let running = observers.iter().filter(|loaded| loaded.watch.is_some());
        let count = |loaded: &LoadedObserver| u64::try_from(loaded.maps).unwrap_or(u64::MAX);
        Self {
            boot_id: boot_id.to_owned(),
            kernel_release: match release.trim() {
                "" => "unknown".to_owned(),
                release => release.to_owned(),
            },
            capabilities: running
                .clone()
                .map(|loaded| loaded.observer.name())
                .collect(),
            map_counts: running
                .map(|loaded| (loaded.observer.name(), count(loaded)))
                .collect(),
        }
    }

    pub fn hello<'a>(&'a self, link: &'a Link) -> Hello<'a> {
        let capabilities = self.capabilities.iter().map(|name| (*name).into());
        let sizes = kernel::object_sizes().map(|(name, bytes)| (name.into(), bytes));
        let counts = self
            .map_counts
            .iter()
            .map(|(name, maps)| ((*name).into(), *maps));
        Hello {
            wire_version: WireVersion,
            agent_id: link.agent_id.as_str().into(),
            node_name: link.node_name.as_str().into(),
            tapio_version: env!("CARGO_PKG_VERSION").into(),
            kernel_release: self.kernel_release.as_str().into(),
            arch: std::env::consts::ARCH.into(),
            capabilities: Names(capabilities.collect()),
            object_sizes: Pairs(sizes.collect()),
            map_counts: Pairs(counts.collect()),
            boot_id: Some(self.boot_id.as_str().into()),
            next_sequence: link.next_sequence(),
        }
    }
}

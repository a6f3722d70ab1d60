//! The config in force: what fits, how it is put into the kernel, and what coverage says of it.
//!
//! Zero config is inert, so an agent without any looks at nothing. What cannot be applied is kept
//! out whole while the old config runs on: an agent that does half of what it was told would
//! report a hash that is not true.

use std::fmt;

use tapio_common::coverage::Looking;
use tapio_wire::names::ContainerExits;
use tapio_wire::{CompiledConfig, ConfigResponse};

use crate::batch::Item;
use crate::clock;
use crate::config::NamedConfig;
use crate::kernel::FairShare;
use crate::live::Live;
use crate::looking::looking;
use crate::queue::Sender;

/// Why a config cannot be applied by this agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// Zero is the generation of no config at all.
    Generation,
    /// A scope that a newer controller knows.
    Exits,
    /// Warnings would begin above what is critical.
    StorageThresholds,
    StallThresholds,
}

impl fmt::Display for Unfit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Generation => "version: is that of no config",
            Self::Exits => "container.exits: this agent does not know this scope",
            Self::StorageThresholds => "storage: slow_io_critical_ns is below slow_io_warning_ns",
            Self::StallThresholds => {
                "node_pmc: stall_critical_permille is below stall_warning_permille"
            }
        })
    }
}

/// The config of a response, if this agent can do all of what it says.
pub fn fit(response: ConfigResponse<'_>) -> Result<NamedConfig, Unfit> {
    if response.version.0 == 0 {
        return Err(Unfit::Generation);
    }
    check(&response.config)?;
    Ok(NamedConfig {
        generation: response.version.0,
        hash: response.config_hash.into_owned(),
        config: response.config,
    })
}

fn check(config: &CompiledConfig) -> Result<(), Unfit> {
    if matches!(config.container.exits, ContainerExits::Other(_)) {
        return Err(Unfit::Exits);
    }
    if config.storage.slow_io_critical_ns < config.storage.slow_io_warning_ns {
        return Err(Unfit::StorageThresholds);
    }
    if config.node_pmc.stall_critical_permille < config.node_pmc.stall_warning_permille {
        return Err(Unfit::StallThresholds);
    }
    Ok(())
}

/// What runs, and how it is changed.
pub struct InForce<'a> {
    pub live: Live<'a>,
    pub share: FairShare,
    pub boot_id: &'a str,
    /// To the batch thread, which keeps the coverage.
    pub items: Sender<Item>,
    pub named: Option<NamedConfig>,
    /// The event types that are looked for.
    types: Vec<String>,
}

impl<'a> InForce<'a> {
    /// `named` is in force already.
    pub fn new(
        live: Live<'a>,
        share: FairShare,
        boot_id: &'a str,
        items: Sender<Item>,
        named: Option<NamedConfig>,
    ) -> Self {
        let mut in_force = Self {
            live,
            share,
            boot_id,
            items,
            named,
            types: Vec::new(),
        };
        in_force.types = in_force.looking().types;
        in_force
    }

    fn looking(&self) -> Looking {
        let from = clock::now().wall;
        looking(from, self.boot_id, self.named.as_ref(), self.live.observers)
    }

    /// Puts a config in force. Each observer changes in one step, and one after another: what is
    /// no longer looked for is said to be so from before, what is new only from after.
    pub fn apply(&mut self, named: NamedConfig) {
        let before = clock::now().wall;
        self.live.apply(&named, self.share);
        self.named = Some(named);
        let looking = self.looking();
        let is_old = |name: &String| self.types.contains(name);
        if !self.types.iter().all(|name| looking.types.contains(name)) {
            let mut narrowed = looking.clone();
            narrowed.from = before;
            let (old, new): (Vec<_>, Vec<_>) = narrowed.types.drain(..).partition(is_old);
            narrowed.types = old;
            for name in new {
                narrowed
                    .types_missing
                    .insert(name, "not switched on yet".to_owned());
            }
            self.say(narrowed);
        }
        self.types.clone_from(&looking.types);
        self.say(looking);
    }

    fn say(&self, looking: Looking) {
        // The batch thread ends after this one, unless the agent leaves: then it says so itself.
        let _ = self.items.send(Item::Looking(Box::new(looking)));
    }

    pub fn hash(&self) -> Option<&str> {
        self.named.as_ref().map(|named| named.hash.as_str())
    }
}

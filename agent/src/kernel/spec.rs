//! What an observer is made of in the kernel; each observer fills in one.

use tapio_common::catalogue::Anomaly;
use tapio_wire::CompiledConfig;

use super::btf::KernelTypes;
use super::fair_share::FairShare;
use super::sampling::Events;

/// A tracepoint and what cannot be told without it.
#[derive(Debug)]
pub(super) struct HookSpec {
    pub name: &'static str,
    pub serves: &'static [Anomaly],
}

/// One row per observer.
#[derive(Debug)]
pub(super) struct Spec {
    pub object: fn() -> &'static [u8],
    pub hooks: &'static [HookSpec],
    /// Programs that the agent itself runs once, and that are not attached.
    pub run_once: &'static [&'static str],
    /// What is counted to run its program, where the hooks are counters and not tracepoints.
    pub counted: Option<&'static Events>,
    /// The object's constants, decided from this kernel's types.
    pub shape: fn(&KernelTypes) -> Vec<u8>,
    /// Maps that need not be as large here as the object says.
    pub sizes: fn(&KernelTypes) -> Vec<(&'static str, u32)>,
    /// The config block's slot; zero config when this observer is switched off.
    pub config: fn(&CompiledConfig, FairShare, u32) -> Vec<u8>,
}

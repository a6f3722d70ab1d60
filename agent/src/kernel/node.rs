//! The node observer in the kernel: what it counts, and its config.

use tapio_common::abi::Plain;
use tapio_common::abi::node::NodeConfig;
use tapio_common::catalogue::Anomaly;
use tapio_wire::CompiledConfig;

use super::fair_share::FairShare;
use super::obstacle::Obstacle;
use super::sampling::{Events, Sampling};
use super::spec::{HookSpec, Spec};

pub(super) static SPEC: Spec = Spec {
    object: tapio_bpf::node,
    // Counters, not tracepoints.
    hooks: &[
        HookSpec {
            name: "cycles",
            serves: &[
                Anomaly::CpuStall,
                Anomaly::MemoryPressure,
                Anomaly::IpcDegradation,
            ],
        },
        HookSpec {
            name: "instructions",
            serves: &[Anomaly::IpcDegradation],
        },
        HookSpec {
            name: "stalled_cycles",
            serves: &[Anomaly::CpuStall, Anomaly::MemoryPressure],
        },
    ],
    run_once: &[],
    counted: Some(&Events::OF_HARDWARE),
    shape: |_| Vec::new(),
    sizes: |_| Vec::new(),
    config,
};

/// Maps with an entry for every CPU.
pub(super) const OF_CPUS: [&str; 3] = ["cycles", "instructions", "stalls"];

/// What came of each hook, in their order.
pub(super) fn attached(sampling: Result<&Sampling, &Obstacle>) -> [Result<(), Obstacle>; 3] {
    let counted = |is_counted: bool| match is_counted {
        true => Ok(()),
        false => Err(Obstacle::NotCounted),
    };
    match sampling {
        Ok(sampling) => [
            Ok(()),
            counted(sampling.has_instructions()),
            counted(sampling.has_stalls()),
        ],
        Err(_) => [(); 3].map(|()| Err(Obstacle::NoPmu)),
    }
}

fn config(config: &CompiledConfig, share: FairShare, generation: u32) -> Vec<u8> {
    let wanted = &config.node_pmc;
    let mut compiled = NodeConfig::zeroed();
    if wanted.enabled {
        compiled.generation = generation;
        compiled.enabled = 1;
        compiled.stall_warning_permille = wanted.stall_warning_permille;
        compiled.stall_critical_permille = wanted.stall_critical_permille;
        compiled.ipc_limit_milli = wanted.ipc_degradation_milli;
        compiled.fair_share = share.compiled();
    }
    compiled.as_bytes().to_vec()
}

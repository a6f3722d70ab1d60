//! The storage observer in the kernel: its hooks, what differs between kernels, its config.

use tapio_common::abi::Plain;
use tapio_common::abi::storage::{StorageConfig, StorageShape};
use tapio_common::catalogue::Anomaly;
use tapio_wire::CompiledConfig;

use super::btf::KernelTypes;
use super::fair_share::FairShare;
use super::spec::{HookSpec, Spec};

pub(super) static SPEC: Spec = Spec {
    object: tapio_bpf::storage,
    hooks: &[
        HookSpec {
            name: "block_rq_complete",
            serves: &[Anomaly::IoError, Anomaly::LatencySpike],
        },
        HookSpec {
            name: "block_rq_issue",
            serves: &[Anomaly::LatencySpike],
        },
        // Knows the owner of what waits before it is issued; without it nothing goes unseen.
        HookSpec {
            name: "block_rq_insert",
            serves: &[],
        },
    ],
    run_once: &[],
    counted: None,
    shape,
    sizes: |_| Vec::new(),
    config,
};

fn shape(types: &KernelTypes) -> Vec<u8> {
    // Before 5.11 the queue came first; stable kernels took the change back to 5.10.
    let is_first = types.hook_passes("block_rq_issue", 0, "request");
    let shape = StorageShape {
        request_at: (!is_first).into(),
        complete_has_status: types
            .hook_takes("block_rq_complete", 1, "blk_status_t")
            .into(),
    };
    shape.as_bytes().to_vec()
}

fn config(config: &CompiledConfig, share: FairShare, generation: u32) -> Vec<u8> {
    let wanted = &config.storage;
    let mut compiled = StorageConfig::zeroed();
    if wanted.enabled {
        compiled.generation = generation;
        compiled.enabled = 1;
        compiled.warning_ns = wanted.slow_io_warning_ns;
        compiled.critical_ns = wanted.slow_io_critical_ns;
        compiled.fair_share = share.compiled();
    }
    compiled.as_bytes().to_vec()
}

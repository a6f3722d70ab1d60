//! The container observer in the kernel: its hooks, what differs between kernels, its config.

use tapio_common::abi::Plain;
use tapio_common::abi::container::{ContainerConfig, ContainerShape, EXITS_ALL, EXITS_WORKLOADS};
use tapio_common::catalogue::Anomaly;
use tapio_wire::CompiledConfig;
use tapio_wire::names::ContainerExits;

use super::btf::KernelTypes;
use super::fair_share::FairShare;
use super::mapped::page_bytes;
use super::spec::{HookSpec, Spec};

pub(super) static SPEC: Spec = Spec {
    object: tapio_bpf::container,
    hooks: &[
        // Before the others, so that no death is seen whose signal could have been.
        HookSpec {
            name: "signal_generate",
            serves: &[Anomaly::OomKill],
        },
        HookSpec {
            name: "sched_process_exit",
            serves: &[Anomaly::AbnormalExit],
        },
        HookSpec {
            name: "mark_victim",
            serves: &[Anomaly::OomKill],
        },
    ],
    run_once: &[],
    counted: None,
    shape,
    sizes,
    config,
};

/// `sched_process_exit` got its second argument, `bool group_dead`, in 6.18 or a backport.
fn says_group_dead(types: &KernelTypes) -> bool {
    types.hook_arguments("sched_process_exit") >= Some(2)
}

fn shape(types: &KernelTypes) -> Vec<u8> {
    let shape = ContainerShape {
        exit_has_group_dead: says_group_dead(types).into(),
        victim_is_task: types.hook_passes("mark_victim", 0, "task_struct").into(),
        page_bytes: u64::try_from(page_bytes()).unwrap_or(4096),
    };
    shape.as_bytes().to_vec()
}

fn sizes(types: &KernelTypes) -> Vec<(&'static str, u32)> {
    if says_group_dead(types) {
        vec![("deaths", 1)]
    } else {
        Vec::new()
    }
}

fn config(config: &CompiledConfig, share: FairShare, generation: u32) -> Vec<u8> {
    let wanted = &config.container;
    let mut compiled = ContainerConfig::zeroed();
    if wanted.enabled {
        compiled.generation = generation;
        compiled.enabled = 1;
        compiled.exits = match &wanted.exits {
            ContainerExits::All => EXITS_ALL,
            // A scope of a newer controller is not known here: the narrower one claims less.
            ContainerExits::Workloads | ContainerExits::Other(_) => EXITS_WORKLOADS,
        };
        for (slot, code) in compiled
            .ignored_codes
            .iter_mut()
            .zip(wanted.ignore_exit_codes.0.iter())
        {
            *slot = *code;
            compiled.ignored_codes_len += 1;
        }
        compiled.fair_share = share.compiled();
    }
    compiled.as_bytes().to_vec()
}

//! Every decision that is made before a load, against the types of five kernels, without any of them.
//!
//! `scripts/vm.d/small-btf` took the types out of the kernels that the guests run and out of 6.18.

use std::path::Path;

use tapio_common::abi::Plain;
use tapio_common::abi::container::ContainerShape;
use tapio_common::abi::network::NetworkShape;
use tapio_common::abi::storage::StorageShape;
use tapio_common::catalogue::Observer;

use super::KernelTypes;
use crate::kernel::observer::{offered, spec_of};

/// What is decided; each a fact of the kernel's that somebody has looked up in its source.
#[derive(Debug, PartialEq, Eq)]
struct Decided {
    group_dead: bool,
    victim_is_task: bool,
    retransmit_error: bool,
    request_at: u32,
    status: bool,
    maps_are_locked_memory: bool,
}

fn types_of(kernel: &str) -> KernelTypes {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/btf");
    let file = folder.join(format!("{kernel}.btf"));
    let btf = libbpf_rs::Btf::from_path(&file);
    KernelTypes {
        btf: btf.unwrap_or_else(|error| panic!("{}: {error}", file.display())),
    }
}

fn shape<T: Plain>(observer: Observer, types: &KernelTypes) -> T {
    let spec = spec_of(observer);
    T::from_bytes(&(spec.shape)(types)).expect("its shape")
}

fn decided(types: &KernelTypes) -> Decided {
    let container: ContainerShape = shape(Observer::Container, types);
    let network: NetworkShape = shape(Observer::Network, types);
    let storage: StorageShape = shape(Observer::Storage, types);
    Decided {
        group_dead: container.exit_has_group_dead == 1,
        victim_is_task: container.victim_is_task == 1,
        retransmit_error: network.retransmit_has_error == 1,
        request_at: storage.request_at,
        status: storage.complete_has_status == 1,
        maps_are_locked_memory: types.has_struct("bpf_map_memory"),
    }
}

#[test]
fn each_kernel_is_taken_as_it_is() {
    for (kernel, since_6_1, since_6_18) in [
        ("5.10", false, false),
        ("6.1", true, false),
        ("6.12", true, false),
        ("6.18", true, true),
        ("newest", true, true),
    ] {
        let wanted = Decided {
            group_dead: since_6_18,
            victim_is_task: since_6_1,
            retransmit_error: since_6_18,
            // 5.11 dropped the queue before it, and 5.10 took that back.
            request_at: 0,
            status: since_6_1,
            maps_are_locked_memory: !since_6_1,
        };
        assert_eq!(decided(&types_of(kernel)), wanted, "{kernel}");
    }
}

#[test]
fn all_five_offer_every_hook() {
    for kernel in ["5.10", "6.1", "6.12", "6.18", "newest"] {
        let types = types_of(kernel);
        for observer in [Observer::Container, Observer::Network, Observer::Storage] {
            for hook in offered(observer, &types) {
                assert!(hook.attached.is_ok(), "{kernel} has no {}", hook.name);
            }
        }
    }
}

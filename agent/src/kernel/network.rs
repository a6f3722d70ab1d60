//! The network observer in the kernel: its hooks, what differs between kernels, its config.

use tapio_common::abi::Plain;
use tapio_common::abi::network::{NetworkConfig, NetworkShape};
use tapio_common::catalogue::Anomaly;
use tapio_wire::CompiledConfig;

use super::btf::KernelTypes;
use super::fair_share::FairShare;
use super::spec::{HookSpec, Spec};

pub(super) static SPEC: Spec = Spec {
    object: tapio_bpf::network,
    hooks: &[
        HookSpec {
            name: "inet_sock_set_state",
            serves: &[
                Anomaly::ConnectionRefused,
                Anomaly::ConnectionTimeout,
                Anomaly::ConnectionUnreachable,
                Anomaly::ConnectionReset,
                Anomaly::ConnectionLost,
                Anomaly::RetransmitSpike,
                Anomaly::RttDegradation,
            ],
        },
        HookSpec {
            name: "tcp_retransmit_skb",
            serves: &[Anomaly::RetransmitSpike, Anomaly::RttDegradation],
        },
        HookSpec {
            name: "tcp_rcv_space_adjust",
            serves: &[Anomaly::RttDegradation],
        },
    ],
    run_once: &["know_agent"],
    counted: None,
    shape,
    sizes: |_| Vec::new(),
    config,
};

/// `tcp_retransmit_skb` got its third argument, `int err`, in 6.18 or a backport.
fn shape(types: &KernelTypes) -> Vec<u8> {
    let says_error = types.hook_arguments("tcp_retransmit_skb") >= Some(3);
    let shape = NetworkShape {
        retransmit_has_error: says_error.into(),
    };
    shape.as_bytes().to_vec()
}

fn config(config: &CompiledConfig, share: FairShare, generation: u32) -> Vec<u8> {
    let wanted = &config.network;
    let mut compiled = NetworkConfig::zeroed();
    if wanted.enabled {
        compiled.generation = generation;
        compiled.enabled = 1;
        compiled.rtt_ratio = wanted.rtt_spike_ratio;
        compiled.rtt_limit_us = wanted.rtt_spike_abs_us;
        compiled.rtt_samples_min = wanted.rtt_min_baseline_samples;
        compiled.retransmit_count = wanted.retransmit_count;
        compiled.retransmit_window_ns = wanted.retransmit_window_ns;
        compiled.refused_window_ns = wanted.conn_refused_window_ns;
        compiled.refused_count_min = wanted.conn_refused_min_count;
        compiled.fair_share = share.compiled();
    }
    compiled.as_bytes().to_vec()
}

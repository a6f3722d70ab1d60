//! What must hold of any profile: it is refused in one clear line, or compiles into range.

use std::ops::RangeInclusive;

use tapio_profile::EvidenceProfile;
use tapio_wire::CompiledConfig;

pub fn profile(document: &[u8]) {
    let Ok(text) = std::str::from_utf8(document) else {
        return;
    };
    match serde_yaml::from_str::<EvidenceProfile>(text) {
        Ok(profile) => {
            let config = profile.compile();
            assert_in_range(&config);
            let bytes = serde_json::to_vec(&config).expect("a config serialises");
            assert_eq!(CompiledConfig::parse(&bytes), Ok(config));
        }
        Err(error) => {
            // Where YAML itself is broken the words are the parser's; the schema's are ours.
            let ours = error.location().is_none();
            let line = error.to_string();
            assert!(!line.is_empty());
            assert!(!ours || !line.contains(char::is_control), "{line:?}");
        }
    }
}

fn assert_in_range(config: &CompiledConfig) {
    const NS: u64 = 1_000_000;
    fn within<T: PartialOrd + std::fmt::Debug>(what: &str, value: T, range: RangeInclusive<T>) {
        assert!(
            range.contains(&value),
            "{what}: {value:?} is not in {range:?}"
        );
    }
    let network = &config.network;
    within("ratio", network.rtt_spike_ratio, 1..=100);
    within("abs_us", network.rtt_spike_abs_us, 1_000..=600_000_000);
    within("samples", network.rtt_min_baseline_samples, 5..=5);
    within("refused", network.conn_refused_window_ns, 0..=600_000 * NS);
    within("refused", network.conn_refused_min_count, 0..=100_000);
    within("retransmit", network.retransmit_count, 1..=10_000);
    within(
        "retransmit",
        network.retransmit_window_ns,
        100 * NS..=600_000 * NS,
    );
    let storage = &config.storage;
    within("warning", storage.slow_io_warning_ns, NS..=60_000 * NS);
    within(
        "critical",
        storage.slow_io_critical_ns,
        storage.slow_io_warning_ns..=600_000 * NS,
    );
    let codes = &config.container.ignore_exit_codes.0;
    within("codes", codes.len(), 0..=16);
    for (at, code) in codes.iter().enumerate() {
        within("code", *code, 0..=255);
        assert!(!codes[..at].contains(code), "{codes:?}");
    }
    assert!(["workloads", "all"].contains(&config.container.exits.as_str()));
    let node = &config.node_pmc;
    within("stall", node.stall_warning_permille, 0..=1_000);
    within(
        "stall",
        node.stall_critical_permille,
        node.stall_warning_permille..=1_000,
    );
    within("ipc", node.ipc_degradation_milli, 0..=16_000);
}

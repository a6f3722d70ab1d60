//! From a profile to the config agents apply: units, and the base underneath.
//!
//! The units of people (milliseconds, percent) become those of the kernel programs (nanoseconds,
//! microseconds, permille, thousandths). Whole numbers convert exactly. A fraction is rounded to
//! the nearest unit, halves upwards, except that nothing above zero becomes zero: a threshold may
//! be made a little coarser, but never switched to the one value that means something else.

use tapio_wire::CompiledConfig;

use crate::schema::{Container, EvidenceProfile, Network, NodePmc, Storage};
use crate::units::{MICROS_PER_MS, MILLI_PER_ONE, NANOS_PER_MS, PERMILLE_PER_PCT};

const _: () = assert!(
    600_000 <= u32::MAX / MICROS_PER_MS,
    "abs_ms fits in u32 microseconds"
);

impl EvidenceProfile {
    /// What agents are to run with. Every value is in its range by type, so this cannot fail.
    pub fn compile(&self) -> CompiledConfig {
        let mut config = CompiledConfig::default();
        self.overrides.network.apply(&mut config);
        self.overrides.storage.apply(&mut config);
        self.overrides.container.apply(&mut config);
        self.overrides.node_pmc.apply(&mut config);
        config
    }
}

/// Overrides `slot` where the profile says something.
fn set<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}

fn nanos(ms: u32) -> u64 {
    u64::from(ms) * NANOS_PER_MS
}

/// The unit nearest to `value`, which is finite, not negative and at most 16,000.
fn nearest(value: f64) -> u32 {
    let floor = if value > 0.0 { 1 } else { 0 };
    // Saturating by definition, and the range is that of the schema.
    (value.round() as u32).max(floor)
}

impl Network {
    fn apply(&self, config: &mut CompiledConfig) {
        let network = &mut config.network;
        set(&mut network.enabled, self.enabled);
        set(
            &mut network.rtt_spike_ratio,
            self.rtt_spike.ratio.map(|ratio| ratio.get()),
        );
        set(
            &mut network.rtt_spike_abs_us,
            self.rtt_spike.abs_ms.map(|ms| ms.get() * MICROS_PER_MS),
        );
        set(
            &mut network.conn_refused_window_ns,
            self.conn_refused.window_ms.map(|ms| nanos(ms.get())),
        );
        set(
            &mut network.conn_refused_min_count,
            self.conn_refused.min_count.map(|count| count.get()),
        );
        set(
            &mut network.retransmit_count,
            self.retransmit.count.map(|count| count.get()),
        );
        set(
            &mut network.retransmit_window_ns,
            self.retransmit.window_ms.map(|ms| nanos(ms.get())),
        );
    }
}

impl Storage {
    fn apply(&self, config: &mut CompiledConfig) {
        let storage = &mut config.storage;
        set(&mut storage.enabled, self.enabled);
        set(
            &mut storage.slow_io_warning_ns,
            self.slow_io.warning_ms.map(|ms| nanos(ms.get())),
        );
        set(
            &mut storage.slow_io_critical_ns,
            self.slow_io.critical_ms.map(|ms| nanos(ms.get())),
        );
    }
}

impl Container {
    fn apply(&self, config: &mut CompiledConfig) {
        let container = &mut config.container;
        set(&mut container.enabled, self.enabled);
        set(
            &mut container.ignore_exit_codes,
            self.ignore_exit_codes.clone(),
        );
        set(&mut container.exits, self.exits.clone());
    }
}

impl NodePmc {
    fn apply(&self, config: &mut CompiledConfig) {
        let permille = |pct: f64| nearest(pct * PERMILLE_PER_PCT);
        let node = &mut config.node_pmc;
        set(&mut node.enabled, self.enabled);
        set(
            &mut node.stall_warning_permille,
            self.stall_pct.warning.map(|pct| permille(pct.get())),
        );
        set(
            &mut node.stall_critical_permille,
            self.stall_pct.critical.map(|pct| permille(pct.get())),
        );
        set(
            &mut node.ipc_degradation_milli,
            self.ipc_degradation
                .map(|ipc| nearest(ipc.get() * MILLI_PER_ONE)),
        );
    }
}

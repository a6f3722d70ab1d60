//! `GET /v1/agents/config`: the compiled config and how it is identified.
//!
//! The order of the fields here is the order of the canonical bytes, which are what
//! `serde_json::to_vec` makes of a [`CompiledConfig`]; their SHA-256 is the config hash. A field
//! that came later is last in its block and left out at its default, so that the hash of an old
//! config stays what it was.

use serde::Serialize;

use crate::json::{Fault, Reader};
use crate::limits::{BATCH_EVENTS_MAX, IGNORE_EXIT_CODES_MAX, SEND_INTERVAL_MS};
use crate::names::ContainerExits;
use crate::payload::{Read, payload};
use crate::values::{Generation, Text, WireVersion};

/// The default of [`NetworkConfig::retransmit_count`].
pub const RETRANSMIT_COUNT: u32 = 5;
/// The default of [`NetworkConfig::retransmit_window_ns`].
pub const RETRANSMIT_WINDOW_NS: u64 = 10_000_000_000;

payload! {
    pub struct ConfigResponse<'a> Body {
        wire_version: WireVersion, required;
        version: Generation, required;
        config_hash: Text<'a>, required;
        config: CompiledConfig, required;
        batching: Batching, required;
    }
}

payload! {
    /// How an agent is to send its batches.
    #[derive(Copy, Eq)]
    pub struct Batching Part {
        send_interval_ms: u64, required;
        max_batch_events: u64, required;
    }
}

payload! {
    /// What the agent applies to its maps; `Default` is what production-default compiles to.
    #[derive(Default, Eq)]
    pub struct CompiledConfig Unversioned {
        network: NetworkConfig, required;
        storage: StorageConfig, required;
        container: ContainerConfig, required;
        node_pmc: NodePmcConfig, required;
    }
}

payload! {
    #[derive(Copy, Eq)]
    pub struct NetworkConfig Part {
        enabled: bool, required;
        rtt_spike_ratio: u32, required;
        rtt_spike_abs_us: u32, required;
        rtt_min_baseline_samples: u32, required;
        /// Zero, or a count of zero: refusals are not folded.
        conn_refused_window_ns: u64, required;
        conn_refused_min_count: u32, required;
        #[serde(skip_serializing_if = "is_retransmit_count")]
        retransmit_count: u32, optional or RETRANSMIT_COUNT;
        #[serde(skip_serializing_if = "is_retransmit_window")]
        retransmit_window_ns: u64, optional or RETRANSMIT_WINDOW_NS;
    }
}

payload! {
    #[derive(Copy, Eq)]
    pub struct StorageConfig Part {
        enabled: bool, required;
        slow_io_warning_ns: u64, required;
        slow_io_critical_ns: u64, required;
    }
}

payload! {
    #[derive(Eq)]
    pub struct ContainerConfig Part {
        enabled: bool, required;
        ignore_exit_codes: ExitCodes, required;
        #[serde(skip_serializing_if = "ContainerExits::is_default")]
        exits: ContainerExits, optional;
    }
}

payload! {
    #[derive(Copy, Eq)]
    pub struct NodePmcConfig Part {
        enabled: bool, required;
        stall_warning_permille: u32, required;
        stall_critical_permille: u32, required;
        ipc_degradation_milli: u32, required;
    }
}

fn is_retransmit_count(value: &u32) -> bool {
    *value == RETRANSMIT_COUNT
}

fn is_retransmit_window(value: &u64) -> bool {
    *value == RETRANSMIT_WINDOW_NS
}

/// Codes of `ignore_exit_codes`, at most [`IGNORE_EXIT_CODES_MAX`] of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ExitCodes(pub Vec<i32>);

impl<'a> Read<'a> for ExitCodes {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let mut codes = Vec::new();
        reader.array(|reader, _| {
            if codes.len() == IGNORE_EXIT_CODES_MAX {
                return Err(Fault::invalid(format!(
                    "is one more than the {IGNORE_EXIT_CODES_MAX} codes there may be"
                )));
            }
            codes.push(reader.i32()?);
            Ok(())
        })?;
        Ok(Self(codes))
    }
}

impl Default for Batching {
    fn default() -> Self {
        Self {
            send_interval_ms: SEND_INTERVAL_MS,
            max_batch_events: BATCH_EVENTS_MAX,
        }
    }
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            rtt_spike_ratio: 2,
            rtt_spike_abs_us: 500_000,
            rtt_min_baseline_samples: 5,
            conn_refused_window_ns: 0,
            conn_refused_min_count: 0,
            retransmit_count: RETRANSMIT_COUNT,
            retransmit_window_ns: RETRANSMIT_WINDOW_NS,
        }
    }
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            slow_io_warning_ns: 50_000_000,
            slow_io_critical_ns: 200_000_000,
        }
    }
}

impl Default for ContainerConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            ignore_exit_codes: ExitCodes::default(),
            exits: ContainerExits::Workloads,
        }
    }
}

impl Default for NodePmcConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            stall_warning_permille: 200,
            stall_critical_permille: 400,
            ipc_degradation_milli: 1_000,
        }
    }
}

#[cfg(test)]
mod tests;

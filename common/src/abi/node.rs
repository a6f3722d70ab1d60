//! The node observer's records and config.
//!
//! A record is one turn of one CPU: into a state that a threshold defines, or out of it again. What
//! it says was counted by the CPU's own counters while it was busy.

use super::shared::{FairShare, RecordHeader};
use super::{abi, constants};

constants! { CONSTANTS:
    /// A [`CpuTurn`]: so much of its time a CPU did nothing that it counts as stalled.
    RECORD_CPU_STALL: u16 = 30;
    /// A [`CpuTurn`]: it waited for memory more than it should.
    RECORD_MEMORY_PRESSURE: u16 = 31;
    /// A [`CpuTurn`]: it got too little done in a cycle.
    RECORD_IPC_DEGRADATION: u16 = 32;

    /// Rows of the types in the counters, in catalogue order.
    TYPE_CPU_STALL: u32 = 0;
    TYPE_MEMORY_PRESSURE: u32 = 1;
    TYPE_IPC_DEGRADATION: u32 = 2;

    /// The CPU left the state; else it entered it.
    TURN_LEFT: u32 = 1;

    /// So many samples in a row have to agree before a CPU has turned.
    TURN_SAMPLES: u32 = 3;
    /// A state is left at its threshold and a tenth beyond.
    TURN_MARGIN: u32 = 10;
    /// A CPU that was not sampled for so long was idle, and an idle CPU is in no state.
    TURN_IDLE_NS: u64 = 1_000_000_000;
}

abi! {
    /// A CPU entered a state or left it. The counts are those of the samples that decided it.
    CpuTurn = "tapio_cpu_turn" {
        header: RecordHeader,
        cpu: u32,
        flags: u32,
        cycles: u64,
        /// Stalled cycles, or instructions where the type is about those.
        counted: u64,
        /// How long the state lasted, if it was left.
        duration_ns: u64,
        /// Of the threshold: permille of the cycles, or instructions per thousand cycles.
        limit: u32,
        reserved: u32,
    }

    /// What to emit. All zero is inert.
    NodeConfig = "tapio_node_config" {
        generation: u32,
        enabled: u32,
        /// Any of these 0: no such threshold.
        stall_warning_permille: u32,
        stall_critical_permille: u32,
        ipc_limit_milli: u32,
        reserved: u32,
        fair_share: FairShare,
    }

    /// Two configs, and which of them counts: stored last, so that no run sees half a config.
    NodeControl = "tapio_node_control" {
        active: u32,
        abi_version: u32,
        slots: [NodeConfig; 2],
    }
}

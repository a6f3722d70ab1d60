//! The rows every observer uses: the record's header, counters, folds.
//!
//! A mapped array holds one [`CounterRow`] per possible CPU and one of [`FoldSlot`]s; programs
//! only ever add to what is counted there, so a reader needs no lock and never resets anything.

use super::{abi, constants};

constants! { CONSTANTS:
    /// The version stamped into every record and every control block.
    ABI_VERSION: u16 = 1;
    /// Bytes of a task's name, the closing NUL included.
    COMM_LEN: usize = 16;
    /// Rows of types in a counter row: more than any observer has.
    TYPES_MAX: usize = 8;

    /// No hierarchy names this task: it is in the root of all of them.
    HIERARCHY_NONE: u8 = 0;
    /// The id is that of a cgroup in the unified hierarchy.
    HIERARCHY_V2: u8 = 1;
    /// The id is that of a cgroup in the v1 hierarchy of the memory controller.
    HIERARCHY_V1_MEMORY: u8 = 2;

    /// Slots in an observer's table of folds; a power of two.
    FOLD_SLOTS: u32 = 1024;
    /// How far a newcomer looks for a place before it goes unfolded; a power of two.
    FOLD_WAYS: u32 = 4;
    /// How long a fold stands for the facts of its cgroup and type.
    FOLD_WINDOW_NS: u64 = 1_000_000_000;
    /// After this long without a fact a slot may be taken over.
    FOLD_IDLE_NS: u64 = 10_000_000_000;
}

abi! {
    /// A cgroup by id, and the hierarchy the id belongs to. Id 0 with `HIERARCHY_NONE`: nothing.
    CgroupRef = "tapio_cgroup_ref" {
        id: u64,
        hierarchy: u8,
        reserved: [u8; 7],
    }

    /// What every record begins with.
    RecordHeader = "tapio_record_header" {
        /// Which record this is; unique over all observers.
        kind: u16,
        abi_version: u16,
        /// The generation of the config that let it pass.
        generation: u32,
        /// `CLOCK_BOOTTIME` at the hook.
        boot_ns: u64,
        /// Whose it was.
        cgroup: CgroupRef,
        /// 1 + the slot of the fold this very record opens; 0 opens none.
        fold: u32,
        reserved: u32,
    }

    /// A process: its id in the initial pid namespace and its leader's name.
    ProcessRef = "tapio_process_ref" {
        pid: u32,
        comm: [u8; COMM_LEN],
    }

    /// Where the facts of one type went, up to the ring.
    TypeCounters = "tapio_type_counters" {
        seen: u64,
        filtered: u64,
        aggregated: u64,
        ambiguous: u64,
        lost: u64,
        submitted: u64,
    }

    /// What one CPU counted; a multiple of a cache line. Types stand in catalogue order.
    CounterRow = "tapio_counter_row" {
        types: [TypeCounters; TYPES_MAX],
        /// State that found no room in its table (an owner, a sender).
        table_full: u64,
        /// Facts that went unfolded because other cgroups hold the slots.
        fold_collisions: u64,
        reserved: [u64; 6],
    }

    /// The share of one cgroup and type; rate in time between facts. Zero interval: no folding.
    FairShare = "tapio_fair_share" {
        interval_ns: u64,
        /// How far ahead of its rate a cgroup may run.
        burst_ns: u64,
    }

    /// One cgroup's share of one type. Programs own all of it but `reported`.
    FoldSlot = "tapio_fold_slot" {
        cgroup_id: u64,
        /// 1 + the type's row; 0 is a free slot.
        owner: u32,
        hierarchy: u32,
        /// When the next fact is due at the agreed rate.
        due_ns: u64,
        /// Until when the open fold stands for what exceeds the rate.
        open_until_ns: u64,
        /// Facts folded since load; only ever grows.
        folded: u64,
        /// How many of them closing records have told of; stored by the agent alone.
        reported: u64,
        /// The first and the last fact that no closing record has told of.
        first_ns: u64,
        last_ns: u64,
    }
}

const _: () = assert!(size_of::<FoldSlot>() == 64 && size_of::<CounterRow>() % 64 == 0);
impl CgroupRef {
    /// `None` for the root of every hierarchy, where nothing is named.
    pub fn named(self) -> Option<Self> {
        (self.hierarchy != 0).then_some(self)
    }
}

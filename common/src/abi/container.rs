//! The container observer's records and config.
//!
//! A record says what was read at the hook and nothing that follows from it: cause, severity and
//! what is missing are the classifier's. A field whose flag is not set was not read.

use super::shared::{CgroupRef, FairShare, ProcessRef, RecordHeader};
use super::{abi, constants};

constants! { CONSTANTS:
    /// A record of [`OomKill`].
    RECORD_OOM_KILL: u16 = 1;
    /// A record of [`AbnormalExit`].
    RECORD_ABNORMAL_EXIT: u16 = 2;

    /// Row of `kernel.container.oom_kill` in the counters.
    TYPE_OOM_KILL: u32 = 0;
    /// Row of `kernel.container.abnormal_exit` in the counters.
    TYPE_ABNORMAL_EXIT: u32 = 1;

    /// The three `*_rss_bytes` were read.
    OOM_HAS_RSS: u32 = 1;
    /// The limit's four fields were read from the ancestor that held the OOM lock.
    OOM_LIMIT_BY_LOCK: u32 = 2;
    /// They were read from the one ancestor whose usage had come up to its limit.
    OOM_LIMIT_BY_USAGE: u32 = 4;
    /// The kernel has no memory cgroups.
    OOM_NO_MEMCG: u32 = 8;

    /// The kernel had marked the process as an OOM victim.
    EXIT_OOM_VICTIM: u32 = 1;
    /// Pid 1 of its namespace, or a session leader whose parent lives in another cgroup.
    EXIT_WORKLOAD_ROOT: u32 = 2;
    /// The signal's origin was seen and it was no process.
    EXIT_SENDER_KERNEL: u32 = 4;
    /// The signal's origin was seen and it is `sender`.
    EXIT_SENDER_PROCESS: u32 = 8;

    /// Only what `evidence.md` calls workloads: codes of their roots, core signals, SIGKILL.
    EXITS_WORKLOADS: u32 = 0;
    /// Everything abnormal.
    EXITS_ALL: u32 = 1;
    IGNORED_CODES_MAX: usize = 16;
}

abi! {
    /// What this kernel is like, decided from its BTF before load; constant to the programs.
    ContainerShape = "tapio_container_shape" {
        /// `sched_process_exit` says whether this was the last thread.
        exit_has_group_dead: u32,
        /// `mark_victim` hands over the task, not a pid.
        victim_is_task: u32,
        page_bytes: u64,
    }

    /// The OOM killer chose a process and killed it.
    OomKill = "tapio_oom_kill" {
        header: RecordHeader,
        victim: ProcessRef,
        uid: u32,
        oom_score_adj: i32,
        flags: u32,
        anon_rss_bytes: u64,
        file_rss_bytes: u64,
        shmem_rss_bytes: u64,
        limit_bytes: u64,
        usage_bytes: u64,
        limit_cgroup: CgroupRef,
        /// Whose allocation it was that found no memory.
        trigger: ProcessRef,
        reserved: u32,
    }

    /// A process ended, and not with code 0.
    AbnormalExit = "tapio_abnormal_exit" {
        header: RecordHeader,
        process: ProcessRef,
        /// As `wait` reports it: code << 8, or the signal, and 0x80 for a core.
        status: u32,
        runtime_ns: u64,
        flags: u32,
        sender: ProcessRef,
        sender_cgroup: CgroupRef,
    }

    /// What to emit. All zero is inert.
    ContainerConfig = "tapio_container_config" {
        generation: u32,
        enabled: u32,
        exits: u32,
        ignored_codes_len: u32,
        ignored_codes: [i32; IGNORED_CODES_MAX],
        fair_share: FairShare,
    }

    /// Two configs, and which of them counts: stored last, so that no run sees half a config.
    ContainerControl = "tapio_container_control" {
        active: u32,
        abi_version: u32,
        slots: [ContainerConfig; 2],
    }
}

//! The storage observer's records and config.
//!
//! A record carries one request as it stood when a part of it, or the last of it, was completed,
//! and the process that was running when it was queued. What a status means is the classifier's.

use super::shared::{FairShare, ProcessRef, RecordHeader};
use super::{abi, constants};

constants! { CONSTANTS:
    /// A [`RequestFact`]: a request, or a part of one, was completed with a failure status.
    RECORD_IO_ERROR: u16 = 20;
    /// A [`RequestFact`]: from its issue to its last completion a request took long.
    RECORD_LATENCY_SPIKE: u16 = 21;

    /// Rows of the types in the counters, in catalogue order.
    TYPE_IO_ERROR: u32 = 0;
    TYPE_LATENCY_SPIKE: u32 = 1;

    /// Its issue was seen: `process` is who was running when it was queued, or else issued, and
    /// `latency_ns` is the time since.
    REQUEST_ISSUE_SEEN: u32 = 1;
    /// That was a thread of the kernel.
    REQUEST_OWNER_IS_KERNEL: u32 = 2;
    /// The latency reaches the critical limit.
    REQUEST_CRITICAL: u32 = 4;
    /// The header's cgroup is the one the first block of the request is charged to.
    REQUEST_CGROUP_IS_CHARGED: u32 = 8;
    /// `status` is the kernel's own number; else only `errno` was handed over.
    REQUEST_HAS_STATUS: u32 = 16;

    /// Of a disk's name, the closing NUL included.
    DISK_NAME_LEN: usize = 32;
}

abi! {
    /// What this kernel is like, decided from its BTF before load; constant to the programs.
    StorageShape = "tapio_storage_shape" {
        /// The argument at which the tracepoints hand over the request.
        request_at: u32,
        /// `block_rq_complete` hands over a `blk_status_t`, not a negative errno.
        complete_has_status: u32,
    }

    /// A request that failed or took long.
    RequestFact = "tapio_request_fact" {
        header: RecordHeader,
        process: ProcessRef,
        flags: u32,
        /// Where the failed part begins, or the whole request; in units of 512 bytes.
        sector: u64,
        bytes: u32,
        /// Of the part that was completed, or of the last one; 0 is success.
        status: u32,
        /// Where the kernel hands over no status; 0 is success.
        errno: u32,
        /// How often it was given back and issued again.
        requeues: u32,
        latency_ns: u64,
        op: u32,
        major: u32,
        minor: u32,
        reserved: u32,
        disk: [u8; DISK_NAME_LEN],
    }

    /// What to emit. All zero is inert.
    StorageConfig = "tapio_storage_config" {
        generation: u32,
        enabled: u32,
        /// Either of these 0: no such limit.
        warning_ns: u64,
        critical_ns: u64,
        fair_share: FairShare,
    }

    /// Two configs, and which of them counts: stored last, so that no run sees half a config.
    StorageControl = "tapio_storage_control" {
        active: u32,
        abi_version: u32,
        slots: [StorageConfig; 2],
    }
}

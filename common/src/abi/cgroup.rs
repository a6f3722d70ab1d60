//! Names of cgroups, as the kernel gave them at mkdir.
//!
//! These records claim nothing and stand in no ledger row: they let the batcher write a path for
//! an id, also of a cgroup that is gone by then. A record is cut after its path.

use super::shared::RecordHeader;
use super::{abi, constants};

constants! { CONSTANTS:
    /// A [`CgroupName`] with its path.
    RECORD_CGROUP_MADE: u16 = 100;
    /// A [`CgroupName`] without a path: the cgroup was removed.
    RECORD_CGROUP_GONE: u16 = 101;
    /// Bytes of a path with its NUL; the kernel's own buffer is as long.
    CGROUP_PATH_LEN: usize = 1024;
}

abi! {
    /// A cgroup appeared or went; `header.cgroup` says which.
    CgroupName = "tapio_cgroup_name" {
        header: RecordHeader,
        /// Bytes of the path, its NUL included.
        path_len: u32,
        reserved: u32,
        path: [u8; CGROUP_PATH_LEN],
    }

    /// What did not fit into the ring of names.
    CgroupLosses = "tapio_cgroup_losses" {
        names: u64,
        reserved: [u64; 7],
    }
}

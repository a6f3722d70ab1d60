//! One link of the chain of seals.

use super::name::SegmentName;
use super::seal::{Head, Seal, Sha};

/// A seal that was read, and the hash of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub name: SegmentName,
    pub seal: Seal,
    pub sha256: Sha,
    /// The length of the seal's own file.
    pub seal_bytes: u64,
}

impl Link {
    /// What the segment and its seal take on the disk.
    pub fn bytes_on_disk(&self) -> u64 {
        self.seal.bytes + self.seal_bytes
    }

    pub fn head(&self) -> Head {
        Head {
            seal: self.name.seal_file(),
            sha256: self.sha256,
        }
    }
}

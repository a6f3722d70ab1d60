//! From a record's bytes to an anomaly, and from an anomaly to its facts.
//!
//! Pure: no clock, no I/O, no kernel. A ring thread classifies without allocating; the batch
//! thread writes the facts. Which records there are is one table, [`Record`].

pub mod container;
pub mod network;
pub mod node;
pub mod storage;

use std::borrow::Cow;
use std::fmt;

use tapio_common::abi::Plain;
use tapio_common::abi::container::{AbnormalExit, OomKill};
use tapio_common::abi::network::{ConnectionFact, DESTINATION_SLOTS};
use tapio_common::abi::node::CpuTurn;
use tapio_common::abi::shared::{
    ABI_VERSION, CgroupRef, FOLD_SLOTS, FOLD_WINDOW_NS, HIERARCHY_V1_MEMORY, RecordHeader,
};
use tapio_common::abi::storage::RequestFact;
use tapio_common::catalogue::{Anomaly, Observer, Outcome, Severity};
use tapio_common::occurrence::{ErrorFact, Facts};

/// The name of a cgroup, where it has one.
pub type PathOf<'a> = &'a dyn Fn(CgroupRef) -> Option<&'a str>;

/// A record as the kernel wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    OomKill(OomKill),
    AbnormalExit(AbnormalExit),
    Connection(ConnectionFact),
    Request(RequestFact),
    Cpu(CpuTurn),
}

/// A claim: fixed size and `Copy`, so that it goes through a channel as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anomalous {
    pub anomaly: Anomaly,
    pub severity: Severity,
    pub record: Record,
}

/// What a record turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Classified {
    Anomalous(Anomalous),
    /// Well formed, and no anomaly of this type after all.
    Ignored(Anomaly),
}

/// Bytes that are no record of this observer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    Length { bytes: usize },
    Version { version: u16 },
    Kind { kind: u16 },
    Hierarchy { hierarchy: u8 },
    Family { family: u16 },
    Errno { errno: u32 },
    Status { status: u32 },
}

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { bytes } => write!(out, "a record of {bytes} bytes"),
            Self::Version { version } => write!(out, "a record of ABI version {version}"),
            Self::Kind { kind } => write!(out, "a record of kind {kind}"),
            Self::Family { family } => write!(out, "an address of family {family}"),
            Self::Errno { errno } => write!(out, "an end with error {errno}"),
            Self::Status { status } => write!(out, "a failure of status {status}"),
            Self::Hierarchy { hierarchy } => write!(out, "a cgroup of hierarchy {hierarchy}"),
        }
    }
}

impl std::error::Error for Malformed {}

/// What one record of an observer's ring says.
pub fn classify(observer: Observer, bytes: &[u8]) -> Result<Classified, Malformed> {
    let header = bytes
        .get(..size_of::<RecordHeader>())
        .and_then(RecordHeader::from_bytes)
        .ok_or(Malformed::Length { bytes: bytes.len() })?;
    if header.abi_version != ABI_VERSION {
        let version = header.abi_version;
        return Err(Malformed::Version { version });
    }
    if header.cgroup.hierarchy > HIERARCHY_V1_MEMORY {
        let hierarchy = header.cgroup.hierarchy;
        return Err(Malformed::Hierarchy { hierarchy });
    }
    match observer {
        Observer::Container => container::classify(header.kind, bytes),
        Observer::Network => network::classify(header.kind, bytes),
        Observer::Storage => storage::classify(header.kind, bytes),
        Observer::Node => node::classify(header.kind, bytes),
    }
}

/// Exactly one record of this layout.
fn read<T: Plain>(bytes: &[u8]) -> Result<T, Malformed> {
    T::from_bytes(bytes).ok_or(Malformed::Length { bytes: bytes.len() })
}

impl Record {
    fn header(&self) -> &RecordHeader {
        match self {
            Self::OomKill(record) => &record.header,
            Self::AbnormalExit(record) => &record.header,
            Self::Connection(record) => &record.header,
            Self::Request(record) => &record.header,
            Self::Cpu(record) => &record.header,
        }
    }
}

impl Anomalous {
    /// When, in the kernel: nanoseconds since boot, suspend included.
    pub fn boot_ns(&self) -> u64 {
        self.record.header().boot_ns
    }

    /// The generation of the config that let it pass.
    pub fn generation(&self) -> u32 {
        self.record.header().generation
    }

    /// Whose it was; `None` in the root of every hierarchy, where nothing is named.
    pub fn cgroup(&self) -> Option<CgroupRef> {
        self.record.header().cgroup.named()
    }

    /// The slot of the fold that this very event opens.
    pub fn fold(&self) -> Option<u32> {
        let slot = self.record.header().fold.checked_sub(1)?;
        (slot < FOLD_SLOTS + DESTINATION_SLOTS).then_some(slot)
    }

    /// When the fold that it opens is over.
    pub fn fold_ends_boot_ns(&self) -> u64 {
        match &self.record {
            Record::Connection(record) if record.window_end_ns > 0 => record.window_end_ns,
            Record::Connection(_)
            | Record::OomKill(_)
            | Record::AbnormalExit(_)
            | Record::Request(_)
            | Record::Cpu(_) => self.boot_ns().saturating_add(FOLD_WINDOW_NS),
        }
    }

    pub fn describe(&self) -> (Outcome, Option<ErrorFact<'static>>) {
        match &self.record {
            Record::OomKill(_) => container::describe_kill(),
            Record::AbnormalExit(record) => container::describe_exit(record),
            Record::Connection(record) => network::describe(self.anomaly, record),
            Record::Request(record) => storage::describe(record),
            Record::Cpu(record) => node::describe(record),
        }
    }

    /// Writes what was read at the hook, and names what was not.
    pub fn fill(&self, facts: &mut Facts<'_>, path_of: PathOf<'_>) {
        match &self.record {
            Record::OomKill(record) => container::fill_kill(record, facts, path_of),
            Record::AbnormalExit(record) => container::fill_exit(record, facts),
            Record::Connection(record) => network::fill(record, facts),
            Record::Request(record) => storage::fill(record, facts),
            Record::Cpu(record) => node::fill(record, facts),
        }
    }
}

fn error(code: &'static str, message: &'static str) -> Option<ErrorFact<'static>> {
    Some(ErrorFact {
        code: Cow::Borrowed(code),
        message: Cow::Borrowed(message),
    })
}

#[cfg(test)]
mod tests;

//! What the writer has to tell whoever logs.

use std::fmt;
use std::io;

use crate::coverage::Expired;
use crate::evidence::name::SegmentName;
use crate::evidence::seal::Seal;

/// Something that happened in the directory.
#[derive(Debug)]
pub enum Notice {
    Sealed(Seal),
    NotSealed(SegmentName, io::Error),
    NotSynced(String, io::Error),
    /// Retention removed this many more segments; the entry counts all there ever were.
    Expired(Expired),
    NotExpired(SegmentName, io::Error),
    CoverageWaits(io::Error),
    LedgerNotWritten(io::Error),
    ClockSet {
        by_nanos: i64,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sealed(seal) => {
                write!(out, "sealed {}: {} events", seal.segment, seal.events)
            }
            Self::NotSealed(name, error) => {
                write!(out, "{} cannot be sealed yet: {error}", name.file())
            }
            Self::NotSynced(file, error) => {
                write!(out, "{file} may not survive a loss of power: {error}")
            }
            Self::Expired(expired) => write!(
                out,
                "retention removed evidence up to {}: {} segments, {} events so far",
                expired.to, expired.segments, expired.events
            ),
            Self::NotExpired(name, error) => {
                write!(out, "{} cannot be removed: {error}", name.file())
            }
            Self::CoverageWaits(error) => write!(out, "coverage.jsonl waits: {error}"),
            Self::LedgerNotWritten(error) => write!(out, "ledger.json is out of date: {error}"),
            Self::ClockSet { by_nanos } => write!(
                out,
                "the system's clock was set {} by {} s",
                if *by_nanos < 0 { "back" } else { "forward" },
                by_nanos.unsigned_abs() / crate::time::NANOS_PER_SECOND
            ),
        }
    }
}

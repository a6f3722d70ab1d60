//! The evidence directory: its files, who may write what into them, and how a reader knows.
//!
//! One definition for the agent that writes and everyone who reads. Occurrences stand one a line in
//! segments named by the UTC hour of the event; a finished segment is made read-only and sealed,
//! and every seal names the one before it. `coverage.jsonl` says when the agent was looking,
//! `ledger.json` what it counted, `lock` who writes and up to when its word is complete. Readers
//! need no lock. The file system is reached through [`disk::Disk`] alone, so that the writer can be
//! run against a simulated one; no clock is read here, time is passed in.

mod chain;
pub mod claim;
mod coverage_file;
pub mod disk;
pub mod line;
pub mod link;
pub mod listing;
#[cfg(test)]
mod model;
pub mod name;
pub mod seal;
mod segment;
#[cfg(test)]
mod simulated;
pub mod verify;
pub mod word;
mod writer;

pub use coverage_file::COVERAGE_FILE;
pub use writer::{LEDGER_FILE, Limits, Notice, Recovered, Writer};

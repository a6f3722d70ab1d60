//! What every part of Tapio shares, and nothing that touches a kernel or a network.
//!
//! The catalogue of anomalies, the occurrence as it is written, ids, time, the loss ledger,
//! coverage and what a sink is. This crate builds on every operating system and imports nothing
//! of ours.

pub mod abi;
pub mod catalogue;
pub mod command_line;
pub mod coverage;
pub mod evidence;
pub mod ident;
pub mod ledger;
pub mod log_line;
pub mod occurrence;
pub mod quantity;
pub mod sink;
pub mod time;

#[cfg(all(panic = "abort", target_env = "musl"))]
mod unwind;

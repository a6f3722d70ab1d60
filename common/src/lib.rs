//! What every part of Tapio shares, and nothing that touches a kernel or a network.
//!
//! The catalogue of anomalies, the occurrence as it is written, ids, time and the loss ledger.
//! This crate builds on every operating system and imports nothing of ours.

pub mod catalogue;
pub mod ident;
pub mod ledger;
pub mod occurrence;
pub mod time;

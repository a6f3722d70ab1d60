//! What the tests of the house stand on: real binaries, real sockets, deadlines.
//!
//! Everything here sees Tapio from outside. A program is built and started as a user would start
//! it, spoken to over TCP by a client of ours that can also misbehave, and read through /proc.
//! Nothing is mocked and nothing is skipped: what cannot run says so and fails.

pub mod agent;
pub mod bpf;
pub mod command;
pub mod controller;
pub mod deadline;
pub mod delivery;
pub mod filter;
pub mod folder;
pub mod golden;
pub mod http;
pub mod loop_device;
pub mod manifests;
pub mod median;
pub mod namespace;
pub mod packages;
pub mod payload;
pub mod place;
pub mod process;
pub mod program;
pub mod proxy;
pub mod python;
pub mod report;
pub mod repository;
pub mod scripted;
pub mod steered;

//! The node agent: kernel hooks to sinks, and nothing inbound.

pub mod accounts;
pub mod attribution;
pub mod cgroups;
pub mod clock;
pub mod command_line;
pub mod config;
pub mod flags;
pub mod kernel;
pub mod observer;
pub mod privilege;
pub mod settings;
pub mod signals;
pub mod sink;
pub mod stop;

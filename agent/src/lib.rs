//! The node agent: kernel hooks to sinks, and nothing inbound.

pub mod attribution;
pub mod cgroups;
pub mod clock;
pub mod signals;
pub mod stop;

//! The node agent: kernel hooks to sinks, and nothing inbound.

pub mod attribution;

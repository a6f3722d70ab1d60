//! The node agent: kernel hooks to sinks, and nothing inbound.

pub mod attribution;
pub mod clock;
pub mod signals;
pub mod stop;

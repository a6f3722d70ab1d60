//! `tapio-wire/v1`: every payload, its validation and its limits, and no I/O.
//!
//! One reader turns bytes into payloads in a single pass and borrows from them what it can; each
//! payload is a table of fields, and has one entry point, `parse(bytes)`. What is wrong with a body
//! is one [`WireError`], which knows its HTTP status and code. Nothing here opens a socket, asks a
//! clock or hashes: the config hash is the controller's word.

mod json;
mod pack;
mod payload;
mod raw;

pub mod config;
pub mod endpoint;
pub mod envelope;
pub mod error;
pub mod events;
pub mod heartbeat;
pub mod hello;
pub mod ledger;
pub mod limits;
pub mod names;
pub mod query;
pub mod reasoning;
pub mod status;
pub mod values;

pub use config::{Batching, CompiledConfig, ConfigResponse};
pub use envelope::ErrorEnvelope;
pub use error::{ErrorCode, WireError};
pub use events::{EventBatch, EventsResponse, WireEvent};
pub use heartbeat::{Heartbeat, HeartbeatResponse};
pub use hello::{Hello, HelloResponse};
pub use query::AgentQuery;
pub use status::Status;

/// What every payload says in `wire_version`. There is no other version to negotiate.
pub const WIRE_VERSION: &str = "tapio-wire/v1";

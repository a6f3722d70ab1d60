//! tapio-wire/v1 as a peer can observe it, over a real socket against the real controller.
//!
//! Written from the protocol's page and the standard behind it, sentence by sentence; nothing here
//! knows our structs. A failing test names the sentence that is broken.

mod accepted;
mod bodies;
mod config;
mod enums;
mod events;
mod exchange;
mod fields;
mod files;
mod heartbeat;
mod hello;
mod metrics;
mod profile;
mod reasoning;
mod refusal;
mod reload;
mod routes;
mod sequence;
mod size;
mod status;
mod stop;
mod surface;

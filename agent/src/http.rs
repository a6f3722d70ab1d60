//! The agent's HTTP/1.1 client: plaintext, one request at a time, every byte and second bounded.
//!
//! Each call has one deadline for all of it, so a peer that answers a byte a second gains nothing,
//! and ends as soon as the agent leaves (see [`Leave`]). Redirects are answers like any other: nobody
//! follows them. `https` and credentials in a URL are refused when it is read, before a byte is sent.
//! There is no TLS, no proxy, no cookie, and nothing that listens.

mod answer;
mod backoff;
mod client;
mod connection;
mod error;
mod leave;
#[cfg(test)]
pub mod peer;
mod request;
mod resolve;

pub use answer::Answer;
pub use backoff::{Backoff, Chance};
pub use client::{Client, Limits};
pub use error::CallError;
pub use leave::{Leave, Waited};
pub use request::Request;
pub use tapio_wire::endpoint::Endpoint;

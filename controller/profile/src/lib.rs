//! An EvidenceProfile, and what it compiles to.
//!
//! A profile is written by people, so its schema is closed: whatever is not known is refused, with
//! the path it stands at and what would be allowed there. What has been read is in range by its
//! types, so compiling cannot fail. Pure: no file, no network, no clock, no YAML. The document
//! comes in through serde, from whichever parser the controller uses.

mod compile;
mod error;
mod node;
mod range;
mod schema;
mod units;

pub use error::{Problem, ProfileError};
pub use node::Node;
pub use schema::EvidenceProfile;

//! What must hold of any input at all. The fuzz targets call these functions; the seeds run through
//! them as ordinary tests of the crates they are about.

pub mod profile;
// By path, as those tests include it: its own modules lie beside it.
#[path = "wire.rs"]
pub mod wire;

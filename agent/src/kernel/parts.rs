//! What is left of an object once it is loaded.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use libbpf_rs::Link;

use super::obstacle::Obstacle;

/// A loaded map.
#[derive(Debug)]
pub struct MapPart {
    pub fd: OwnedFd,
    pub value_bytes: usize,
    pub entries: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Parts {
    pub maps: BTreeMap<String, MapPart>,
    pub programs: Vec<OwnedFd>,
    pub links: Vec<Link>,
    /// In the order of the plan.
    pub hooks: Vec<(&'static str, Result<(), Obstacle>)>,
}

//! Names of cgroups, as the kernel gives them at mkdir.
//!
//! A cgroup's name is in this ring before any process can be in the cgroup, and nobody is woken
//! for it: who meets an id without a name drains the ring first and then has it, even if the
//! cgroup lived for 20 ms. Only a half-full ring announces itself.

use std::mem::offset_of;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::atomic::Ordering;

use tapio_common::abi::Plain;
use tapio_common::abi::cgroup::{CgroupLosses, CgroupName, RECORD_CGROUP_GONE, RECORD_CGROUP_MADE};
use tapio_common::abi::shared::{CgroupRef, RecordHeader};

use super::btf::KernelTypes;
use super::mapped::{Access, Mapped};
use super::object::{self, Plan};
use super::obstacle::{Obstacle, Surroundings};
use super::ring::Ring;

const PATH_AT: usize = offset_of!(CgroupName, path);

/// Something happened to a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameEvent<'a> {
    /// `path` is that from the root of its hierarchy.
    Made {
        cgroup: CgroupRef,
        path: &'a [u8],
    },
    Gone {
        cgroup: CgroupRef,
    },
}

/// The ring of names. One thread at a time may drain it.
#[derive(Debug)]
pub struct Names {
    ring: Ring,
    losses: Mapped,
}

impl Names {
    pub(super) fn load(
        folder: Option<&Path>,
        types: &KernelTypes,
        surroundings: &Surroundings,
        links: &mut Vec<libbpf_rs::Link>,
    ) -> Result<Self, Obstacle> {
        let plan = Plan {
            name: "cgroup",
            folder,
            embedded: tapio_bpf::cgroup(),
            hooks: vec!["cgroup_mkdir", "cgroup_rmdir"],
            run_once: &[],
            sampling: None,
            shape: Vec::new(),
            sizes: Vec::new(),
            values: vec![("losses", size_of::<CgroupLosses>())],
        };
        let mut parts = object::load(&plan, types, surroundings)?;
        for (_, attached) in parts.hooks.drain(..) {
            attached?;
        }
        links.append(&mut parts.links);
        Ok(Self {
            ring: parts.ring()?,
            losses: parts.mapped("losses", Access::Read)?,
        })
    }

    /// Becomes readable when the ring is half full.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.ring.fd()
    }

    /// Hands over every name that is known by now.
    pub fn drain(&self, mut on_event: impl FnMut(NameEvent<'_>)) {
        self.ring.drain(|record| {
            if let Some(event) = parse(record) {
                on_event(event);
            }
        });
    }

    /// Names that found no room in the ring, or are longer than the kernel itself has room for.
    pub fn lost(&self) -> u64 {
        self.losses.words()[offset_of!(CgroupLosses, names) / 8].load(Ordering::Relaxed)
    }
}

/// A record cut after its path; `None` for bytes that are none.
fn parse(record: &[u8]) -> Option<NameEvent<'_>> {
    let header = RecordHeader::from_bytes(record.get(..size_of::<RecordHeader>())?)?;
    let path = record.get(PATH_AT..)?;
    match header.kind {
        RECORD_CGROUP_MADE => Some(NameEvent::Made {
            cgroup: header.cgroup,
            path: path.strip_suffix(&[0])?,
        }),
        RECORD_CGROUP_GONE => Some(NameEvent::Gone {
            cgroup: header.cgroup,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u16, path: &[u8]) -> Vec<u8> {
        let mut name = CgroupName::zeroed();
        name.header.kind = kind;
        name.header.cgroup.id = 7;
        let mut bytes = name.as_bytes()[..PATH_AT].to_vec();
        bytes.extend_from_slice(path);
        bytes
    }

    #[test]
    fn a_record_is_cut_after_its_path() {
        let cgroup = CgroupRef {
            id: 7,
            ..CgroupRef::zeroed()
        };
        let made = record(RECORD_CGROUP_MADE, b"/a/b\0");
        let path = b"/a/b".as_slice();
        assert_eq!(parse(&made), Some(NameEvent::Made { cgroup, path }));
        let gone = record(RECORD_CGROUP_GONE, b"");
        assert_eq!(parse(&gone), Some(NameEvent::Gone { cgroup }));
    }

    #[test]
    fn bytes_that_are_no_record_are_none() {
        let made = record(RECORD_CGROUP_MADE, b"/a\0");
        for cut in 0..made.len() {
            assert_eq!(parse(&made[..cut]), None, "{cut} bytes");
        }
        assert_eq!(parse(&record(RECORD_CGROUP_MADE, b"/a")), None);
        assert_eq!(parse(&record(999, b"/a\0")), None);
    }
}

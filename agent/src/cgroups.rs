//! The names of cgroups: which path an id stands for, also when the cgroup is gone by now.
//!
//! Filled once from the mounted hierarchies, and from then on by what the kernel says at mkdir and
//! rmdir. An id is never given twice, so a removed cgroup keeps its name until a thousand others
//! have gone after it: long enough for the closing record of a fold. Bounded; who finds no room
//! stays unnamed, and is counted.

mod walk;

use std::collections::{HashMap, VecDeque};

use tapio_common::abi::shared::CgroupRef;

pub use walk::{Mount, mounted, walk};

/// Names at most. A path is some 100 bytes, so a full table costs about 3 MiB; machines have a few
/// hundred cgroups, hosts of many sandboxes a few thousand.
const NAMES_MAX: usize = 16_384;

/// Names kept of cgroups that are gone, oldest dropped first.
const GONE_MAX: usize = 1_024;

/// A cgroup's id is unique within its hierarchy only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    id: u64,
    hierarchy: u8,
}

impl From<CgroupRef> for Key {
    fn from(cgroup: CgroupRef) -> Self {
        let CgroupRef { id, hierarchy, .. } = cgroup;
        Self { id, hierarchy }
    }
}

/// Paths by cgroup.
#[derive(Debug, Default)]
pub struct Cgroups {
    paths: HashMap<Key, Box<str>>,
    gone: VecDeque<Key>,
    refused: u64,
}

impl Cgroups {
    pub fn path(&self, cgroup: CgroupRef) -> Option<&str> {
        self.paths.get(&cgroup.into()).map(AsRef::as_ref)
    }

    /// A cgroup was made, or found. One that is known keeps the name it has. False if there is no room.
    pub fn learn(&mut self, cgroup: CgroupRef, path: &str) -> bool {
        let key = cgroup.into();
        if self.paths.contains_key(&key) {
            return true;
        }
        if self.paths.len() >= NAMES_MAX && !self.forget_oldest() {
            self.refused += 1;
            return false;
        }
        self.paths.insert(key, path.into());
        true
    }

    /// A cgroup was removed. Its name stays for those who still ask.
    pub fn part(&mut self, cgroup: CgroupRef) {
        let key = cgroup.into();
        if !self.paths.contains_key(&key) {
            return;
        }
        self.gone.push_back(key);
        if self.gone.len() > GONE_MAX {
            self.forget_oldest();
        }
    }

    /// Names that found no room.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Forgets the one that has been gone longest; false if none is gone.
    fn forget_oldest(&mut self) -> bool {
        let oldest = self.gone.pop_front();
        oldest.is_some_and(|key| self.paths.remove(&key).is_some())
    }
}

#[cfg(test)]
mod tests {
    use tapio_common::abi::shared::{HIERARCHY_V1_MEMORY, HIERARCHY_V2};

    use super::*;

    fn cgroup(id: u64, hierarchy: u8) -> CgroupRef {
        CgroupRef {
            id,
            hierarchy,
            reserved: [0; 7],
        }
    }

    fn v2(id: u64) -> CgroupRef {
        cgroup(id, HIERARCHY_V2)
    }

    #[test]
    fn the_same_id_in_two_hierarchies_is_two_cgroups() {
        let mut cgroups = Cgroups::default();
        cgroups.learn(v2(7), "/a");
        cgroups.learn(cgroup(7, HIERARCHY_V1_MEMORY), "/b");
        assert_eq!(cgroups.path(v2(7)), Some("/a"));
        assert_eq!(cgroups.path(cgroup(7, HIERARCHY_V1_MEMORY)), Some("/b"));
        assert_eq!(cgroups.path(v2(8)), None);
    }

    #[test]
    fn what_is_gone_keeps_its_name_until_many_others_have_gone() {
        let mut cgroups = Cgroups::default();
        let last = u64::try_from(GONE_MAX).expect("small");
        for id in 0..=last {
            cgroups.learn(v2(id), "/x");
        }
        for id in 0..last {
            cgroups.part(v2(id));
        }
        assert_eq!(cgroups.path(v2(0)), Some("/x"));
        cgroups.part(v2(last));
        assert_eq!(cgroups.path(v2(0)), None);
        assert_eq!(cgroups.path(v2(1)), Some("/x"));
        assert_eq!(cgroups.paths.len(), GONE_MAX);
    }

    #[test]
    fn a_full_table_gives_up_the_gone_before_it_refuses_and_never_the_living() {
        let mut cgroups = Cgroups::default();
        let full = u64::try_from(NAMES_MAX).expect("small");
        for id in 0..full {
            cgroups.learn(v2(id), "/x");
        }
        cgroups.part(v2(3));
        cgroups.learn(v2(full), "/new");
        assert_eq!(cgroups.path(v2(full)), Some("/new"));
        assert_eq!(cgroups.path(v2(3)), None);
        cgroups.learn(v2(full + 1), "/no room");
        assert_eq!(cgroups.path(v2(full + 1)), None);
        assert_eq!((cgroups.refused(), cgroups.paths.len()), (1, NAMES_MAX));
        assert_eq!(cgroups.path(v2(0)), Some("/x"));
    }

    #[test]
    fn the_first_name_stays_and_strangers_part_without_trace() {
        let mut cgroups = Cgroups::default();
        cgroups.learn(v2(1), "/first");
        cgroups.learn(v2(1), "/again");
        assert_eq!(cgroups.path(v2(1)), Some("/first"));
        cgroups.part(v2(2));
        assert_eq!(cgroups.gone.len(), 0);
    }
}

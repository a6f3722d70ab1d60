//! The groups in which a self test causes its facts.
//!
//! Under a mounted hierarchy, by a name that says what they are for; with a memory limit where the
//! controller is at hand. Everything is removed when the test is over.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tapio_common::abi::shared::{HIERARCHY_V1_MEMORY, HIERARCHY_V2};

use crate::attribution::SELFTEST_PREFIX;
use crate::cgroups::{Mount, mounted};
use crate::stop::await_readable;

/// Small enough to be full at once, large enough for a process to start in.
pub const MEMORY_LIMIT_BYTES: u64 = 16 << 20;

/// A group is in the folder, and the folder in the root of its hierarchy.
const GROUP_DEPTH: usize = 2;

/// The inode of the first pid namespace, the one the kernel's numbers are of.
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// A group that a process has just left may be busy for a moment.
const REMOVE_TRIES: usize = 50;
const REMOVE_PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

/// Why nothing can be tried here.
#[derive(Debug)]
pub enum SceneError {
    NoHierarchy,
    Group(PathBuf, io::Error),
}

impl fmt::Display for SceneError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHierarchy => out.write_str("no cgroup hierarchy is mounted"),
            Self::Group(path, error) => write!(out, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for SceneError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoHierarchy => None,
            Self::Group(_, error) => Some(error),
        }
    }
}

/// A folder of groups.
#[derive(Debug)]
pub struct Scene {
    folder: PathBuf,
    name: String,
    has_memory: bool,
    is_unified: bool,
    /// Whether a pid means the same here and in the kernel.
    pub sees_kernel_pids: bool,
}

impl Scene {
    pub fn set() -> Result<Self, SceneError> {
        let mounts = mounted().unwrap_or_default();
        let of = |hierarchy| mounts.iter().find(|mount| mount.hierarchy == hierarchy);
        let unified = of(HIERARCHY_V2).filter(|mount| offers_memory(&mount.at));
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mount = unified.or(of(HIERARCHY_V1_MEMORY)).or(of(HIERARCHY_V2));
        let mount = mount.ok_or(SceneError::NoHierarchy)?;
        let name = format!("{SELFTEST_PREFIX}{}", std::process::id());
        let is_unified = mount.hierarchy == HIERARCHY_V2;
        let (parent, folder) = make_folder(mount, &groups, &name)?;
        let scene = Self {
            folder,
            name,
            has_memory: !is_unified || offers_memory(&parent),
            is_unified,
            sees_kernel_pids: sees_kernel_pids(),
        };
        if scene.is_unified && scene.has_memory {
            let control = scene.folder.join("cgroup.subtree_control");
            put(&control, "+memory")?;
        }
        Ok(scene)
    }

    /// Makes a group, limited in memory if asked for; `None` where no limit can be set.
    pub fn group(&self, name: &str, is_limited: bool) -> Result<Option<PathBuf>, SceneError> {
        if is_limited && !self.has_memory {
            return Ok(None);
        }
        let group = self.folder.join(name);
        fs::create_dir(&group).map_err(|error| SceneError::Group(group.clone(), error))?;
        if is_limited {
            let limit = MEMORY_LIMIT_BYTES.to_string();
            let (memory, swap, no_swap) = match self.is_unified {
                true => ("memory.max", "memory.swap.max", "0"),
                false => (
                    "memory.limit_in_bytes",
                    "memory.memsw.limit_in_bytes",
                    limit.as_str(),
                ),
            };
            put(&group.join(memory), &limit)?;
            // Not every kernel counts swap; where there is none to be used none is needed.
            let _ = fs::write(group.join(swap), no_swap);
        }
        Ok(Some(group))
    }

    /// Whether this occurrence is about that group.
    pub fn is_of(&self, group: &str, line: &Value) -> bool {
        let path = line["data"]["cgroup_path"].as_str().unwrap_or_default();
        path.ends_with(&format!("/{}/{group}", self.name))
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                remove(&entry.path());
            }
        }
        remove(&self.folder);
    }
}

fn remove(group: &Path) {
    for _ in 0..REMOVE_TRIES {
        match fs::remove_dir(group) {
            Ok(()) => return,
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
                await_readable(&[], Some(REMOVE_PAUSE));
            }
            Err(error) => return log::warn!("{} stays: {error}", group.display()),
        }
    }
    log::warn!("{} stays: it is in use", group.display());
}

fn put(file: &Path, text: &str) -> Result<(), SceneError> {
    fs::write(file, text).map_err(|error| SceneError::Group(file.to_owned(), error))
}

/// Where the hierarchy begins, or else below the agent's own group: a pod may write there at most.
/// A process is named by v1 unless it is deeper in v2, so who is deep there begins below its own.
fn make_folder(mount: &Mount, groups: &str, name: &str) -> Result<(PathBuf, PathBuf), SceneError> {
    let make = |parent: PathBuf| {
        let folder = parent.join(name);
        match fs::create_dir(&folder) {
            Ok(()) => Ok((parent, folder)),
            Err(error) => Err(SceneError::Group(folder, error)),
        }
    };
    let root = mount.at.clone();
    match own_group(mount, groups) {
        None => make(root),
        Some(own) if is_deep(mount.hierarchy, groups) => make(own).or_else(|_| make(root)),
        Some(own) => make(root).or_else(|_| make(own)),
    }
}

/// Whether a group of this hierarchy where that begins would name nobody that starts from here.
fn is_deep(hierarchy: u8, groups: &str) -> bool {
    let v2 = own_path(HIERARCHY_V2, groups).unwrap_or_default();
    let depth = v2.split('/').filter(|part| !part.is_empty()).count();
    hierarchy == HIERARCHY_V1_MEMORY && depth > GROUP_DEPTH
}

/// The agent's own group, where this mount shows it.
fn own_group(mount: &Mount, groups: &str) -> Option<PathBuf> {
    let path = own_path(mount.hierarchy, groups)?;
    let below = path.strip_prefix(mount.root.trim_end_matches('/'))?;
    Some(mount.at.join(below.trim_start_matches('/')))
}

/// From what `/proc/self/cgroup` says.
fn own_path(hierarchy: u8, groups: &str) -> Option<&str> {
    groups.lines().find_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let is_this = match hierarchy {
            HIERARCHY_V2 => controllers.is_empty(),
            _ => controllers.split(',').any(|name| name == "memory"),
        };
        is_this.then_some(path)
    })
}

fn offers_memory(group: &Path) -> bool {
    let control = fs::read_to_string(group.join("cgroup.subtree_control"));
    control.is_ok_and(|names| names.split_whitespace().any(|name| name == "memory"))
}

fn sees_kernel_pids() -> bool {
    let namespace = fs::metadata("/proc/self/ns/pid");
    namespace.is_ok_and(|namespace| namespace.ino() == FIRST_PID_NAMESPACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_group_is_found_below_the_mount_that_shows_it() {
        let groups = "9:name=systemd:/\n4:cpu,memory:/libpod/ab\n0::/user.slice/c d\n";
        let found = |hierarchy, root: &str| {
            let (root, at) = (root.to_owned(), "/cg".into());
            let mount = Mount {
                hierarchy,
                root,
                at,
            };
            own_group(&mount, groups)
        };
        assert_eq!(
            found(HIERARCHY_V1_MEMORY, "/"),
            Some("/cg/libpod/ab".into())
        );
        assert_eq!(found(HIERARCHY_V1_MEMORY, "/libpod/ab"), Some("/cg".into()));
        assert_eq!(found(HIERARCHY_V2, "/user.slice"), Some("/cg/c d".into()));
        assert_eq!(found(HIERARCHY_V2, "/../.."), None);
    }

    #[test]
    fn a_group_of_v1_names_whoever_is_no_deeper_in_v2() {
        for (v2, is_too_deep) in [("/", false), ("/a/b", false), ("/a/b/c", true)] {
            let groups = format!("4:memory:/x\n0::{v2}\n");
            assert_eq!(is_deep(HIERARCHY_V1_MEMORY, &groups), is_too_deep, "{v2}");
            assert!(!is_deep(HIERARCHY_V2, &groups), "{v2}");
        }
    }
}

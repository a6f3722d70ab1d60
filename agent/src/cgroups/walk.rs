//! The one walk over the mounted hierarchies, for the cgroups that were there before the agent.
//!
//! A directory's inode number is its cgroup's id. The path is the kernel's, from the root of the
//! hierarchy: where only a part of it is mounted the part's own path comes before. A cgroup namespace
//! tells that path from somewhere else, so there the root itself must be mounted, as it is where a
//! pod is given the host's hierarchy; else nothing is learnt rather than something wrong.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};

use tapio_common::abi::shared::{CgroupRef, HIERARCHY_V1_MEMORY, HIERARCHY_V2};

use super::Cgroups;

const MOUNTINFO_PATH: &str = "/proc/self/mountinfo";

/// The id of a hierarchy's own root.
const ROOT_ID: u64 = 1;

/// The inode of the first cgroup namespace, the one whose paths are the kernel's.
const FIRST_NAMESPACE: u64 = 0xEFFF_FFFB;
const NAMESPACE_PATH: &str = "/proc/self/ns/cgroup";

/// Why cgroups that were there before have no name.
#[derive(Debug)]
pub enum WalkError {
    Mounts(io::Error),
    NoneMounted,
    Namespaced(PathBuf),
}

impl fmt::Display for WalkError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mounts(error) => write!(out, "{MOUNTINFO_PATH}: {error}"),
            Self::NoneMounted => out.write_str("no cgroup hierarchy is mounted"),
            Self::Namespaced(at) => write!(
                out,
                "{} is that of a cgroup namespace: run in the host's",
                at.display()
            ),
        }
    }
}

impl std::error::Error for WalkError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Mounts(error) => Some(error),
            Self::NoneMounted | Self::Namespaced(_) => None,
        }
    }
}

/// Learns every cgroup of the unified hierarchy and of the v1 memory controller's.
pub fn walk(cgroups: &mut Cgroups) -> Result<(), WalkError> {
    let mounts = mounted()?;
    let is_first = inode_of(Path::new(NAMESPACE_PATH)) == Some(FIRST_NAMESPACE);
    let mut outcome = Err(WalkError::NoneMounted);
    for hierarchy in [HIERARCHY_V2, HIERARCHY_V1_MEMORY] {
        // The mount nearest to the root sees the most.
        let of_hierarchy = mounts.iter().filter(|mount| mount.hierarchy == hierarchy);
        let nearest = of_hierarchy.min_by_key(|mount| (!mount.is_of_root(), mount.root.len()));
        let Some(mount) = nearest else {
            continue;
        };
        match mount.path_in_kernel(mount.is_of_root(), is_first) {
            Some(root) => {
                descend(mount, root, cgroups);
                outcome = outcome.or(Ok(()));
            }
            None => outcome = Err(WalkError::Namespaced(mount.at.clone())),
        }
    }
    outcome
}

/// The hierarchies that give cgroups their names, as far as they are mounted here.
pub fn mounted() -> Result<Vec<Mount>, WalkError> {
    let mountinfo = fs::read_to_string(MOUNTINFO_PATH).map_err(WalkError::Mounts)?;
    Ok(mountinfo.lines().filter_map(Mount::of_line).collect())
}

/// A cgroup hierarchy as `/proc/self/mountinfo` shows it.
#[derive(Debug, PartialEq, Eq)]
pub struct Mount {
    pub hierarchy: u8,
    /// The part of the hierarchy that is mounted.
    pub root: String,
    pub at: PathBuf,
}

impl Mount {
    /// `36 35 0:29 /root /at rw,opts shared:1 - cgroup2 cgroup rw,superopts`
    fn of_line(line: &str) -> Option<Self> {
        let (mount, system) = line.split_once(" - ")?;
        let mut system = system.split(' ');
        let (kind, _, options) = (system.next()?, system.next()?, system.next()?);
        let hierarchy = match kind {
            "cgroup2" => HIERARCHY_V2,
            "cgroup" if options.split(',').any(|option| option == "memory") => HIERARCHY_V1_MEMORY,
            _ => return None,
        };
        let mut fields = mount.split(' ').skip(3);
        Some(Self {
            hierarchy,
            root: unescape(fields.next()?),
            at: unescape(fields.next()?).into(),
        })
    }

    fn is_of_root(&self) -> bool {
        inode_of(&self.at) == Some(ROOT_ID)
    }

    /// What the kernel puts before the paths below this mount, if that can be known: in another
    /// namespace than the first `root` is told from there, `/../..` even where it is the root.
    fn path_in_kernel(&self, is_of_root: bool, is_first_namespace: bool) -> Option<&str> {
        match (is_of_root, is_first_namespace) {
            (true, _) => Some(""),
            (false, true) => Some(self.root.trim_end_matches('/')),
            (false, false) => None,
        }
    }
}

/// The kernel writes blanks and backslashes as three octal digits.
fn unescape(text: &str) -> String {
    ["\\040", "\\011", "\\012", "\\134"]
        .iter()
        .zip([" ", "\t", "\n", "\\"])
        .fold(text.to_owned(), |text, (escaped, plain)| {
            text.replace(escaped, plain)
        })
}

fn inode_of(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|metadata| metadata.ino())
}

/// Directories that vanish meanwhile are no error: somebody removed a cgroup. Below one that found no
/// room there is none either.
fn descend(mount: &Mount, root: &str, cgroups: &mut Cgroups) {
    let mut ahead = vec![(mount.at.clone(), root.to_owned())];
    while let Some((directory, path)) = ahead.pop() {
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries.flatten() {
            let is_group = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if !is_group {
                continue;
            }
            let below = format!("{path}/{}", entry.file_name().to_string_lossy());
            let cgroup = CgroupRef {
                id: entry.ino(),
                hierarchy: mount.hierarchy,
                reserved: [0; 7],
            };
            if cgroups.learn(cgroup, &below) {
                ahead.push((entry.path(), below));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_read_as_the_kernel_writes_them() {
        let unified =
            "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
        let memory =
            "40 35 0:33 /docker/ab /sys/fs/cg\\040roup/memory rw - cgroup cgroup rw,memory";
        assert_eq!(
            Mount::of_line(unified),
            Some(Mount {
                hierarchy: HIERARCHY_V2,
                root: "/".into(),
                at: "/sys/fs/cgroup".into(),
            })
        );
        assert_eq!(
            Mount::of_line(memory),
            Some(Mount {
                hierarchy: HIERARCHY_V1_MEMORY,
                root: "/docker/ab".into(),
                at: "/sys/fs/cg roup/memory".into(),
            })
        );
        for other in [
            "41 35 0:34 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu",
            "41 35 0:34 / /sys/fs/cgroup/x rw - cgroup cgroup rw,name=memory",
            "22 1 8:1 / / rw - ext4 /dev/root rw",
            "nonsense",
            "",
        ] {
            assert_eq!(Mount::of_line(other), None, "{other}");
        }
    }

    #[test]
    fn a_namespace_does_not_put_its_own_path_before_the_kernels() {
        let mount = |root: &str| Mount {
            hierarchy: HIERARCHY_V2,
            root: root.into(),
            at: "/sys/fs/cgroup".into(),
        };
        for (root, is_of_root, is_first, path) in [
            ("/", true, true, Some("")),
            ("/docker/ab", false, true, Some("/docker/ab")),
            ("/../..", true, false, Some("")),
            ("/..", false, false, None),
            ("/", false, false, None),
            ("/below", false, false, None),
        ] {
            let mount = mount(root);
            assert_eq!(mount.path_in_kernel(is_of_root, is_first), path, "{root}");
        }
    }

    #[test]
    fn a_tree_is_learnt_with_its_inodes_and_paths() {
        let at = std::env::temp_dir().join(format!("tapio-walk-{}", std::process::id()));
        fs::create_dir_all(at.join("a.slice/b.service")).expect("a folder");
        fs::write(at.join("a.slice/cgroup.procs"), "").expect("a file");
        let mount = Mount {
            hierarchy: HIERARCHY_V2,
            root: "/part".into(),
            at: at.clone(),
        };
        let mut cgroups = Cgroups::default();
        descend(&mount, &mount.root, &mut cgroups);
        let path_of = |below: &str| {
            let cgroup = CgroupRef {
                id: inode_of(&at.join(below)).expect("there"),
                hierarchy: HIERARCHY_V2,
                reserved: [0; 7],
            };
            cgroups.path(cgroup).map(str::to_owned)
        };
        assert_eq!(path_of("a.slice").as_deref(), Some("/part/a.slice"));
        assert_eq!(
            path_of("a.slice/b.service").as_deref(),
            Some("/part/a.slice/b.service")
        );
        assert_eq!(path_of("a.slice/cgroup.procs"), None);
        fs::remove_dir_all(&at).expect("removable");
    }

    #[test]
    fn who_finds_no_room_in_the_walk_is_counted() {
        let at = std::env::temp_dir().join(format!("tapio-full-{}", std::process::id()));
        fs::create_dir_all(at.join("a.slice/b.service")).expect("a folder");
        let mut cgroups = Cgroups::default();
        let named = |id| CgroupRef {
            id,
            hierarchy: HIERARCHY_V1_MEMORY,
            reserved: [0; 7],
        };
        let mut id = 1;
        while cgroups.learn(named(id), "/x") {
            id += 1;
        }
        let mount = Mount {
            hierarchy: HIERARCHY_V2,
            root: "/".into(),
            at: at.clone(),
        };
        let refused = cgroups.refused();
        descend(&mount, &mount.root, &mut cgroups);
        assert_eq!(cgroups.refused(), refused + 1);
        fs::remove_dir_all(&at).expect("removable");
    }
}

//! A cgroup of a test's own: where its facts happen, and what the kernel itself counts of them.
//!
//! Made where this machine has the memory controller, in the v2 hierarchy or in v1's. The kernel's own
//! files (`memory.events`, `memory.oom_control`, `cgroup.procs`) are the oracles.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, id};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use tapio_tests::agent::{Event, Report};
use tapio_tests::deadline::{SOON, poll_for, wait_until};

static NEXT: AtomicU32 = AtomicU32::new(0);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hierarchy {
    V2,
    V1Memory,
}

impl Hierarchy {
    /// Where this machine has the memory controller.
    pub fn of_memory() -> Self {
        if mount_point(Self::V1Memory).is_some() {
            Self::V1Memory
        } else {
            Self::V2
        }
    }
}

/// Removed on drop, once it is empty; what was started in it is waited for by its own owner.
#[derive(Debug)]
pub struct Cgroup {
    hierarchy: Hierarchy,
    folder: PathBuf,
    path: String,
}

/// Whether a process is started as the root of a workload (a session leader whose parent is elsewhere).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Root,
    Member,
}

impl Cgroup {
    pub fn new() -> Self {
        Self::in_hierarchy(Hierarchy::of_memory(), &Self::fresh_name())
    }

    /// One in the v2 hierarchy, which every machine of ours has.
    pub fn v2() -> Self {
        Self::in_hierarchy(Hierarchy::V2, &Self::fresh_name())
    }

    /// One with this name, below folders that are there or are made.
    pub fn named(name: &str) -> Self {
        Self::in_hierarchy(Hierarchy::of_memory(), name)
    }

    fn fresh_name() -> String {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        format!("tapio-kernel-{}-{number}", id())
    }

    pub fn in_hierarchy(hierarchy: Hierarchy, name: &str) -> Self {
        let root = mount_point(hierarchy).expect("this machine has the hierarchy");
        let folder = root.join(name);
        fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        Self {
            hierarchy,
            folder,
            path: format!("/{name}"),
        }
    }

    /// A cgroup below this one, which gets the memory controller too.
    pub fn child(&self, name: &str) -> Self {
        if self.hierarchy == Hierarchy::V2 && self.hierarchy == Hierarchy::of_memory() {
            // Newer kernels count whoever has just ended for a moment longer.
            let file = self.folder.join("cgroup.subtree_control");
            wait_until("the controller to be handed on", SOON, || {
                fs::write(&file, "+memory").is_ok()
            });
        }
        Self::in_hierarchy(self.hierarchy, &format!("{}/{name}", &self.path[1..]))
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    /// The kernel's id: the inode of the folder.
    pub fn id(&self) -> u64 {
        fs::metadata(&self.folder)
            .expect("the cgroup's folder")
            .ino()
    }

    pub fn write(&self, file: &str, text: &str) {
        let path = self.folder.join(file);
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    pub fn read(&self, file: &str) -> String {
        let path = self.folder.join(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub fn limit_memory(&self, bytes: u64) {
        let file = match self.hierarchy {
            Hierarchy::V2 => "memory.max",
            Hierarchy::V1Memory => "memory.limit_in_bytes",
        };
        self.write(file, &bytes.to_string());
    }

    pub fn memory_usage(&self) -> u64 {
        let file = match self.hierarchy {
            Hierarchy::V2 => "memory.current",
            Hierarchy::V1Memory => "memory.usage_in_bytes",
        };
        self.read(file).trim().parse().expect("a number of bytes")
    }

    /// How many processes of this cgroup the kernel itself says it killed for memory.
    pub fn oom_kills(&self) -> u64 {
        let file = match self.hierarchy {
            Hierarchy::V2 => "memory.events",
            Hierarchy::V1Memory => "memory.oom_control",
        };
        self.read(file)
            .lines()
            .find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok())
            .expect("a count of kills")
    }

    /// Makes the command start in here.
    pub fn hold(&self, command: &mut Command, standing: Standing) {
        enter(&self.folder, command, standing);
    }

    /// The event names this cgroup, in the way its hierarchy asks for.
    #[track_caller]
    pub fn assert_named_by(&self, event: &Event) {
        assert_eq!(event.fact("cgroup_path"), self.path(), "{event:?}");
        assert_eq!(event.fact("cgroup_id"), self.id(), "{event:?}");
        let hierarchy = match self.hierarchy {
            Hierarchy::V2 => json!(null),
            Hierarchy::V1Memory => json!("v1:memory"),
        };
        assert_eq!(*event.fact("cgroup_hierarchy"), hierarchy, "{event:?}");
    }

    /// The event's process lived in here or below.
    pub fn holds(&self, event: &Event) -> bool {
        let path = event.fact("cgroup_path").as_str().unwrap_or_default();
        path.strip_prefix(self.path())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// What was said of this cgroup and those below it.
    pub fn events<'a>(&self, report: &'a Report) -> Vec<&'a Event> {
        report
            .events
            .iter()
            .filter(|event| self.holds(event))
            .collect()
    }

    /// Waits until nothing lives in here any more.
    #[track_caller]
    pub fn await_empty(&self) {
        wait_until("the cgroup to be empty", SOON, || {
            self.read("cgroup.procs").is_empty()
        });
    }

    /// Ends whatever is left in here. Only ever processes that this test started.
    fn empty(&self) {
        for pid in self
            .read("cgroup.procs")
            .lines()
            .filter_map(|pid| pid.parse().ok())
        {
            // SAFETY: no pointers are involved; the process is one of this test's cgroup.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        self.empty();
        if poll_for(SOON, || fs::remove_dir(&self.folder).ok()).is_none() {
            let mut out = std::io::stderr();
            writeln!(out, "left behind: {}", self.folder.display()).ok();
        }
    }
}

/// Makes the command start in the cgroup of this folder.
pub fn enter(folder: &Path, command: &mut Command, standing: Standing) {
    let procs: OwnedFd = OpenOptions::new()
        .write(true)
        .open(folder.join("cgroup.procs"))
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .into();
    let enter = move || {
        // SAFETY: a short write of a live array to an open descriptor, and a call without
        // pointers; both are safe between fork and exec.
        let failed = unsafe {
            libc::write(procs.as_raw_fd(), b"0".as_ptr().cast(), 1) != 1
                || (standing == Standing::Root && libc::setsid() < 0)
        };
        if failed {
            return Err(std::io::Error::last_os_error());
        }
        Ok(())
    };
    // SAFETY: the closure makes two system calls, allocates nothing and takes no lock.
    unsafe { command.pre_exec(enter) };
}

/// The hierarchy's mount, as this process sees it.
pub fn mount_point(hierarchy: Hierarchy) -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("the mounts");
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ');
        let (_, target, kind, options) = (
            fields.next()?,
            fields.next()?,
            fields.next()?,
            fields.next()?,
        );
        let fits = match hierarchy {
            Hierarchy::V2 => kind == "cgroup2",
            Hierarchy::V1Memory => {
                kind == "cgroup" && options.split(',').any(|option| option == "memory")
            }
        };
        fits.then(|| Path::new(target).to_owned())
    })
}

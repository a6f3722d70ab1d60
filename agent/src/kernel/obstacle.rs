//! What keeps a program out of the kernel: the exact thing, and its cure.
//!
//! One list serves the refusal at start, the reason of an observer that cannot run, and `probe`.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::btf::KernelTypes;
use super::memlock::Memlock;

/// Where the kernel shows its types.
pub const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";
const LOCKDOWN: &str = "/sys/kernel/security/lockdown";
const USER_NAMESPACE: &str = "/proc/self/ns/user";
/// The inode of the first user namespace: `PROC_USER_INIT_INO`.
const FIRST_USER_NAMESPACE: u64 = 0xEFFF_FFFD;

/// Capabilities by number: any of the second column will do in place of the first.
const NEEDED: [(&str, u32); 2] = [("CAP_BPF", 39), ("CAP_PERFMON", 38)];
const CAP_SYS_ADMIN: u32 = 21;
const CAP_SYS_RESOURCE: u32 = 24;

/// One reason why something cannot run here.
#[derive(Debug)]
pub enum Obstacle {
    NoBtf,
    Capabilities(Vec<&'static str>),
    /// Capabilities of another user namespace than the first count for nothing here.
    UserNamespace,
    Lockdown,
    Memlock {
        limit_bytes: u64,
    },
    SystemCallFilter,
    NoHook,
    /// Nothing counts cycles here; the word is the one that heartbeats carry.
    NoPmu,
    NotCounted,
    NoObject {
        path: PathBuf,
        source: io::Error,
    },
    /// Programs from a file that are of another release.
    Foreign {
        object: &'static str,
        difference: String,
    },
    Refused {
        step: &'static str,
        source: libbpf_rs::Error,
    },
    Unmapped {
        what: &'static str,
        source: io::Error,
    },
}

impl fmt::Display for Obstacle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBtf => write!(
                out,
                "this kernel shows no types at {KERNEL_BTF}: run one built with CONFIG_DEBUG_INFO_BTF=y"
            ),
            Self::Capabilities(missing) => {
                write!(
                    out,
                    "missing capability {}: run as root or grant it",
                    missing.join(" and ")
                )
            }
            Self::UserNamespace => write!(
                out,
                "this is a user namespace, whose capabilities do not count for BPF: run it in the \
                 host's (no userns-remap, no rootless runtime, hostUsers: true)"
            ),
            Self::Lockdown => write!(
                out,
                "kernel lockdown is at confidentiality, which forbids reading kernel memory: boot with lockdown=integrity"
            ),
            Self::Memlock { limit_bytes } => write!(
                out,
                "the locked-memory limit is {limit_bytes} bytes and this kernel counts maps against it: \
                 raise it (ulimit -l unlimited, LimitMEMLOCK=infinity) or grant CAP_SYS_RESOURCE"
            ),
            Self::SystemCallFilter => write!(
                out,
                "a seccomp filter is in force and bpf() or perf_event_open() was refused: allow both \
                 in the runtime's profile"
            ),
            Self::NoHook => write!(out, "this kernel has no such tracepoint"),
            Self::NoPmu => write!(out, "no_pmu"),
            Self::NotCounted => write!(out, "this machine's CPUs do not count it"),
            Self::NoObject { path, source } => write!(out, "{}: {source}", path.display()),
            Self::Foreign { object, difference } => write!(
                out,
                "{object}.bpf.o is of another release ({difference}): take the one of this release, \
                 or leave out --ebpf-dir"
            ),
            Self::Refused { step, source } => write!(out, "the kernel refused to {step}: {source}"),
            Self::Unmapped { what, source } => write!(out, "the {what} cannot be mapped: {source}"),
        }
    }
}

impl std::error::Error for Obstacle {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoObject { source, .. } | Self::Unmapped { source, .. } => Some(source),
            Self::Refused { source, .. } => Some(source),
            Self::NoBtf
            | Self::Capabilities(_)
            | Self::UserNamespace
            | Self::Lockdown
            | Self::Memlock { .. }
            | Self::SystemCallFilter
            | Self::Foreign { .. }
            | Self::NoHook
            | Self::NoPmu
            | Self::NotCounted => None,
        }
    }
}

/// What this process and this kernel allow, as far as it can be known without trying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    pub has_btf: bool,
    /// Missing ones only.
    pub missing_capabilities: Vec<&'static str>,
    /// Whether capabilities are those of the machine, and not of some other user namespace.
    pub is_in_first_user_namespace: bool,
    /// Who this process is, and after its capabilities are gone still is.
    pub user: libc::uid_t,
    /// `none`, `integrity`, `confidentiality`; `None` where the kernel does not say.
    pub lockdown: Option<String>,
    pub memlock: Memlock,
    pub has_seccomp_filter: bool,
}

impl Surroundings {
    pub fn here(types: Option<&KernelTypes>) -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let capabilities = status_number(&status, "CapEff:", 16);
        let namespace = fs::metadata(USER_NAMESPACE).map(|about| about.ino());
        Self {
            has_btf: types.is_some(),
            missing_capabilities: missing(capabilities),
            // A kernel without user namespaces has only the first.
            is_in_first_user_namespace: namespace
                .map_or(true, |inode| inode == FIRST_USER_NAMESPACE),
            // SAFETY: the call takes nothing and cannot fail.
            user: unsafe { libc::geteuid() },
            lockdown: fs::read_to_string(LOCKDOWN)
                .ok()
                .and_then(|text| lockdown_level(&text)),
            memlock: Memlock::of(types, has(capabilities, CAP_SYS_RESOURCE)),
            has_seccomp_filter: status_number(&status, "Seccomp:", 10) == 2,
        }
    }

    /// What is known to be in the way, most telling first.
    pub fn obstacles(&self) -> Vec<Obstacle> {
        let mut found = Vec::new();
        if !self.missing_capabilities.is_empty() {
            found.push(Obstacle::Capabilities(self.missing_capabilities.clone()));
        }
        if !self.is_in_first_user_namespace {
            found.push(Obstacle::UserNamespace);
        }
        if !self.has_btf {
            found.push(Obstacle::NoBtf);
        }
        if self.lockdown.as_deref() == Some("confidentiality") {
            found.push(Obstacle::Lockdown);
        }
        if let Memlock::Short { limit_bytes } = self.memlock {
            found.push(Obstacle::Memlock { limit_bytes });
        }
        found
    }

    /// Why the kernel refused: what was known to be in the way, else its own words.
    pub fn explain(&self, step: &'static str, source: libbpf_rs::Error) -> Obstacle {
        if let Some(known) = self.obstacles().into_iter().next() {
            return known;
        }
        let refused = source.kind() == libbpf_rs::ErrorKind::PermissionDenied;
        if refused && self.has_seccomp_filter {
            return Obstacle::SystemCallFilter;
        }
        Obstacle::Refused { step, source }
    }
}

fn status_number(status: &str, key: &str, radix: u32) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix(key))
        .and_then(|value| u64::from_str_radix(value.trim(), radix).ok())
        .unwrap_or(0)
}

fn has(capabilities: u64, number: u32) -> bool {
    capabilities >> number & 1 == 1
}

fn missing(capabilities: u64) -> Vec<&'static str> {
    if has(capabilities, CAP_SYS_ADMIN) {
        return Vec::new();
    }
    NEEDED
        .iter()
        .filter(|(_, number)| !has(capabilities, *number))
        .map(|(name, _)| *name)
        .collect()
}

/// The word in brackets of `none [integrity] confidentiality`.
fn lockdown_level(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    let (level, _) = rest.split_once(']')?;
    Some(level.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surroundings() -> Surroundings {
        Surroundings {
            has_btf: true,
            missing_capabilities: Vec::new(),
            is_in_first_user_namespace: true,
            user: 0,
            lockdown: None,
            memlock: Memlock::NotCounted,
            has_seccomp_filter: false,
        }
    }

    #[test]
    fn capabilities_are_named_and_sys_admin_stands_for_all() {
        assert_eq!(missing(0), ["CAP_BPF", "CAP_PERFMON"]);
        assert_eq!(missing(1 << 39), ["CAP_PERFMON"]);
        assert_eq!(missing(1 << 39 | 1 << 38), [""; 0]);
        assert_eq!(missing(1 << 21), [""; 0]);
    }

    #[test]
    fn the_kernel_files_are_read_as_they_are_written() {
        let status = "Name:\tx\nCapEff:\t000001fffeffffff\nSeccomp:\t2\n";
        assert_eq!(status_number(status, "CapEff:", 16), 0x1ff_feff_ffff);
        assert_eq!(status_number(status, "Seccomp:", 10), 2);
        assert_eq!(
            lockdown_level("none [integrity] confidentiality\n").as_deref(),
            Some("integrity")
        );
        assert_eq!(lockdown_level("none"), None);
    }

    /// What the kernel says to a namespace's root under a runtime's filter is EPERM, as to anybody else.
    #[test]
    fn a_user_namespace_is_blamed_before_a_filter() {
        let refused = || libbpf_rs::Error::from(io::Error::from_raw_os_error(libc::EPERM));
        let filtered = Surroundings {
            has_seccomp_filter: true,
            ..surroundings()
        };
        let said = filtered.explain("load", refused()).to_string();
        assert!(said.contains("seccomp"), "{said}");
        let contained = Surroundings {
            is_in_first_user_namespace: false,
            ..filtered
        };
        let said = contained.explain("load", refused()).to_string();
        assert!(said.contains("user namespace"), "{said}");
    }

    #[test]
    fn the_most_telling_obstacle_comes_first() {
        let worst = Surroundings {
            has_btf: false,
            missing_capabilities: vec!["CAP_BPF"],
            is_in_first_user_namespace: false,
            lockdown: Some("confidentiality".into()),
            memlock: Memlock::Short {
                limit_bytes: 65_536,
            },
            ..surroundings()
        };
        let said: Vec<_> = worst.obstacles().iter().map(ToString::to_string).collect();
        let words = [
            "CAP_BPF",
            "user namespace",
            "CONFIG_DEBUG_INFO_BTF",
            "lockdown",
            "65536",
        ];
        assert_eq!(said.len(), words.len());
        for (text, word) in said.iter().zip(words) {
            assert!(text.contains(word), "{text}");
        }
        assert!(surroundings().obstacles().is_empty());
    }
}

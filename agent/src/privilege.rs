//! Gives up every privilege once the kernel programs run.
//!
//! Counters, config and folds are mapped memory and links live as long as their descriptors, so
//! nothing that follows needs a capability. What is left is the uid: root without capabilities
//! still owns root's files, which the evidence directory may be one of.

use std::fmt;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;

/// One error, named by the step that was refused.
#[derive(Debug)]
pub struct PrivilegeError {
    step: &'static str,
    cause: io::Error,
}

impl fmt::Display for PrivilegeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "privileges cannot be dropped ({}): {}",
            self.step, self.cause
        )
    }
}

impl std::error::Error for PrivilegeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// `_LINUX_CAPABILITY_VERSION_3`: two words of each set.
const CAPABILITY_VERSION: u32 = 0x2008_0522;

#[repr(C)]
struct Header {
    version: u32,
    pid: libc::c_int,
}

#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Drops all capabilities of the calling thread and of those it starts, for good.
pub fn drop_all() -> Result<(), PrivilegeError> {
    let named = |step| move |cause| PrivilegeError { step, cause };
    control(libc::PR_SET_NO_NEW_PRIVS, 1).map_err(named("no_new_privs"))?;
    control(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL).map_err(named("ambient set"))?;
    empty_bounding_set().map_err(named("bounding set"))?;
    set_none().map_err(named("capset"))
}

/// Without CAP_SETPCAP the bounding set stays as it is; with no_new_privs no exec can use it.
fn empty_bounding_set() -> io::Result<()> {
    for capability in 0.. {
        match control(libc::PR_CAPBSET_DROP, capability) {
            Ok(()) => {}
            Err(error) => match error.raw_os_error() {
                Some(libc::EINVAL | libc::EPERM) => break, // past the last one, or not ours to drop
                Some(_) | None => return Err(error),
            },
        }
    }
    Ok(())
}

/// Whether a process without capabilities may make and replace files in this folder, by its mode
/// and owner: what the agent will be when it has to.
pub fn may_write(about: &Metadata) -> bool {
    // SAFETY: neither call takes anything or can fail.
    let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let is_of_group = about.gid() == group || further_groups(&status).any(|gid| gid == about.gid());
    let wanted = match (about.uid() == user, is_of_group) {
        (true, _) => 0o300,
        (false, true) => 0o030,
        (false, false) => 0o003,
    };
    about.mode() & wanted == wanted
}

/// The groups of a process besides its own, from what `/proc/PID/status` says of it.
fn further_groups(status: &str) -> impl Iterator<Item = u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Groups:"));
    let words = line.into_iter().flat_map(str::split_whitespace);
    words.filter_map(|word| word.parse().ok())
}

fn control(option: libc::c_int, argument: libc::c_int) -> io::Result<()> {
    let argument = libc::c_long::from(argument);
    let zero: libc::c_long = 0;
    // SAFETY: all options used here take integers only.
    let outcome = unsafe { libc::prctl(option, argument, zero, zero, zero) };
    if outcome < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn set_none() -> io::Result<()> {
    let header = Header {
        version: CAPABILITY_VERSION,
        pid: 0,
    };
    let none = [Sets::default(); 2];
    // SAFETY: version 3 reads one header and two words of each set, which is what is passed; the
    // kernel writes to neither.
    let outcome = unsafe { libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()) };
    if outcome < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_of_further_groups_too() {
        let status = "Name:\ttapio-agent\nGid:\t7\t7\t7\t7\nGroups:\t4 998 1000 \nNStgid:\t1\n";
        assert_eq!(further_groups(status).collect::<Vec<_>>(), [4, 998, 1000]);
        assert_eq!(further_groups("Groups:\t\n").count(), 0);
    }

    #[test]
    fn nothing_is_left_in_any_set() {
        // Capabilities are the thread's own: the other tests keep theirs.
        let status = std::thread::spawn(|| {
            drop_all().expect("dropping is always allowed");
            std::fs::read_to_string("/proc/thread-self/status").expect("readable")
        })
        .join()
        .expect("no panic");
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name));
            let value = line.and_then(|line| line.split('\t').nth(1));
            value.expect("the kernel says it").to_owned()
        };
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
            assert_eq!(field(set), "0".repeat(16), "{set}");
        }
        assert_eq!(field("NoNewPrivs:"), "1");
    }
}

//! Locked memory, which the kernel counts maps as before 5.11.
//!
//! The limit is looked at, and raised as far as it goes. How much of it is used already is the
//! kernel's to know: it counts by user, and refuses the map that is too much.

use std::io;

use super::btf::KernelTypes;

/// What the maps take with room to spare.
const NEEDED_BYTES: u64 = 64 << 20;

/// Whether locked memory can stop maps from being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memlock {
    /// This kernel does not count maps as locked memory.
    NotCounted,
    /// It does, and the limit is high enough or can be raised.
    Enough,
    Short {
        limit_bytes: u64,
    },
}

impl Memlock {
    /// Kernels that count have `struct bpf_map_memory`. `may_raise`: whoever has CAP_SYS_RESOURCE.
    pub(super) fn of(types: Option<&KernelTypes>, may_raise: bool) -> Self {
        if !types.is_some_and(|types| types.has_struct("bpf_map_memory")) {
            return Self::NotCounted;
        }
        match limit() {
            Ok(limit) if limit.rlim_max < NEEDED_BYTES && !may_raise => Self::Short {
                limit_bytes: limit.rlim_max,
            },
            // What cannot be known is left to the kernel to refuse.
            Ok(_) | Err(_) => Self::Enough,
        }
    }
}

/// Raises the limit of locked memory as far as it goes without a capability. The library that loads
/// asks for no limit at all, and where it may not have that leaves the one in force as low as it was.
pub fn raise() -> io::Result<()> {
    let limit = limit()?;
    let raised = libc::rlimit {
        rlim_cur: limit.rlim_max,
        ..limit
    };
    // SAFETY: `raised` is a whole rlimit that lives across the call.
    match unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const raised) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn limit() -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is room for the answer.
    match unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) } {
        0 => Ok(limit),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_in_force_is_raised_to_the_highest_that_may_be() {
        let low = libc::rlimit {
            rlim_cur: 4_096,
            ..limit().expect("it has one")
        };
        // SAFETY: `low` is a whole rlimit that lives across the call.
        unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const low) };
        raise().expect("no capability is asked for");
        let raised = limit().expect("it has one");
        assert_eq!(raised.rlim_cur, low.rlim_max);
    }
}

//! Who this agent is: its node, its run, this boot.

use std::ffi::CStr;
use std::io;

use crate::clock;
use crate::settings::Settings;

/// Asked for once, at the start.
#[derive(Debug, Clone)]
pub struct Identity {
    pub node_name: String,
    pub boot_id: String,
    /// Ten random bytes from which the ids of this run are counted.
    pub seed: [u8; 10],
}

impl Identity {
    pub fn of(settings: &Settings) -> io::Result<Self> {
        let node_name = match &settings.node_name {
            Some(name) => name.clone(),
            None => host_name()?,
        };
        Ok(Self {
            node_name,
            boot_id: clock::boot_id()?,
            seed: random_seed()?,
        })
    }

    /// What the jitter of this run begins with.
    pub fn chance_seed(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, _, _] = self.seed;
        u64::from_ne_bytes([a, b, c, d, e, f, g, h])
    }
}

fn host_name() -> io::Result<String> {
    let mut name = [0u8; 256];
    // SAFETY: the buffer is writable for its length; one byte is held back for the NUL.
    let outcome = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) };
    if outcome != 0 {
        return Err(io::Error::last_os_error());
    }
    let name = CStr::from_bytes_until_nul(&name).map_err(io::Error::other)?;
    Ok(name.to_string_lossy().into_owned())
}

fn random_seed() -> io::Result<[u8; 10]> {
    let mut seed = [0u8; 10];
    // By number, not by name: std refers to musl's `getrandom` weakly, and linked together the
    // weak reference wins, so that the static binary would call address 0.
    // SAFETY: the buffer is writable for its length. So few bytes are never cut short.
    let got = unsafe { libc::syscall(libc::SYS_getrandom, seed.as_mut_ptr(), seed.len(), 0) };
    if got < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_differ_and_the_host_has_a_name() {
        let (first, second) = (random_seed(), random_seed());
        assert_ne!(first.expect("random"), second.expect("random"));
        assert!(!host_name().expect("named").is_empty());
    }
}

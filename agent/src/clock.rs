//! The clocks and the identity of this boot. The only place that asks either.
//!
//! Kernel records are stamped with boot time, which counts suspend and never steps; wall time is
//! derived from one reading of both clocks per batch.

use std::io;
use std::time::Duration;

use tapio_common::time::{NANOS_PER_SECOND, Now, Timestamp};

const BOOT_ID_PATH: &str = "/proc/sys/kernel/random/boot_id";

/// Both clocks, read back to back.
pub fn now() -> Now {
    Now {
        wall: Timestamp(read(libc::CLOCK_REALTIME)),
        boot_nanos: boot_nanos(),
    }
}

/// Since boot, suspend included.
pub fn boot_nanos() -> u64 {
    read(libc::CLOCK_BOOTTIME)
}

/// The moment that far from now, on the same clock.
pub fn boot_nanos_in(distance: Duration) -> u64 {
    boot_nanos().saturating_add(nanos(distance))
}

/// Half a millennium fits.
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut at = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `at` is a valid timespec to write to. Both clocks exist on every kernel we load on,
    // and the call has no other way to fail.
    unsafe { libc::clock_gettime(clock, &raw mut at) };
    let seconds = u64::try_from(at.tv_sec).unwrap_or(0); // before 1970: the epoch
    let nanos = u64::try_from(at.tv_nsec).unwrap_or(0);
    seconds
        .saturating_mul(NANOS_PER_SECOND)
        .saturating_add(nanos)
}

/// The kernel's own name for this boot.
pub fn boot_id() -> io::Result<String> {
    Ok(std::fs::read_to_string(BOOT_ID_PATH)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_run_and_the_boot_has_a_name() {
        let first = now();
        let second = now();
        assert!(second.boot_nanos >= first.boot_nanos);
        assert!(first.wall > Timestamp(1_700_000_000 * NANOS_PER_SECOND));
        assert_eq!(boot_id().expect("Linux names its boots").len(), 36);
    }
}

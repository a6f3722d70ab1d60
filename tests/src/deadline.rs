//! Waiting for something to become true, with a limit.
//!
//! The one place where a test gives time away. A probe is asked every few milliseconds until it
//! answers; when the limit passes first, the test fails with what it was waiting for.

use std::thread;
use std::time::{Duration, Instant};

/// Between two questions: short against every limit in use, long against a probe's own cost.
const PAUSE: Duration = Duration::from_millis(5);

/// For what ought to happen at once, on a machine that may be busy with other things.
pub const SOON: Duration = Duration::from_secs(10);

/// Asks `probe` until it answers; `None` once `limit` has passed.
pub fn poll_for<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = probe() {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        thread::sleep(PAUSE);
    }
}

/// Returns when this moment has come, for a load that keeps a pace.
pub fn wait_for_moment(moment: Instant) {
    thread::sleep(moment.saturating_duration_since(Instant::now()));
}

/// Asks `probe` until it answers, or fails the test.
///
/// # Panics
/// When `limit` has passed.
#[track_caller]
pub fn wait_for<T>(what: &str, limit: Duration, probe: impl FnMut() -> Option<T>) -> T {
    poll_for(limit, probe).unwrap_or_else(|| panic!("waited {limit:?} in vain for {what}"))
}

/// Waits until `probe` holds, or fails the test.
///
/// # Panics
/// When `limit` has passed.
#[track_caller]
pub fn wait_until(what: &str, limit: Duration, mut probe: impl FnMut() -> bool) {
    wait_for(what, limit, || probe().then_some(()));
}

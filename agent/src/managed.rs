//! Controller-managed mode: hello, config, heartbeat, and what both threads that speak to the
//! controller have in common.
//!
//! The thread `heartbeat` takes turns ([`turns`]): one short connection for all that is due, closed
//! after. What it says is put together in [`report`], what is asked and answered in [`exchange`],
//! when in [`rhythm`]. A config is applied to mapped memory ([`in_force`]) and kept for the next
//! start ([`last_config`]). None of it is ever in the way of observation.

mod about;
mod exchange;
mod in_force;
mod last_config;
mod link;
mod report;
mod rhythm;
mod turns;

use self::last_config::LastConfig;
use self::turns::Turns;
use crate::accounts::Accounts;
use crate::config::{ConfigError, NamedConfig};
use crate::http::Chance;
use crate::kept::Kept;
use crate::settings::{Intervals, Settings};

pub use exchange::{JSON, LIMITS, Trouble};
pub use in_force::InForce;
pub use link::Link;

/// What the thread `heartbeat` is made of, before anything is loaded.
pub struct Managed<'a> {
    link: &'a Link,
    kept: &'a Kept,
    intervals: Intervals,
    last: LastConfig,
}

impl<'a> Managed<'a> {
    /// And the config an earlier run left, which is in force until the controller says otherwise.
    pub fn open(
        settings: &Settings,
        link: &'a Link,
        kept: &'a Kept,
    ) -> Result<(Self, Option<NamedConfig>), ConfigError> {
        if let Some(path) = &settings.config {
            return Err(ConfigError::Managed(path.clone()));
        }
        let last = LastConfig::in_folder(&settings.state_dir);
        let found = last.load();
        if let Some((_, batching)) = &found {
            link.set_batching(*batching);
        }
        let managed = Self {
            link,
            kept,
            intervals: settings.intervals,
            last,
        };
        Ok((managed, found.map(|(named, _)| named)))
    }

    /// The thread's own self. `seed` differs from agent to agent, and so does their jitter.
    pub fn turns(self, in_force: InForce<'a>, accounts: &'a Accounts, seed: u64) -> Turns<'a> {
        Turns::new(self, in_force, accounts, Chance::new(seed))
    }
}

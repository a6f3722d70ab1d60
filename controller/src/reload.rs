//! When the profile is read again, and what comes of it.
//!
//! The file is looked at, not subscribed to: a ConfigMap is updated by swapping a link two
//! folders up, which a look through the path always sees. A config that is the same keeps its
//! generation; one that is invalid is refused loudly, once, and the old one stays.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tapio_wire::Batching;

use crate::config::ActiveConfig;
use crate::profile_file::{self, BadProfile};
use crate::registry::Shared;

/// A file written this short a time ago may be written again without its time changing: it is
/// looked into once more.
const UNSETTLED: Duration = Duration::from_secs(2);

/// What tells one state of the file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fingerprint {
    device: u64,
    inode: u64,
    bytes: u64,
    modified_seconds: i64,
    modified_nanos: i64,
    /// Of the inode: who may read the file, and what was written under a time set back.
    changed_seconds: i64,
    changed_nanos: i64,
}

impl From<&Metadata> for Fingerprint {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified_seconds: metadata.mtime(),
            modified_nanos: metadata.mtime_nsec(),
            changed_seconds: metadata.ctime(),
            changed_nanos: metadata.ctime_nsec(),
        }
    }
}

impl Fingerprint {
    fn is_settled(&self, now: SystemTime) -> bool {
        let Ok(seconds) = u64::try_from(self.changed_seconds) else {
            return true;
        };
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        // A time in the future never settles by waiting; it changes when the file does.
        now.duration_since(changed)
            .map_or(true, |age| age > UNSETTLED)
    }
}

/// Remembers what was read, and so decides what is worth reading.
#[derive(Debug, Default)]
struct Sight {
    read: Option<Fingerprint>,
    settled: bool,
}

impl Sight {
    /// Whether the file is to be read, given how it looks now.
    fn calls_for_reading(&mut self, found: Option<Fingerprint>, now: SystemTime) -> bool {
        let Some(found) = found else {
            // Between two links of a swap there may be no file; what was read stays read. A pipe
            // has said all it had to say.
            return false;
        };
        let changed = self.read != Some(found);
        let again = !self.settled;
        self.read = Some(found);
        self.settled = found.is_settled(now);
        changed || again
    }
}

/// What a reload came to.
#[derive(Debug)]
pub enum Outcome {
    Adopted(Arc<ActiveConfig>),
    Same,
    Refused(BadProfile),
}

/// Keeps the served config in step with a profile file.
#[derive(Debug)]
pub struct Reloader {
    path: PathBuf,
    batching: Batching,
    registry: Arc<Shared>,
    sight: Sight,
    last_complaint: Option<String>,
}

impl Reloader {
    /// For a profile that was just read: the first look reads it once more, because it may have
    /// changed since.
    pub fn new(path: PathBuf, batching: Batching, registry: Arc<Shared>) -> Self {
        Self {
            path,
            batching,
            registry,
            sight: Sight::default(),
            last_complaint: None,
        }
    }

    /// Looks at the file, and reloads if it seems to have changed.
    pub fn look(&mut self, now: SystemTime) {
        let found = std::fs::metadata(&self.path).ok();
        let found = found.as_ref().filter(|found| found.is_file());
        let found = found.map(Fingerprint::from);
        if self.sight.calls_for_reading(found, now) {
            self.reload(false);
        }
    }

    /// Reloads now, as the operator asked, and says what came of it in any case.
    pub fn reload_as_asked(&mut self) {
        self.last_complaint = None;
        self.reload(true);
    }

    fn reload(&mut self, asked: bool) {
        match self.load() {
            Outcome::Adopted(config) => {
                self.last_complaint = None;
                log::info!(
                    "profile: generation {} is served from now on, {}",
                    config.generation.0,
                    config.hash
                );
            }
            Outcome::Same => {
                self.last_complaint = None;
                if asked {
                    log::info!("profile: read again, and the config is the same");
                }
            }
            Outcome::Refused(bad) => {
                let complaint = bad.to_string();
                if self.last_complaint.as_ref() != Some(&complaint) {
                    log::error!("{complaint}; the config served so far stays");
                    self.last_complaint = Some(complaint);
                }
            }
        }
    }

    fn load(&self) -> Outcome {
        let compiled = match profile_file::load_again(&self.path) {
            Ok(compiled) => compiled,
            Err(bad) => return Outcome::Refused(bad),
        };
        let served = self.registry.with(|registry| registry.config());
        let next = ActiveConfig::new(served.next_generation(), compiled, self.batching);
        match next {
            Ok(next) if next.hash != served.hash => {
                let next = Arc::new(next);
                let adopted = Arc::clone(&next);
                drop(self.registry.with(|registry| registry.adopt(adopted)));
                Outcome::Adopted(next)
            }
            // A compiled config is numbers and flags: it always serialises.
            Ok(_) | Err(_) => Outcome::Same,
        }
    }
}

#[cfg(test)]
mod tests;

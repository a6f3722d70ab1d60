//! The status file: what `tapio-agent healthcheck` finds out about an agent that runs here.
//!
//! Nothing wakes an idle agent for it. Whoever wants to know takes a look at the lock, which the
//! kernel holds for as long as the process lives, and asks with a signal; the batch thread, through
//! which every event goes, answers by counting up in the file, for itself and for each ring thread
//! that has heard the question. Who hangs does not answer. Written in place, so that neither a full
//! disk nor a folder of somebody else is in the way later.

mod check;
mod lock;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tapio_common::catalogue::Observer;
use tapio_common::coverage::Entry;
use tapio_common::sink::{Sink, Written};
use tapio_common::time::{Now, Timestamp};

pub use self::check::{ASK, check, verdict};
use self::lock::Holder;
use crate::roll_call::RollCall;

/// In `--state-dir`.
const FILE: &str = "status.json";

/// Room for every status there can be, so that a new one covers all of the one before. A hash is
/// the controller's word, of any letters, and takes twice its length where they have to be escaped.
const STATUS_BYTES: usize = 1_280;

/// Where an agent is between its start and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Starting,
    Observing,
    /// It left in good order.
    Left,
}

/// What stands in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    format: u32,
    version: String,
    boot_id: String,
    since: Timestamp,
    stage: Stage,
    /// How often the batch thread was asked and has answered.
    answers: u64,
    /// Up to which question each ring's thread has heard, by its observer.
    #[serde(default)]
    rings: BTreeMap<String, u64>,
    config_generation: u32,
    config_hash: String,
    /// Event types that are looked for, and those that are not.
    types: usize,
    types_missing: usize,
}

const FORMAT: u32 = 1;

impl Status {
    /// The rings whose threads have heard nothing after that question.
    fn silent_since(&self, question: u64) -> impl Iterator<Item = &str> {
        let silent = self
            .rings
            .iter()
            .filter(move |(_, heard)| **heard <= question);
        silent.map(|(name, _)| name.as_str())
    }

    /// One line, always of the same length.
    fn to_bytes(&self) -> [u8; STATUS_BYTES] {
        let mut bytes = [b' '; STATUS_BYTES];
        let text = serde_json::to_vec(self).expect("numbers and texts always serialise");
        bytes[..text.len()].copy_from_slice(&text);
        bytes[STATUS_BYTES - 1] = b'\n';
        bytes
    }
}

/// The batch thread's end of it.
#[derive(Debug)]
pub struct StatusFile<'a> {
    file: File,
    path: PathBuf,
    status: Status,
    roll: &'a RollCall,
}

impl<'a> StatusFile<'a> {
    /// `None`, and a warning, where there can be no such file: evidence does not hang on it.
    pub fn open(
        folder: &Path,
        boot_id: &str,
        since: Timestamp,
        roll: &'a RollCall,
    ) -> Option<Self> {
        let path = folder.join(FILE);
        match Self::take(&path, folder) {
            Ok(Ok(file)) => {
                let mut status = Self {
                    file,
                    path,
                    status: first(boot_id, since),
                    roll,
                };
                status.write();
                Some(status)
            }
            Ok(Err(holder)) => {
                let path = path.display();
                log::warn!("healthcheck will speak of another agent: {holder} holds {path}");
                None
            }
            Err(error) => {
                log::warn!(
                    "healthcheck will not find this agent: {}: {error}",
                    path.display()
                );
                None
            }
        }
    }

    fn take(path: &Path, folder: &Path) -> io::Result<Result<File, Holder>> {
        fs::create_dir_all(folder)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        if let Err(holder) = lock::take(&file)? {
            return Ok(Err(holder));
        }
        file.set_permissions(PermissionsExt::from_mode(0o644))?;
        file.set_len(0)?; // whatever stood there was another run's
        Ok(Ok(file))
    }

    fn write(&mut self) {
        if let Err(error) = self.file.write_all_at(&self.status.to_bytes(), 0) {
            log::warn!("{} is out of date: {error}", self.path.display());
        }
    }
}

fn first(boot_id: &str, since: Timestamp) -> Status {
    Status {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        boot_id: boot_id.to_owned(),
        since,
        stage: Stage::Starting,
        answers: 0,
        rings: BTreeMap::new(),
        config_generation: 0,
        config_hash: String::new(),
        types: 0,
        types_missing: 0,
    }
}

/// No sink of occurrences: it is woken with them, and told what is looked at.
impl Sink for StatusFile<'_> {
    fn take(&mut self, _written: &Written<'_>) {}

    fn flush(&mut self, _now: Now) -> Option<Duration> {
        let Self { status, roll, .. } = self;
        let is_new =
            |(observer, heard): (Observer, u64)| status.rings.get(observer.name()) != Some(&heard);
        if roll.asked() != status.answers || roll.heard().any(is_new) {
            let rings = roll.heard();
            status.rings = rings
                .map(|(observer, heard)| (observer.name().to_owned(), heard))
                .collect();
            status.answers = roll.asked();
            self.write();
        }
        None
    }

    fn cover(&mut self, entry: &Entry) {
        if let Entry::Looking(looking) = entry {
            self.status.stage = Stage::Observing;
            self.status.config_generation = looking.config_generation;
            self.status.config_hash.clone_from(&looking.config_hash);
            self.status.types = looking.types.len();
            self.status.types_missing = looking.types_missing.len();
            self.write();
        }
    }
}

/// The lock goes when the file is closed, which is after this.
impl Drop for StatusFile<'_> {
    fn drop(&mut self) {
        self.status.stage = Stage::Left;
        self.write();
    }
}

#[cfg(test)]
mod tests;

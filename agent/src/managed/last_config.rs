//! The config that was applied last, kept in `--state-dir` for the next start.
//!
//! What is kept are the very bytes the controller sent, its own hash of the config among them,
//! behind a line with the digest of those bytes. It is replaced in one step, so that a crash leaves
//! the old one or the new one; whatever else is found there is not used, and said to be so.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use tapio_common::evidence::disk::{Access, Disk, Folder, read_whole, replace};
use tapio_common::evidence::seal::Sha;
use tapio_wire::limits::CONFIG_RESPONSE_BYTES_MAX;
use tapio_wire::{Batching, ConfigResponse, WireError};

use super::in_force::{Unfit, fit};
use crate::config::NamedConfig;

pub const FILE: &str = "last-config";

/// The digest in hexadecimal digits, and a line break.
const DIGEST_LINE_BYTES: usize = 65;

/// The file, and whether it could be written the last time.
#[derive(Debug)]
pub struct LastConfig {
    folder: Folder,
    is_failing: bool,
}

/// Why a file that is there is not used.
#[derive(Debug)]
enum Damage {
    Unreadable(io::Error),
    /// It does not hold what was written.
    Digest,
    NotAConfig(WireError),
    Unfit(Unfit),
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => error.fmt(out),
            Self::Digest => out.write_str("it is damaged"),
            Self::NotAConfig(error) => write!(out, "it holds no config: {}", error.code.name()),
            Self::Unfit(unfit) => unfit.fmt(out),
        }
    }
}

impl LastConfig {
    /// The folder is made if it is not there. What is wrong with it shows when it is written to.
    pub fn in_folder(path: &Path) -> Self {
        fs::create_dir_all(path).ok();
        Self {
            folder: Folder::new(path),
            is_failing: false,
        }
    }

    /// What an earlier run applied last.
    pub fn load(&self) -> Option<(NamedConfig, Batching)> {
        match self.read() {
            Ok(found) => Some(found),
            Err(Damage::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound => None,
            Err(damage) => {
                let path = self.folder.path().join(FILE);
                log::warn!("the config in {} is not used: {damage}", path.display());
                None
            }
        }
    }

    fn read(&self) -> Result<(NamedConfig, Batching), Damage> {
        let limit = DIGEST_LINE_BYTES + CONFIG_RESPONSE_BYTES_MAX;
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        let bytes = read_whole(&self.folder, FILE, limit).map_err(Damage::Unreadable)?;
        let (line, body) = bytes
            .split_at_checked(DIGEST_LINE_BYTES)
            .ok_or(Damage::Digest)?;
        if line != digest_line(body).as_bytes() {
            return Err(Damage::Digest);
        }
        let response = ConfigResponse::parse(body).map_err(Damage::NotAConfig)?;
        let batching = response.batching;
        let named = fit(response).map_err(Damage::Unfit)?;
        Ok((named, batching))
    }

    /// Keeps the body of the answer whose config was just applied.
    pub fn store(&mut self, body: &[u8]) {
        let mut bytes = digest_line(body).into_bytes();
        bytes.extend_from_slice(body);
        let stored = replace(&self.folder, FILE, &bytes, Access::Writable)
            .and_then(|()| self.folder.sync_names());
        match stored {
            Ok(()) => self.is_failing = false,
            Err(error) if !self.is_failing => {
                let path = self.folder.path().join(FILE);
                log::warn!(
                    "a restart will not know this config: {}: {error}",
                    path.display()
                );
                self.is_failing = true;
            }
            Err(_) => {}
        }
    }
}

fn digest_line(body: &[u8]) -> String {
    format!("{}\n", Sha::of(body))
}

#[cfg(test)]
mod tests;

//! `--metrics-file`: the ledger as Prometheus text, for node_exporter's textfile collector.
//!
//! It gets the books when the sinks do, and rewrites the file when a figure has changed: at most
//! every ten seconds, never only because time has passed. So an old file is no sign of trouble. An
//! agent that leaves writes `tapio_agent_up 0` last; whether one that did not leave is still there
//! is what `tapio-agent healthcheck` finds out.

mod page;

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tapio_common::ledger::Ledger;
use tapio_common::sink::{Sink, Written};
use tapio_common::time::Now;

use crate::accounts::Accounts;
use crate::privilege;

/// Where a page goes, and what stands there.
pub struct MetricsFile<'a> {
    path: PathBuf,
    /// In the same folder, so that the new page takes the old one's place at once; the collector
    /// does not read it, because it does not end in `.prom`.
    draft: PathBuf,
    accounts: &'a Accounts,
    ledger: Ledger,
    written: String,
    is_refused: bool,
}

/// Why there can be no such file.
#[derive(Debug)]
pub enum MetricsError {
    Unusable(PathBuf, io::Error),
    /// The folder is another user's, and the agent will have no privileges.
    NotOurs(PathBuf, u32),
}

impl fmt::Display for MetricsError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(path, error) => {
                write!(
                    out,
                    "metrics cannot be written to {}: {error}",
                    path.display()
                )
            }
            Self::NotOurs(folder, owner) => write!(
                out,
                "metrics cannot be written in {}: it belongs to user {owner}; let the agent's \
                 user write there, or name another file with --metrics-file",
                folder.display()
            ),
        }
    }
}

impl std::error::Error for MetricsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unusable(_, error) => Some(error),
            Self::NotOurs(..) => None,
        }
    }
}

impl<'a> MetricsFile<'a> {
    /// Writes the first page: what cannot be written is known before anything is observed.
    pub fn open(path: &Path, accounts: &'a Accounts) -> Result<Self, MetricsError> {
        let unusable = |error| MetricsError::Unusable(path.to_owned(), error);
        let name = path
            .file_name()
            .ok_or_else(|| unusable(io::ErrorKind::InvalidInput.into()))?;
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            Some(_) | None => Path::new("."),
        };
        let about = fs::metadata(folder).map_err(unusable)?;
        if !privilege::may_write(&about) {
            return Err(MetricsError::NotOurs(folder.to_owned(), about.uid()));
        }
        let mut draft = std::ffi::OsString::from(".");
        draft.push(name);
        draft.push(".draft");
        let mut file = Self {
            path: path.to_owned(),
            draft: folder.join(draft),
            accounts,
            ledger: Ledger::default(),
            written: String::new(),
            is_refused: false,
        };
        file.write(true).map_err(unusable)?;
        Ok(file)
    }

    fn write(&mut self, is_up: bool) -> io::Result<()> {
        let page = page::page(self.accounts, &self.ledger, is_up);
        if page != self.written {
            fs::write(&self.draft, &page)?;
            fs::rename(&self.draft, &self.path)?;
            self.written = page;
        }
        Ok(())
    }

    /// Writes, and says so in the log when that begins or ceases to fail.
    fn write_on(&mut self, is_up: bool) {
        let path = self.path.clone();
        match self.write(is_up) {
            Ok(()) if self.is_refused => {
                self.is_refused = false;
                log::info!("metrics are written to {} again", path.display());
            }
            Ok(()) => {}
            Err(error) if !self.is_refused => {
                self.is_refused = true;
                log::warn!("{}", MetricsError::Unusable(path, error));
            }
            Err(_) => {}
        }
    }
}

/// No sink of occurrences: a reader of the books beside those that keep them.
impl Sink for MetricsFile<'_> {
    fn take(&mut self, _written: &Written<'_>) {}

    fn flush(&mut self, _now: Now) -> Option<Duration> {
        None
    }

    fn account(&mut self, ledger: &Ledger) {
        self.ledger.clone_from(ledger);
        self.write_on(true);
    }
}

/// The agent leaves.
impl Drop for MetricsFile<'_> {
    fn drop(&mut self) {
        self.write_on(false);
    }
}

#[cfg(test)]
mod tests;

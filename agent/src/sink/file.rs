//! The evidence directory: every occurrence kept, sealed and accounted for.
//!
//! What is written how is [`tapio_common::evidence`]'s to say; here is what that leaves open: who
//! may write (one agent, by a lock), the clock, the log, and the word, up to when all that was
//! seen is stored. It writes on the batch thread, a line at a time, so that a crash costs at most
//! the line in the making. What the disk refuses is dropped and counted, and tried again with the
//! next line.

mod directory;
mod lock;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tapio_common::coverage::Entry;
use tapio_common::evidence::disk::Folder;
use tapio_common::evidence::seal::Sha;
use tapio_common::evidence::word::WORD_EVERY_NANOS;
use tapio_common::evidence::{Notice, Recovered, Writer};
use tapio_common::ledger::Ledger;
use tapio_common::sink::{DropReason, Sink, SinkAccount, Written};
use tapio_common::time::{NANOS_PER_SECOND, Now, Timestamp};

use self::lock::Lock;
use super::{Opened, Outfit, SinkError};
use crate::clock;
use crate::kept::Kept;

pub use self::directory::FileError;

/// While something happens the word is given this often.
const WORD_BUSY_NANOS: u64 = 10 * NANOS_PER_SECOND;

/// A fact this old has left the hook that saw it: none can still be on its way to the counters.
const HOOK_NANOS_MAX: u64 = 10_000_000;

pub fn open<'a>(outfit: &Outfit<'a>, account: &'a SinkAccount) -> Result<Opened<'a>, SinkError> {
    let file = File::open(
        &outfit.settings.data_dir,
        outfit.settings.evidence,
        outfit.kept,
        account,
        clock::now(),
    )?;
    Ok(Opened {
        front: Box::new(file),
        task: None,
    })
}

/// The sink's whole self: it has no thread of its own.
struct File<'a> {
    path: PathBuf,
    writer: Writer<Folder>,
    lock: Lock,
    kept: &'a Kept,
    told_head: Option<Sha>,
    account: &'a SinkAccount,
    /// The reading of the clocks for the batch in hand.
    now: Option<Now>,
    flushed: Now,
    word_at: Option<u64>,
    /// What the disk refuses now, so that it is logged once and not per line.
    refusal: Option<DropReason>,
}

impl<'a> File<'a> {
    fn open(
        path: &std::path::Path,
        limits: tapio_common::evidence::Limits,
        kept: &'a Kept,
        account: &'a SinkAccount,
        now: Now,
    ) -> Result<Self, FileError> {
        directory::prepare(path)?;
        let (lock, word) = Lock::take(path)?;
        let stored_to = word.map(|word| word.stored_to);
        let (writer, recovered) = Writer::open(Folder::new(path), limits, stored_to, now)
            .map_err(|error| FileError::Unusable(path.to_owned(), error))?;
        tell_recovered(path, &recovered);
        let mut file = Self {
            path: path.to_owned(),
            writer,
            lock,
            kept,
            told_head: None,
            account,
            now: None,
            flushed: now,
            word_at: None,
            refusal: None,
        };
        file.tell_head();
        Ok(file)
    }

    /// Whoever anchors the directory outside of it has to know its newest seal.
    fn tell_head(&mut self) {
        let head = self.writer.head();
        if head.map(|head| head.sha256) != self.told_head {
            self.told_head = head.map(|head| head.sha256);
            head.into_iter()
                .for_each(|head| self.kept.set_head(head.clone()));
        }
    }

    fn refused(&mut self, error: &io::Error) {
        let reason = reason_of(error);
        self.account.drop_for(reason, 1);
        if self.refusal.replace(reason) != Some(reason) {
            let path = self.path.display();
            log::error!("evidence cannot be kept in {path}, it is dropped and counted: {error}");
        }
    }

    fn taken(&mut self) {
        self.account.deliver(1);
        self.kept.store();
        if self.refusal.take().is_some() {
            log::info!("evidence is kept in {} again", self.path.display());
        }
    }

    fn tell(&mut self) {
        for notice in self.writer.take_notices() {
            match notice {
                Notice::Sealed(_) => log::debug!("{notice}"),
                Notice::Expired(_) | Notice::ClockSet { .. } => log::info!("{notice}"),
                // Refused with the lines, and said there; tried again until it works.
                Notice::CoverageWaits(_) if self.refusal.is_some() => log::debug!("{notice}"),
                Notice::NotSealed(..)
                | Notice::NotSynced(..)
                | Notice::NotExpired(..)
                | Notice::CoverageWaits(_)
                | Notice::LedgerNotWritten(_) => log::warn!("{notice}"),
            }
        }
    }

    /// Gives the word if all that was seen until the last flush is stored.
    fn vouch(&mut self, ledger: &Ledger) {
        // Read after a flush: at rest, all that was seen before it has reached the sinks.
        if !(ledger.is_at_rest() && self.writer.is_covered()) {
            return;
        }
        let due = self
            .word_at
            .map_or(0, |at| at.saturating_add(WORD_BUSY_NANOS));
        if self.flushed.boot_nanos < due {
            return;
        }
        let stored_to = self.flushed.wall.0.saturating_sub(HOOK_NANOS_MAX);
        match self.lock.say(Timestamp(stored_to)) {
            Ok(()) => self.word_at = Some(self.flushed.boot_nanos),
            Err(error) => log::warn!("the word in the lock file is out of date: {error}"),
        }
    }

    fn word_due(&self, now: Now) -> Duration {
        let due = self
            .word_at
            .map_or(now.boot_nanos, |at| at.saturating_add(WORD_EVERY_NANOS));
        Duration::from_nanos(due.saturating_sub(now.boot_nanos).max(WORD_BUSY_NANOS))
    }
}

impl Sink for File<'_> {
    fn take(&mut self, written: &Written<'_>) {
        let now = *self.now.get_or_insert_with(clock::now);
        match self.writer.append(written.at, written.line, now) {
            Ok(()) => self.taken(),
            Err(error) => self.refused(&error),
        }
    }

    fn flush(&mut self, now: Now) -> Option<Duration> {
        self.now = None;
        self.flushed = now;
        let waits = self.writer.settle(now);
        self.tell_head();
        self.tell();
        let word_due = self.word_due(now);
        Some(waits.map_or(word_due, |within| within.min(word_due)))
    }

    fn cover(&mut self, entry: &Entry) {
        self.writer.cover(entry.clone(), self.flushed);
        self.tell();
    }

    fn account(&mut self, ledger: &Ledger) {
        self.writer.account(ledger, self.flushed);
        self.vouch(ledger);
        self.tell();
    }
}

/// The batch thread is done: what is written is made to last.
impl Drop for File<'_> {
    fn drop(&mut self) {
        self.writer.finish(clock::now());
        self.tell();
    }
}

fn reason_of(error: &io::Error) -> DropReason {
    match error.kind() {
        io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::FileTooLarge
        | io::ErrorKind::WriteZero => DropReason::DiskFull,
        _ => DropReason::WriteFailed,
    }
}

fn tell_recovered(path: &std::path::Path, recovered: &Recovered) {
    let path = path.display();
    if let Some(gap) = &recovered.gap {
        log::warn!(
            "{path}: {}: nobody can be shown to have looked since {}; unfinished lines cut: {}",
            gap.reason,
            gap.from,
            recovered.cut_lines
        );
    }
    for file in &recovered.damaged {
        log::warn!("{path}/{file} is damaged and left as it is: see tapio verify");
    }
}

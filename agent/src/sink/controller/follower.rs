//! The batch thread's end where the directory is the queue: what the file sink has stored waits
//! for the controller, what it could not store is lost to both.

use std::sync::Arc;
use std::time::Duration;

use tapio_common::sink::{DropReason, Sink, SinkAccount, Written};
use tapio_common::time::Now;

use crate::bell::Bell;
use crate::kept::Kept;

/// Comes after the file sink in every round.
pub struct Follower<'a> {
    kept: &'a Kept,
    bell: Arc<Bell>,
    account: &'a SinkAccount,
    seen: u64,
    is_fresh: bool,
}

impl<'a> Follower<'a> {
    pub fn new(kept: &'a Kept, bell: Arc<Bell>, account: &'a SinkAccount) -> Self {
        Self {
            kept,
            bell,
            account,
            seen: kept.stored(),
            is_fresh: false,
        }
    }
}

impl Sink for Follower<'_> {
    fn take(&mut self, _written: &Written<'_>) {
        let stored = self.kept.stored();
        if stored == self.seen {
            return self.account.drop_for(DropReason::NotKept, 1);
        }
        self.seen = stored;
        self.is_fresh = true;
        self.account.queue(1);
    }

    fn flush(&mut self, _now: Now) -> Option<Duration> {
        if std::mem::take(&mut self.is_fresh) {
            self.bell.ring();
        }
        None
    }
}

impl Drop for Follower<'_> {
    fn drop(&mut self) {
        self.bell.end();
    }
}

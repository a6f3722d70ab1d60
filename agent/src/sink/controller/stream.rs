//! The thread `controller` where the directory is the queue.
//!
//! It sleeps until the bell rings, gives more lines the send interval to come, and sends what there
//! is; full batches go out one behind the other. A batch is stored as being on its way before it
//! is sent, so that after a crash exactly that one is sent again.

use std::io;
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use tapio_common::sink::{DropReason, SinkAccount};
use tapio_wire::ErrorCode;

use super::batch::{Batch, BatchLimits};
use super::body::{Body, Stamp};
use super::courier::{Courier, Fate};
use super::directory::Directory;
use super::{BATCH_BYTES_MAX, GRACE};
use crate::bell::Bell;
use crate::clock;
use crate::http::{Leave, Waited};
use crate::stop::Stop;

/// A directory that cannot be read is tried again after this long.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// It rings with every event or two; whether there are enough is looked at less often.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A controller that takes less than this at once is not waited for.
const BATCH_BYTES_MIN: usize = 4 << 10;

/// Everything the thread owns.
pub struct Stream<'a> {
    directory: Directory,
    courier: Courier<'a>,
    bell: Arc<Bell>,
    account: &'a SinkAccount,
    /// Events of earlier runs that wait for the controller.
    earlier: u64,
    /// Smaller once a batch was too large for this controller.
    bytes_max: usize,
    /// Smaller after a batch that may have had too many events, and doubled by each that had not.
    events_max: u64,
    /// What the log has heard of: reading, storing, refusals.
    told: [bool; 3],
}

const READING: usize = 0;
const STORING: usize = 1;
const REFUSING: usize = 2;

impl<'a> Stream<'a> {
    /// Before anything of this run is stored.
    pub fn new(
        mut directory: Directory,
        courier: Courier<'a>,
        bell: Arc<Bell>,
        account: &'a SinkAccount,
    ) -> io::Result<Self> {
        Ok(Self {
            earlier: directory.unsettled()?,
            directory,
            courier,
            bell,
            account,
            bytes_max: BATCH_BYTES_MAX,
            events_max: u64::MAX,
            told: [false; 3],
        })
    }

    /// Runs until everything is sent that will ever be there, or the grace of leaving is over.
    pub fn run(mut self, stop: &Stop) {
        let _guard = stop.guard();
        self.send_all(stop);
        // The books of this run are closed soon, and none after it knows what it waited for.
        let waits = self.waits();
        match self.directory.unsettled() {
            Ok(there) => self.expire(waits, there),
            Err(error) => self.tell(READING, "cannot be read to count it", &error),
        }
    }

    fn send_all(&mut self, stop: &Stop) {
        let leave = Leave::new(stop, GRACE);
        leave.await_io(
            self.courier.link().greeted().as_fd(),
            libc::POLLIN,
            u64::MAX,
        );
        while !leave.is_over() {
            // Asked in this order: what is there when nobody rings any more is all there is.
            let is_last = self.bell.is_over();
            self.bell.hear();
            let waits = self.waits();
            match self.next(&leave) {
                Ok(Some(batch)) => {
                    // Whoever did not take it now will not before the agent has left.
                    if self.send(batch, &leave).is_break() {
                        return;
                    }
                }
                Ok(None) => {
                    self.expire(waits, 0);
                    self.store();
                    self.courier.rest();
                    if is_last {
                        return;
                    }
                    leave.await_io(self.bell.as_fd(), libc::POLLIN, u64::MAX);
                }
                Err(error) => {
                    self.tell(READING, "cannot be read, it is tried again", &error);
                    if is_last || leave.pause(READ_AGAIN) {
                        return;
                    }
                }
            }
        }
    }

    /// Events that wait to be settled, of this run and of earlier ones.
    fn waits(&self) -> (u64, u64) {
        (self.account.pending(), self.earlier)
    }

    /// The next batch, once it is full or has had its time to become so.
    fn next(&mut self, leave: &Leave<'_>) -> io::Result<Option<Batch>> {
        let limits = self.limits();
        let batch = self.directory.next(limits)?;
        self.told[READING] = false;
        let waits = |batch: &&Batch| batch.stamp.is_none() && !batch.is_full(limits);
        let Some(short) = batch.as_ref().filter(waits) else {
            return Ok(batch);
        };
        self.linger(short.events_when_full(limits), leave);
        // Meanwhile the controller may have asked for smaller ones.
        self.directory.next(self.limits())
    }

    /// Gives more lines the send interval to come, unless there are enough before it is over.
    fn linger(&self, enough: u64, leave: &Leave<'_>) {
        let deadline = clock::boot_nanos_in(self.courier.link().send_interval());
        while self.account.pending() + self.earlier < enough && !leave.is_asked() {
            match leave.await_io(self.bell.as_fd(), libc::POLLIN, deadline) {
                Waited::Ready if self.bell.is_over() => return,
                Waited::Ready => {
                    let left = deadline.saturating_sub(clock::boot_nanos());
                    leave.pause(LOOK_EVERY.min(Duration::from_nanos(left)));
                    self.bell.hear();
                }
                Waited::Late | Waited::Left => return,
            }
        }
    }

    fn limits(&self) -> BatchLimits {
        BatchLimits {
            events_max: self.courier.link().batch_events_max().min(self.events_max),
            bytes_max: self.bytes_max,
        }
    }

    /// Sends one batch, or as much of it as the controller takes at once; what is left of it is
    /// read again. Breaks off when the agent leaves before anybody has taken it.
    fn send(&mut self, mut batch: Batch, leave: &Leave<'_>) -> ControlFlow<()> {
        loop {
            let stamp = batch.stamp.unwrap_or_else(|| Stamp {
                sequence: self.directory.next_sequence(),
                sent_at_unix_nanos: clock::now().wall.0,
            });
            let body = Body::of(self.courier.link(), stamp, &batch.lines);
            if body.events == 0 {
                self.settle(&batch, 0, DropReason::Unreadable, false);
                return ControlFlow::Continue(());
            }
            match self.directory.depart(&batch, stamp) {
                Ok(()) => self.told[STORING] = false,
                // Evidence that is delivered is worth more than to know so after a crash.
                Err(error) => self.tell(STORING, "a crash may send a batch twice", &error),
            }
            match self.courier.carry(&body.json, leave) {
                Fate::Left => return ControlFlow::Break(()),
                Fate::Taken(events) => {
                    self.told[REFUSING] = false;
                    self.events_max = self.events_max.saturating_mul(2);
                    let reason = match body.unreadable {
                        0 => DropReason::Refused,
                        _ => DropReason::Unreadable,
                    };
                    self.settle(&batch, events.min(body.events), reason, true);
                    return ControlFlow::Continue(());
                }
                Fate::TooLarge if batch.events() > 1 => {
                    batch.halve();
                    self.bytes_max = (self.bytes_max / 2).max(BATCH_BYTES_MIN);
                }
                // The number of events is a field like any other, and may have become invalid.
                Fate::Refused(Some(ErrorCode::InvalidField)) if batch.events() > 1 => {
                    batch.halve();
                    self.events_max = batch.events();
                }
                Fate::TooLarge => {
                    self.set_aside(&batch, "too large, even alone");
                    self.settle(&batch, 0, DropReason::Refused, false);
                    return ControlFlow::Continue(());
                }
                Fate::Refused(code) => {
                    self.set_aside(&batch, code.map_or("for no reason of v1", ErrorCode::name));
                    self.settle(&batch, 0, DropReason::Refused, false);
                    return ControlFlow::Continue(());
                }
            }
        }
    }

    /// Counts what became of a batch; what an earlier run stored is counted apart.
    fn settle(&mut self, batch: &Batch, taken: u64, reason: DropReason, took: bool) {
        let (events, own) = (batch.events(), batch.own_events());
        let delivered = own.min(taken);
        debug_assert!(own <= events && taken <= events);
        let (earlier, delivered_earlier) = (events - own, taken - delivered);
        self.account.deliver(delivered);
        self.account.deliver_earlier(delivered_earlier);
        self.account.drop_for(reason, own - delivered);
        self.account
            .drop_earlier_for(reason, earlier - delivered_earlier);
        self.account.unqueue(own);
        self.earlier = self.earlier.saturating_sub(earlier);
        self.directory.settle(batch, took);
        self.courier
            .link()
            .set_next_sequence(self.directory.next_sequence());
    }

    /// What waited when there was so much, and is not there, has been removed: the oldest first.
    fn expire(&mut self, (pending, earlier): (u64, u64), there: u64) {
        let lost = (pending + earlier).saturating_sub(there);
        if lost == 0 {
            return;
        }
        let lost_earlier = lost.min(earlier);
        self.earlier = self.earlier.saturating_sub(lost_earlier);
        self.account
            .drop_earlier_for(DropReason::Expired, lost_earlier);
        self.account.unqueue(lost - lost_earlier);
        self.account
            .drop_for(DropReason::Expired, lost - lost_earlier);
        log::warn!("{lost} events were removed before the controller could take them");
    }

    fn store(&mut self) {
        if let Err(error) = self.directory.store() {
            self.tell(STORING, "a crash may send a batch twice", &error);
        }
    }

    fn set_aside(&mut self, batch: &Batch, why: &str) {
        let (events, segment) = (batch.events(), batch.segment.file());
        let (from, to) = (batch.from, batch.to());
        let words = format!(
            "the controller refuses {events} events for good ({why}); they are counted, and stay \
             in {segment} from byte {from} to {to}"
        );
        match std::mem::replace(&mut self.told[REFUSING], true) {
            false => log::warn!("{words}"),
            true => log::debug!("{words}"),
        }
    }

    fn tell(&mut self, about: usize, words: &str, error: &io::Error) {
        if !std::mem::replace(&mut self.told[about], true) {
            log::warn!("evidence for the controller: {words}: {error}");
        }
    }
}

#[cfg(test)]
mod tests;

//! The thread `controller` where there is no directory: a bounded queue in memory.
//!
//! What does not fit while the controller is away is counted where it would have been queued. The
//! sequence begins anew with every run, and hello says nothing of it: what was in memory when an
//! agent died cannot be counted by anybody.

use std::os::fd::AsFd;

use tapio_common::sink::{DropReason, SinkAccount};
use tapio_wire::ErrorCode;

use super::batch::{count, end_of};
use super::body::{Body, Stamp};
use super::courier::{Courier, Fate};
use super::{BATCH_BYTES_MAX, GRACE};
use crate::clock;
use crate::http::Leave;
use crate::sink::Opened;
use crate::sink::outbox::{Back, BatchLimits, Block, outbox};
use crate::stop::Stop;

pub fn open<'a>(courier: Courier<'a>, account: &'a SinkAccount) -> Opened<'a> {
    let (front, back) = outbox(account);
    let memory = Memory {
        back,
        courier,
        next_sequence: 1,
        is_told: false,
    };
    Opened {
        front: Box::new(front),
        task: Some(Box::new(move |stop| {
            memory.run(stop);
            Ok(())
        })),
    }
}

struct Memory<'a> {
    back: Back<'a>,
    courier: Courier<'a>,
    next_sequence: u64,
    /// The log has heard of a refusal.
    is_told: bool,
}

/// What became of some lines.
#[derive(Debug, Clone, Copy, Default)]
struct Sent {
    taken: u64,
    has_left: bool,
}

impl Memory<'_> {
    /// Runs until the front is gone and all it left is sent or counted.
    fn run(mut self, stop: &Stop) {
        let _guard = stop.guard();
        let leave = Leave::new(stop, GRACE);
        leave.await_io(
            self.courier.link().greeted().as_fd(),
            libc::POLLIN,
            u64::MAX,
        );
        while let Some(blocks) = self.back.batch(self.limits()) {
            let sent = self.send(&lines_of(&blocks), &leave);
            let reason = match sent.has_left {
                true => DropReason::Stopped,
                false => DropReason::Refused,
            };
            self.back.settle(&blocks, sent.taken, reason);
        }
    }

    fn limits(&self) -> BatchLimits {
        BatchLimits {
            bytes_max: BATCH_BYTES_MAX,
            events_enough: self.courier.link().batch_events_max(),
            linger: self.courier.link().send_interval(),
        }
    }

    fn send(&mut self, lines: &[u8], leave: &Leave<'_>) -> Sent {
        let mut sent = Sent::default();
        let mut rest = lines;
        let mut events_max = self.courier.link().batch_events_max();
        while !(rest.is_empty() || sent.has_left) {
            let (part, behind) = rest.split_at(end_of(rest, events_max));
            let stamp = Stamp {
                sequence: self.next_sequence,
                sent_at_unix_nanos: clock::now().wall.0,
            };
            let body = Body::of(self.courier.link(), stamp, part);
            match self.courier.carry(&body.json, leave) {
                Fate::Left => sent.has_left = true,
                Fate::Taken(events) => {
                    self.next_sequence += 1;
                    self.is_told = false;
                    sent.taken += events.min(body.events);
                    rest = behind;
                }
                Fate::TooLarge | Fate::Refused(Some(ErrorCode::InvalidField))
                    if count(part) > 1 =>
                {
                    events_max = count(part) / 2;
                }
                Fate::TooLarge => {
                    self.refused(part, "too large, even alone");
                    rest = behind;
                }
                Fate::Refused(code) => {
                    self.refused(part, code.map_or("for no reason of v1", ErrorCode::name));
                    rest = behind;
                }
            }
        }
        self.courier.rest();
        sent
    }

    fn refused(&mut self, part: &[u8], why: &str) {
        let events = count(part);
        if !std::mem::replace(&mut self.is_told, true) {
            log::warn!("the controller refuses {events} events for good ({why}), they are counted");
        }
    }
}

fn lines_of(blocks: &[Block]) -> Vec<u8> {
    let mut lines = Vec::new();
    for block in blocks {
        lines.extend_from_slice(&block.lines);
    }
    lines
}

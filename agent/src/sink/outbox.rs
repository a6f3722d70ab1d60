//! The way from the batch thread to a sink that talks to somebody: a queue in memory.
//!
//! It is bounded twice, in events and in bytes, both counted from `take` until the event is
//! delivered or dropped, so that what is being sent counts as well. What does not fit is dropped as
//! it comes: the oldest are worth more to whoever looks for a beginning.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::TrySendError;
use tapio_common::catalogue::{Anomaly, Severity};
use tapio_common::sink::{DropReason, Sink, SinkAccount, Written};
use tapio_common::time::{Now, Timestamp};

use crate::clock;
use crate::queue::{Receiver, Sender, bounded};

/// What a peer that is away may cost in memory: at 640 bytes an event it is the bytes that count,
/// some three thousand events.
pub const QUEUE_BYTES_MAX: usize = 2 << 20;
pub const QUEUE_EVENTS_MAX: u64 = 8_192;

/// A block is closed when it has so many bytes, or the batch thread comes to rest.
const BLOCK_BYTES: usize = 16 << 10;

/// Messages between the threads, each of all the blocks that wait on the batch thread's side. One
/// slot more is kept for what is left at the end, so that nobody has to wait then either.
const MESSAGES_MAX: usize = 4;

/// How soon the batch thread tries again when blocks wait on its side.
const AGAIN: Duration = Duration::from_millis(100);

/// Where a line ends, and what a sink may need without parsing it.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    pub end: usize,
    pub at: Timestamp,
    pub anomaly: Anomaly,
    pub severity: Severity,
}

/// Whole lines on their way.
#[derive(Debug, Default)]
pub struct Block {
    pub lines: Vec<u8>,
    pub marks: Vec<Mark>,
}

impl Block {
    pub fn events(&self) -> u64 {
        u64::try_from(self.marks.len()).unwrap_or(u64::MAX)
    }

    /// Every line with its newline.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &Mark)> {
        let mut start = 0;
        self.marks.iter().map(move |mark| {
            let line = &self.lines[start..mark.end];
            start = mark.end;
            (line, mark)
        })
    }

    fn push(&mut self, written: &Written<'_>) {
        self.lines.extend_from_slice(written.line);
        self.marks.push(Mark {
            end: self.lines.len(),
            at: written.at,
            anomaly: written.anomaly,
            severity: written.severity,
        });
    }
}

/// Both ends of a new outbox.
pub fn outbox(account: &SinkAccount) -> (Front<'_>, Back<'_>) {
    let (messages, received) = bounded(MESSAGES_MAX + 1);
    let bytes = Arc::new(AtomicUsize::new(0));
    let front = Front {
        block: Block::default(),
        waiting: Vec::new(),
        messages,
        bytes: Arc::clone(&bytes),
        account,
    };
    let back = Back {
        received,
        waiting: VecDeque::new(),
        bytes,
        account,
    };
    (front, back)
}

/// The batch thread's end.
#[derive(Debug)]
pub struct Front<'a> {
    block: Block,
    /// Closed blocks, oldest first.
    waiting: Vec<Block>,
    messages: Sender<Vec<Block>>,
    /// Taken, and neither delivered nor dropped yet.
    bytes: Arc<AtomicUsize>,
    account: &'a SinkAccount,
}

impl Front<'_> {
    fn close_block(&mut self) {
        if !self.block.marks.is_empty() {
            let mut block = std::mem::take(&mut self.block);
            block.lines.shrink_to_fit(); // it may wait for long, and is counted by its length
            self.waiting.push(block);
        }
    }

    fn hand_on(&mut self) {
        // Nobody else sends, so there is a slot: only a thread that is gone refuses.
        if let Err(TrySendError::Full(blocks) | TrySendError::Disconnected(blocks)) =
            self.messages.try_send(std::mem::take(&mut self.waiting))
        {
            for block in blocks {
                self.bytes.fetch_sub(block.lines.len(), Ordering::Relaxed);
                self.account.unqueue(block.events());
                self.account.drop_for(DropReason::Closed, block.events());
            }
        }
    }
}

impl Sink for Front<'_> {
    fn take(&mut self, written: &Written<'_>) {
        let bytes = self.bytes.load(Ordering::Relaxed) + written.line.len();
        if bytes > QUEUE_BYTES_MAX || self.account.pending() >= QUEUE_EVENTS_MAX {
            return self.account.drop_for(DropReason::QueueFull, 1);
        }
        self.bytes.fetch_add(written.line.len(), Ordering::Relaxed);
        self.account.queue(1);
        self.block.push(written);
        if self.block.lines.len() >= BLOCK_BYTES {
            self.close_block();
        }
    }

    fn flush(&mut self, _now: Now) -> Option<Duration> {
        self.close_block();
        if !self.waiting.is_empty() && self.messages.len() < MESSAGES_MAX {
            self.hand_on();
        }
        (!self.waiting.is_empty()).then_some(AGAIN)
    }
}

impl Drop for Front<'_> {
    fn drop(&mut self) {
        self.close_block();
        if !self.waiting.is_empty() {
            self.hand_on();
        }
    }
}

/// The sink's own end.
#[derive(Debug)]
pub struct Back<'a> {
    received: Receiver<Vec<Block>>,
    waiting: VecDeque<Block>,
    bytes: Arc<AtomicUsize>,
    account: &'a SinkAccount,
}

/// What one batch may hold at most, a block more than fits is the next one's; and when it is not
/// waited for more to send with it.
#[derive(Debug, Clone, Copy)]
pub struct BatchLimits {
    pub bytes_max: usize,
    pub events_enough: u64,
    pub linger: Duration,
}

impl Back<'_> {
    /// Waits for something to send, and then a little for more to send with it. `None` once the
    /// front is gone and everything was handed out.
    pub fn batch(&mut self, limits: BatchLimits) -> Option<Vec<Block>> {
        if self.waiting.is_empty() {
            self.waiting.extend(self.received.recv().ok()?);
        }
        let deadline = clock::boot_nanos_in(limits.linger);
        let is_enough = |waiting: &VecDeque<Block>| {
            let bytes: usize = waiting.iter().map(|block| block.lines.len()).sum();
            let events: u64 = waiting.iter().map(Block::events).sum();
            bytes >= limits.bytes_max || events >= limits.events_enough
        };
        while !is_enough(&self.waiting) {
            let left = Duration::from_nanos(deadline.saturating_sub(clock::boot_nanos()));
            let Ok(blocks) = self.received.recv_timeout(left) else {
                break; // time is over, or the agent leaves
            };
            self.waiting.extend(blocks);
        }
        let mut batch = Vec::new();
        let mut room = limits.bytes_max;
        while let Some(block) = self.waiting.front() {
            if block.lines.len() > room && !batch.is_empty() {
                break;
            }
            room = room.saturating_sub(block.lines.len());
            batch.extend(self.waiting.pop_front());
        }
        Some(batch)
    }

    /// What became of a batch: so many were taken, the rest dropped for this reason.
    pub fn settle(&self, batch: &[Block], delivered: u64, reason: DropReason) {
        let events: u64 = batch.iter().map(Block::events).sum();
        let bytes: usize = batch.iter().map(|block| block.lines.len()).sum();
        let delivered = delivered.min(events);
        self.account.deliver(delivered);
        if delivered < events {
            self.account.drop_for(reason, events - delivered);
        }
        self.account.unqueue(events);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Now = Now {
        wall: Timestamp(0),
        boot_nanos: 0,
    };

    const LIMITS: BatchLimits = BatchLimits {
        bytes_max: 2 * BLOCK_BYTES,
        events_enough: u64::MAX,
        linger: Duration::ZERO,
    };

    fn offer(front: &mut Front<'_>, numbers: std::ops::Range<u64>, bytes: usize) {
        for number in numbers {
            let mut line = format!("{number:0bytes$}").into_bytes();
            line[bytes - 1] = b'\n';
            front.take(&Written {
                line: &line,
                at: Timestamp(number),
                anomaly: Anomaly::OomKill,
                severity: Severity::Critical,
            });
        }
    }

    fn moments(batch: &[Block]) -> Vec<u64> {
        let lines = batch.iter().flat_map(Block::iter);
        lines
            .inspect(|(line, _)| assert!(line.ends_with(b"\n") && line[0] == b'0'))
            .map(|(_, mark)| mark.at.0)
            .collect()
    }

    #[test]
    fn what_goes_in_comes_out_in_order_in_batches_that_fit() {
        let account = SinkAccount::default();
        let (mut front, mut back) = outbox(&account);
        offer(&mut front, 0..500, 200);
        assert_eq!(front.flush(NOW), None);
        drop(front);
        let mut seen = Vec::new();
        while let Some(batch) = back.batch(LIMITS) {
            let bytes: usize = batch.iter().map(|block| block.lines.len()).sum();
            assert!(bytes <= LIMITS.bytes_max && !batch.is_empty());
            seen.extend(moments(&batch));
            back.settle(&batch, u64::MAX, DropReason::Refused);
        }
        assert_eq!(seen, (0..500).collect::<Vec<_>>());
        let counts = account.counts();
        assert_eq!((counts.delivered, counts.pending), (500, 0));
        assert_eq!(back.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn enough_is_not_waited_with() {
        let account = SinkAccount::default();
        let (mut front, mut back) = outbox(&account);
        offer(&mut front, 0..4, 10);
        front.flush(NOW);
        let patient = BatchLimits {
            events_enough: 4,
            linger: Duration::from_secs(3_600),
            ..LIMITS
        };
        let batch = back.batch(patient).expect("within the hour");
        assert_eq!(moments(&batch), [0, 1, 2, 3]);
    }

    #[test]
    fn a_peer_that_is_away_costs_so_many_bytes_or_events_and_the_newest() {
        for (bytes, fits) in [(1_024, 2_048), (8, QUEUE_EVENTS_MAX)] {
            let account = SinkAccount::default();
            let (mut front, mut back) = outbox(&account);
            for from in 0..100 {
                offer(&mut front, from * 100..(from + 1) * 100, bytes);
                front.flush(NOW);
            }
            assert_eq!(front.flush(NOW), Some(AGAIN), "it waits on this side");
            drop(front);
            let mut seen = Vec::new();
            while let Some(batch) = back.batch(LIMITS) {
                seen.extend(moments(&batch));
                back.settle(&batch, 0, DropReason::Stopped);
            }
            assert_eq!(seen, (0..fits).collect::<Vec<_>>(), "{bytes}");
            let counts = account.counts();
            assert_eq!(counts.dropped["queue_full"], 10_000 - fits);
            assert_eq!((counts.dropped["stopped"], counts.pending), (fits, 0));
        }
    }

    #[test]
    fn room_comes_back_with_what_is_settled() {
        let account = SinkAccount::default();
        let (mut front, mut back) = outbox(&account);
        offer(&mut front, 0..2_049, 1_024);
        front.flush(NOW);
        assert_eq!(account.counts().dropped["queue_full"], 1);
        let batch = back.batch(LIMITS).expect("there is one");
        back.settle(&batch, 30, DropReason::Refused);
        offer(&mut front, 0..1, 1_024);
        let counts = account.counts();
        assert_eq!(counts.dropped["queue_full"], 1);
        assert_eq!((counts.delivered, counts.dropped["refused"]), (30, 2));
    }

    #[test]
    fn a_thread_that_is_gone_is_closed() {
        let account = SinkAccount::default();
        let (mut front, back) = outbox(&account);
        drop(back);
        offer(&mut front, 0..3, 10);
        front.flush(NOW);
        let counts = account.counts();
        assert_eq!((counts.dropped["closed"], counts.pending), (3, 0));
    }
}

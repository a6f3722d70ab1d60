//! JSON lines on standard output.
//!
//! The reader may be slow, stalled or gone, so a thread of its own writes, and never waits where a
//! stop cannot reach it. A fixed number of blocks goes round between batcher and writer; when all
//! are on their way, what comes is dropped and counted. What the reader has not taken when the
//! agent leaves gets a grace, and is counted too. Lines reach the reader whole and in order.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use crossbeam_channel::TrySendError;
use tapio_common::sink::{DropReason, Sink, SinkAccount, Written};
use tapio_common::time::Now;

use super::name::SinkName;
use super::{Opened, Outfit, SinkError};
use crate::clock;
use crate::outlet::Outlet;
use crate::queue::{Receiver, Sender, bounded};
use crate::stop::{Stop, await_any};

/// Blocks that go round. A batch takes one at least, so this many batches may wait for a reader
/// that pauses; with [`BLOCK_BYTES`] it bounds what a stalled one costs to 1 MiB.
const BLOCKS_MAX: usize = 256;

/// A block is handed on when it has this many bytes, or the batch ends.
const BLOCK_BYTES: usize = 4 << 10;

/// The writer gathers blocks up to this size, what a pipe holds, before it asks the kernel.
const WRITE_BYTES: usize = 64 << 10;

/// How long a reader that does not read can delay the agent's leaving.
const GRACE: Duration = Duration::from_secs(2);

/// Whole lines on their way.
#[derive(Default)]
struct Block {
    lines: Vec<u8>,
    events: u64,
}

pub fn open<'a>(outfit: &Outfit<'a>, account: &'a SinkAccount) -> Result<Opened<'a>, SinkError> {
    let outlet = Outlet::of_stdout().map_err(SinkError::Stdout)?;
    let is_alone = outfit.settings.sinks == [SinkName::Stdout];
    Ok(connect(outlet, account, is_alone))
}

fn connect(outlet: Outlet, account: &SinkAccount, is_alone: bool) -> Opened<'_> {
    let (queue, queued) = bounded(BLOCKS_MAX);
    let (give_back, free) = bounded(BLOCKS_MAX);
    let front = Front {
        block: None,
        made: 0,
        queue,
        free,
        account,
    };
    let writer = Writer {
        outlet,
        queued,
        give_back,
        account,
        gathered: Block::default(),
        end: End::Open,
    };
    Opened {
        front: Box::new(front),
        task: Some(Box::new(move |stop| writer.run(stop, is_alone))),
    }
}

/// The batch thread's end.
struct Front<'a> {
    block: Option<Block>,
    made: usize,
    queue: Sender<Block>,
    free: Receiver<Block>,
    account: &'a SinkAccount,
}

impl Front<'_> {
    fn hand_on(&mut self) {
        let Some(block) = self.block.take_if(|block| block.events > 0) else {
            return;
        };
        // There is a slot for every block there is, so only a writer that is gone refuses.
        if let Err(TrySendError::Full(block) | TrySendError::Disconnected(block)) =
            self.queue.try_send(block)
        {
            self.account.unqueue(block.events);
            self.account.drop_for(DropReason::Closed, block.events);
        }
    }

    /// The block to write to: the one in hand, one that came back, or a new one.
    fn block(&mut self) -> Option<&mut Block> {
        if self.block.is_none() {
            self.block = self.free.try_recv().ok();
        }
        if self.block.is_none() && self.made < BLOCKS_MAX {
            self.made += 1;
            self.block = Some(Block::default());
        }
        self.block.as_mut()
    }
}

impl Sink for Front<'_> {
    fn take(&mut self, written: &Written<'_>) {
        let Some(block) = self.block() else {
            return self.account.drop_for(DropReason::QueueFull, 1);
        };
        block.lines.extend_from_slice(written.line);
        block.events += 1;
        let is_full = block.lines.len() >= BLOCK_BYTES;
        self.account.queue(1);
        if is_full {
            self.hand_on();
        }
    }

    fn flush(&mut self, _now: Now) -> Option<Duration> {
        self.hand_on();
        None
    }
}

/// What still stands between the writer and its reader.
enum End {
    Open,
    /// The agent leaves; the reader has until then (boot time).
    Leaving(u64),
    /// No more can be written.
    Shut(DropReason),
}

/// The thread's end.
struct Writer<'a> {
    outlet: Outlet,
    queued: Receiver<Block>,
    give_back: Sender<Block>,
    account: &'a SinkAccount,
    gathered: Block,
    end: End,
}

impl Writer<'_> {
    /// Runs until the front is gone. A closed output ends the agent if there is no other sink.
    fn run(mut self, stop: &Stop, is_alone: bool) -> Result<(), SinkError> {
        let mut guard = Some(stop.guard());
        let mut outcome = Ok(());
        while let Ok(block) = self.queued.recv() {
            self.gather(block);
            while self.gathered.lines.len() < WRITE_BYTES {
                let Ok(block) = self.queued.try_recv() else {
                    break;
                };
                self.gather(block);
            }
            if let Err(error) = self.write_out(stop) {
                match is_alone {
                    true => {
                        outcome = Err(SinkError::Stdout(error));
                        guard = None;
                    }
                    false => log::warn!("stdout: {error}; the other sinks go on"),
                }
            }
        }
        drop(guard);
        outcome
    }

    fn gather(&mut self, mut block: Block) {
        self.gathered.lines.extend_from_slice(&block.lines);
        self.gathered.events += block.events;
        block.lines.clear();
        block.events = 0;
        // There is a slot for every block; without a front nobody needs it back.
        let _ = self.give_back.try_send(block);
    }

    /// Writes what was gathered, and counts every event of it as delivered or dropped. The error
    /// is told once: from then on all is dropped for the same reason.
    fn write_out(&mut self, stop: &Stop) -> io::Result<()> {
        let mut written = 0;
        let mut failure = None;
        while written < self.gathered.lines.len() && !matches!(self.end, End::Shut(_)) {
            match self.outlet.write(&self.gathered.lines[written..]) {
                Ok(bytes) => written += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait(stop),
                Err(error) => {
                    self.end = End::Shut(reason_of(&error));
                    failure = Some(error);
                }
            }
        }
        self.count(written);
        failure.map_or(Ok(()), Err)
    }

    /// Waits for the reader: as long as it takes, or for the grace once the agent leaves.
    fn wait(&mut self, stop: &Stop) {
        let writable = (self.outlet.as_fd(), libc::POLLOUT);
        let End::Leaving(until) = self.end else {
            let [_, stops] = await_any(&[writable, (stop.as_fd(), libc::POLLIN)], None);
            if stops {
                self.end = End::Leaving(clock::boot_nanos_in(GRACE));
            }
            return;
        };
        let left = until.saturating_sub(clock::boot_nanos());
        let [is_writable] = await_any(&[writable], Some(Duration::from_nanos(left)));
        if !is_writable {
            self.end = End::Shut(DropReason::Stopped);
        }
    }

    fn count(&mut self, written: usize) {
        let events = self.gathered.events;
        let delivered = match self.end {
            End::Open | End::Leaving(_) => events,
            End::Shut(reason) => {
                let whole = self.gathered.lines[..written].iter();
                let whole = whole.filter(|byte| **byte == b'\n').count();
                let whole = u64::try_from(whole).unwrap_or(events).min(events);
                self.account.drop_for(reason, events - whole);
                whole
            }
        };
        self.account.deliver(delivered);
        self.account.unqueue(events);
        self.gathered.lines.clear();
        self.gathered.events = 0;
    }
}

fn reason_of(error: &io::Error) -> DropReason {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => DropReason::Closed,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => DropReason::DiskFull,
        _ => DropReason::WriteFailed,
    }
}

#[cfg(test)]
mod tests;

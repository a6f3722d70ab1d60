//! The controller's own copy of accepted events, for whatever stands downstream.
//!
//! One thread writes, and it alone takes batches while there is a copy: it looks whether the
//! batch is a retry, writes its lines, and only then counts it. So a batch is in the copy exactly
//! when it counts as taken, even where its sender was told 500 because the disk took too long,
//! and a retry never makes a second line, not even of a file that an earlier process wrote.
//! Handlers wait for it, but not for ever.

mod lines;
mod output;
mod pace;
mod recall;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::moment::Moment;
use crate::registry::sequence::Digest;
use crate::registry::{Batch, Receipt, Shared};
use crate::settings::AcceptedTarget;
use output::Output;
use pace::Pace;
use recall::Recall;

pub use lines::lines_of;

/// Batches that wait to be written: one of each worker, and there are 256 of them at most.
const QUEUE_BATCHES: usize = 256;

/// How long a handler waits for its batch. While a write takes longer than this, further batches
/// are refused at once, so that a stuck disk does not hold up heartbeats.
const WRITE_MS_MAX: u64 = 500;

/// A write that takes so long is stuck; a little less than a handler waits, so that whoever asks
/// after it gave up need not wait as well.
const STUCK_MS_MIN: u64 = 400;

/// The copy could not be written, or not in time: the batch is to be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unwritten;

/// The handlers' side of the copy.
#[derive(Debug)]
pub struct Accepted {
    queue: SyncSender<Order>,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    started: Instant,
    /// Since when the writer is busy with one order, in milliseconds after `started`, plus one;
    /// zero while it waits for the next.
    busy_since: AtomicU64,
    pace: Pace,
    failures: AtomicU64,
}

impl State {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn begin(&self) {
        self.busy_since.store(self.now_ms() + 1, Ordering::Release);
    }

    fn end(&self) {
        let since = self.busy_since.swap(0, Ordering::AcqRel);
        if self.pace.took((self.now_ms() + 1).saturating_sub(since)) {
            log::info!("accepted events: writes are quick again");
        }
    }

    /// Whether a batch may wait for the writer now.
    fn admits(&self) -> bool {
        !self.is_stuck() && self.pace.admits(self.now_ms())
    }

    fn is_stuck(&self) -> bool {
        match self.busy_since.load(Ordering::Acquire) {
            0 => false,
            since => self.now_ms().saturating_sub(since - 1) >= STUCK_MS_MIN,
        }
    }
}

enum Order {
    Write(Job),
    /// The file may have been moved away: go on in a new one of the same name.
    Reopen,
}

struct Job {
    agent_id: Box<str>,
    sequence: u64,
    digest: Digest,
    events: u32,
    lines: Vec<u8>,
    now: Moment,
    /// Whoever sets it first decides: the writer that it is written, the handler that it is not.
    decided: Arc<AtomicBool>,
    done: SyncSender<Result<Receipt, Unwritten>>,
}

impl Accepted {
    /// Opens the target and starts the thread that writes it. The thread ends when the handle is
    /// dropped and everything before that is written.
    pub fn start(
        target: &AcceptedTarget,
        registry: Arc<Shared>,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let output = Output::open(target)?;
        let recall = match target {
            AcceptedTarget::File(path) => Recall::of(path)?,
            AcceptedTarget::Stdout => Recall::default(),
        };
        Self::start_on(output, recall, registry)
    }

    fn start_on(
        output: Output,
        recall: Recall,
        registry: Arc<Shared>,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let (queue, orders) = mpsc::sync_channel(QUEUE_BATCHES);
        let state = Arc::new(State {
            started: Instant::now(),
            busy_since: AtomicU64::new(0),
            pace: Pace::default(),
            failures: AtomicU64::new(0),
        });
        let writer = Writer {
            output,
            recall,
            registry,
            state: Arc::clone(&state),
            failing: false,
        };
        let thread = thread::Builder::new()
            .name("accepted".to_owned())
            .spawn(move || writer.run(&orders))?;
        Ok((Self { queue, state }, thread))
    }

    /// Has the batch written and counted, and waits until that is so.
    pub fn write(
        &self,
        batch: Batch<'_>,
        lines: Vec<u8>,
        now: Moment,
    ) -> Result<Receipt, Unwritten> {
        if !self.state.admits() {
            return Err(self.failed());
        }
        let decided = Arc::new(AtomicBool::new(false));
        let (done, receipt) = mpsc::sync_channel(1);
        let job = Job {
            agent_id: batch.agent_id.into(),
            sequence: batch.sequence,
            digest: batch.digest,
            events: batch.events,
            lines,
            now,
            decided: Arc::clone(&decided),
            done,
        };
        match self.queue.try_send(Order::Write(job)) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                return Err(self.failed());
            }
        }
        match receipt.recv_timeout(Duration::from_millis(WRITE_MS_MAX)) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Disconnected) => Err(self.failed()),
            Err(RecvTimeoutError::Timeout) => {
                // If the writer was first, it may yet write and count the batch: the retry is
                // then a duplicate.
                decided.store(true, Ordering::Release);
                if self.state.pace.gave_up() {
                    log::error!(
                        "accepted events: a write takes longer than {WRITE_MS_MAX} ms; batches \
                         are refused until one is quick"
                    );
                }
                Err(self.failed())
            }
        }
    }

    /// Asks for the file to be opened anew, after it was moved away.
    pub fn reopen(&self) {
        if self.queue.try_send(Order::Reopen).is_err() {
            log::warn!("accepted events: too busy to reopen the file, ask again");
        }
    }

    /// Batches refused because their copy could not be written.
    pub fn failures_total(&self) -> u64 {
        self.state.failures.load(Ordering::Relaxed)
    }

    fn failed(&self) -> Unwritten {
        self.state.failures.fetch_add(1, Ordering::Relaxed);
        Unwritten
    }
}

/// The writing side: owns the output.
struct Writer {
    output: Output,
    recall: Recall,
    registry: Arc<Shared>,
    state: Arc<State>,
    failing: bool,
}

impl Writer {
    fn run(mut self, orders: &Receiver<Order>) {
        for order in orders {
            self.state.begin();
            let told = match order {
                Order::Write(job) => self.write(&job).map(|outcome| (job.done, outcome)),
                Order::Reopen => {
                    self.reopen();
                    None
                }
            };
            // Free before the answer: who is told that its batch is written may send the next one.
            self.state.end();
            if let Some((done, outcome)) = told {
                // A handler that stopped waiting has answered already.
                let _ = done.try_send(outcome);
            }
        }
    }

    /// `None` for a batch whose sender was told 500 before it was begun.
    fn write(&mut self, job: &Job) -> Option<Result<Receipt, Unwritten>> {
        if job.decided.swap(true, Ordering::AcqRel) {
            return None;
        }
        let batch = Batch {
            agent_id: &job.agent_id,
            sequence: job.sequence,
            digest: job.digest,
            events: job.events,
        };
        let known = self
            .registry
            .with(|registry| registry.duplicate_of(batch).is_some());
        let written = known || self.append(&job.lines);
        Some(if written {
            self.recall.forget(&job.lines);
            Ok(self.registry.with(|registry| registry.take(batch, job.now)))
        } else {
            self.state.failures.fetch_add(1, Ordering::Relaxed);
            Err(Unwritten)
        })
    }

    /// Says once that writing fails, and once that it works again.
    fn append(&mut self, lines: &[u8]) -> bool {
        match self.output.append(self.recall.unwritten(lines)) {
            Ok(()) => {
                if std::mem::replace(&mut self.failing, false) {
                    log::info!("accepted events: written again");
                }
                true
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    let name = self.output.name();
                    log::error!(
                        "accepted events: cannot write to {name:?} ({error}); batches are refused \
                         until that works"
                    );
                }
                false
            }
        }
    }

    fn reopen(&mut self) {
        if let Err(error) = self.output.reopen() {
            log::error!(
                "accepted events: cannot reopen the file ({error}); writing to the old one"
            );
        }
    }
}

#[cfg(test)]
mod tests;

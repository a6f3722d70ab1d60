//! A bounded channel whose one reader goes to sleep at once when there is nothing to read.
//!
//! Crossbeam's own blocking receive yields the processor several times before it sleeps. On a busy
//! machine each of these is a change of process, and under a flood they were a quarter of what an
//! event cost. Here the reader parks, and a writer wakes it only if it does.

use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crossbeam_channel::{
    self as channel, RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError,
};

/// A channel for so many items.
pub fn bounded<T>(items_max: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = channel::bounded(items_max);
    let reader = Arc::new(OnceLock::new());
    let sender = Sender {
        items: sender,
        bell: Bell(Arc::clone(&reader)),
    };
    let receiver = Receiver {
        items: receiver,
        reader,
    };
    (sender, receiver)
}

/// A writer's end. Dropping the last one is told to the reader, too.
#[derive(Debug, Clone)]
pub struct Sender<T> {
    // Dropped in this order: the reader is woken when the channel knows that a writer is gone.
    items: channel::Sender<T>,
    bell: Bell,
}

impl<T> Sender<T> {
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        self.items.try_send(item)?;
        self.bell.ring();
        Ok(())
    }

    /// Waits for room: for what is rare and must not be lost.
    pub fn send(&self, item: T) -> Result<(), SendError<T>> {
        self.items.send(item)?;
        self.bell.ring();
        Ok(())
    }

    /// Items that are not read yet.
    pub fn len(&self) -> usize {
        self.items.len()
    }
}

/// Wakes the reader, once it is known who that is.
#[derive(Debug, Clone)]
struct Bell(Arc<OnceLock<Thread>>);

impl Bell {
    fn ring(&self) {
        // Either the reader is seen here, or it sees the item before it sleeps for the first time.
        fence(Ordering::SeqCst);
        if let Some(reader) = self.0.get() {
            reader.unpark();
        }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.ring();
    }
}

/// The reader's end, for the thread that waits on it first.
#[derive(Debug)]
pub struct Receiver<T> {
    items: channel::Receiver<T>,
    reader: Arc<OnceLock<Thread>>,
}

impl<T> Receiver<T> {
    /// Waits for an item, or for the last writer to go.
    pub fn recv(&self) -> Result<T, RecvError> {
        self.wait(None).map_err(|_| RecvError)
    }

    pub fn recv_timeout(&self, within: Duration) -> Result<T, RecvTimeoutError> {
        self.wait(Instant::now().checked_add(within))
    }

    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.items.try_recv()
    }

    pub fn try_iter(&self) -> channel::TryIter<'_, T> {
        self.items.try_iter()
    }

    fn wait(&self, until: Option<Instant>) -> Result<T, RecvTimeoutError> {
        let reader = self.reader.get_or_init(thread::current);
        debug_assert_eq!(reader.id(), thread::current().id(), "one reader");
        fence(Ordering::SeqCst);
        loop {
            match self.items.try_recv() {
                Ok(item) => return Ok(item),
                Err(TryRecvError::Disconnected) => return Err(RecvTimeoutError::Disconnected),
                Err(TryRecvError::Empty) => {}
            }
            match until {
                None => thread::park(),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(RecvTimeoutError::Timeout);
                    }
                    thread::park_timeout(left);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_sent_is_received_in_order_until_the_writers_are_gone() {
        let (sender, receiver) = bounded(4);
        let writers: Vec<_> = (0..4_u32)
            .map(|writer| {
                let sender = sender.clone();
                thread::spawn(move || {
                    for number in 0..20_000_u32 {
                        let mut item = (writer, number);
                        while let Err(TrySendError::Full(back)) = sender.try_send(item) {
                            item = back;
                            thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        drop(sender);
        let mut next = [0; 4];
        while let Ok((writer, number)) = receiver.recv() {
            let next = &mut next[usize::try_from(writer).unwrap()];
            assert_eq!(number, *next);
            *next += 1;
        }
        assert_eq!(next, [20_000; 4]);
        writers
            .into_iter()
            .for_each(|writer| writer.join().unwrap());
    }

    #[test]
    fn a_reader_asleep_learns_that_the_last_writer_is_gone() {
        let (sender, receiver) = bounded::<()>(1);
        let reader = thread::spawn(move || receiver.recv());
        drop(sender.clone());
        drop(sender);
        assert_eq!(reader.join().unwrap(), Err(RecvError));
    }

    #[test]
    fn a_wait_ends_in_time_and_not_before() {
        let (sender, receiver) = bounded(1);
        let (began, within) = (Instant::now(), Duration::from_millis(30));
        assert_eq!(
            receiver.recv_timeout(within),
            Err(RecvTimeoutError::Timeout)
        );
        assert!(began.elapsed() >= within);
        sender.try_send(7).unwrap();
        assert_eq!(receiver.recv_timeout(Duration::MAX), Ok(7));
        assert_eq!(sender.try_send(8), Ok(()));
        assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)));
        assert_eq!(receiver.try_recv(), Ok(8));
        assert_eq!(sender.send(10), Ok(()));
        drop(receiver);
        assert_eq!(sender.try_send(9), Err(TrySendError::Disconnected(9)));
        assert_eq!(sender.send(9), Err(SendError(9)));
    }
}

//! What the file sink has done that other threads want to know: how much it stored in this run,
//! and the newest seal of the directory.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};
use tapio_common::evidence::seal::Head;

/// One run's directory, as others see it; nothing ever happens in it without the file sink.
#[derive(Debug)]
pub struct Kept {
    stored: AtomicU64,
    put: Sender<Head>,
    newest: Receiver<Head>,
}

impl Kept {
    pub fn new() -> Self {
        let (put, newest) = bounded(1);
        Self {
            stored: AtomicU64::new(0),
            put,
            newest,
        }
    }

    /// One more line stands in the directory.
    pub fn store(&self) {
        self.stored.fetch_add(1, Ordering::Release);
    }

    /// How many lines this run has stored.
    pub fn stored(&self) -> u64 {
        self.stored.load(Ordering::Acquire)
    }

    /// This is the newest seal now. Only the file sink says so.
    pub fn set_head(&self, head: Head) {
        // There is one place: whoever did not take the one before needs it no more.
        let _ = self.newest.try_recv();
        let _ = self.put.try_send(head);
    }

    /// The newest seal, if there is a newer one since the last call.
    pub fn take_head(&self) -> Option<Head> {
        self.newest.try_recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use tapio_common::evidence::seal::Sha;

    use super::*;

    #[test]
    fn the_newest_head_is_taken_once() {
        let kept = Kept::new();
        let head = |name: &str| Head {
            seal: name.into(),
            sha256: Sha::of(name.as_bytes()),
        };
        assert_eq!(kept.take_head(), None);
        kept.set_head(head("a"));
        kept.set_head(head("b"));
        assert_eq!(kept.take_head(), Some(head("b")));
        assert_eq!(kept.take_head(), None);
    }
}

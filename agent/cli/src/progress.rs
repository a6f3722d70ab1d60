//! What long work says meanwhile: one line on the terminal, gone when the answer comes, and none
//! where the answer comes meanwhile on the same terminal.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::screen::size;

/// Work shorter than this says nothing.
const QUIET: Duration = Duration::from_millis(500);
const EVERY: Duration = Duration::from_millis(200);

/// Bytes read so far, of so many where that is known.
#[derive(Debug)]
pub struct Progress {
    total: Option<u64>,
    done: u64,
    next: Option<Instant>,
    is_shown: bool,
}

impl Progress {
    pub fn new(total: u64) -> Self {
        Self::of(Some(total))
    }

    /// Beside an answer that comes piece by piece.
    pub fn beside_answer(total: Option<u64>) -> Self {
        let mut progress = Self::of(total);
        if io::stdout().is_terminal() {
            progress.next = None;
        }
        progress
    }

    fn of(total: Option<u64>) -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self {
            total,
            done: 0,
            next: is_terminal.then(|| Instant::now() + QUIET),
            is_shown: false,
        }
    }

    pub fn add(&mut self, bytes: u64) {
        self.done += bytes;
        let now = self.next.map(|next| (next, Instant::now()));
        if let Some((_, now)) = now.filter(|(next, now)| now >= next) {
            self.next = Some(now + EVERY);
            self.is_shown = true;
            let of = self
                .total
                .map_or_else(String::new, |total| format!(" of {}", size(total)));
            self.say(&format!("\r{}{of} read\x1b[K", size(self.done)));
        }
    }

    fn say(&self, text: &str) {
        let mut stderr = io::stderr();
        // Nobody waits for it: what cannot be said is left unsaid.
        let _ = stderr.write_all(text.as_bytes());
        let _ = stderr.flush();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown {
            self.say("\r\x1b[K");
        }
    }
}

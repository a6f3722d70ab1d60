//! The threads of a run: named, scoped, all joined, the first failure told.

use std::panic::resume_unwind;
use std::thread::{Builder, Scope, ScopedJoinHandle};

use crate::failure::Failure;

/// The kernel cuts a thread's name after so many bytes.
const NAME_BYTES_MAX: usize = 15;

/// Threads in the order in which they were started, which is the order in which they end: each
/// feeds the next.
pub struct Crew<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    threads: Vec<ScopedJoinHandle<'scope, Result<(), Failure>>>,
}

impl<'scope, 'env> Crew<'scope, 'env> {
    pub fn new(scope: &'scope Scope<'scope, 'env>) -> Self {
        Self {
            scope,
            threads: Vec::new(),
        }
    }

    pub fn start(
        &mut self,
        name: &str,
        task: impl FnOnce() -> Result<(), Failure> + Send + 'scope,
    ) -> Result<(), Failure> {
        let thread = self.spawn(name, task)?;
        self.threads.push(thread);
        Ok(())
    }

    /// Starts a thread whose answer is asked for apart from the others'.
    pub fn spawn<T: Send + 'scope>(
        &self,
        name: &str,
        task: impl FnOnce() -> T + Send + 'scope,
    ) -> Result<ScopedJoinHandle<'scope, T>, Failure> {
        debug_assert!(name.len() <= NAME_BYTES_MAX, "{name}");
        Builder::new()
            .name(name.to_owned())
            .spawn_scoped(self.scope, task)
            .map_err(|error| Failure::System("a thread cannot be started", error))
    }

    /// Waits for all; the answer is the first failure there was.
    pub fn join(self) -> Result<(), Failure> {
        let mut outcome = Ok(());
        for thread in self.threads {
            outcome = outcome.and(joined(thread));
        }
        outcome
    }
}

/// What a thread answered. A panic is passed on: in what ships it has ended the process already.
pub fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

//! The agent's own log: one line per record on stderr, for the journal or the container's log.
//!
//! Never used for an event. Lines carry no time, since whoever collects them stamps them.

use std::io::Write;

use log::{LevelFilter, Log, Metadata, Record};

struct Stderr;

impl Log for Stderr {
    /// Ours only: what a library logs may hold headers or tokens.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tapio")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let level = record.level().as_str().to_ascii_lowercase();
        let line = format!("tapio-agent: {level}: {}\n", record.args());
        // One write, so that lines of different threads stay whole. A log nobody can read must not
        // stop evidence.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }

    fn flush(&self) {}
}

/// Called once, before anything is logged.
pub fn begin(level: LevelFilter) {
    log::set_max_level(level);
    // It can only fail when called twice.
    let _ = log::set_logger(&Stderr);
}

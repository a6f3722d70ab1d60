//! The agent's own log: one line per record on stderr, for the journal or the container's log.
//!
//! Never used for an event. Lines for people carry no time, since whoever collects them stamps them.

use std::io::Write;

use log::{LevelFilter, Log, Metadata, Record};
use tapio_common::log_line::{LogFormat, json_line};

use crate::clock;

struct Lines;

struct JsonLines;

impl Log for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_ours(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let level = record.level().as_str().to_ascii_lowercase();
            write(&format!("{PROGRAM}: {level}: {}\n", record.args()));
        }
    }

    fn flush(&self) {}
}

impl Log for JsonLines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_ours(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let (level, message) = (record.level().as_str(), record.args().to_string());
            write(&json_line(clock::now().wall, level, PROGRAM, &message));
        }
    }

    fn flush(&self) {}
}

const PROGRAM: &str = "tapio-agent";

/// What a library logs may hold headers or tokens.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("tapio")
}

/// One write, so that lines of different threads stay whole. A log nobody can read must not stop
/// evidence.
fn write(line: &str) {
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Called once, before anything is logged.
pub fn begin(level: LevelFilter, format: LogFormat) {
    log::set_max_level(level);
    // It can only fail when called twice.
    let _ = log::set_logger(match format {
        LogFormat::Text => &Lines,
        LogFormat::Json => &JsonLines,
    });
}

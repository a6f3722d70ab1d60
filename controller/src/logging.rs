//! The log: one line each on standard error, and nothing from a request in it unescaped.

use std::io::{self, Write};
use std::panic;
use std::time::{SystemTime, UNIX_EPOCH};

use log::{LevelFilter, Log, Metadata, Record, SetLoggerError};
use simplelog::{ConfigBuilder, WriteLogger};
use tapio_common::log_line::{LogFormat, json_line};
use tapio_common::time::Timestamp;

use crate::Failure;

const PROGRAM: &str = "tapio-controller";

struct JsonLines;

impl Log for JsonLines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true // the level is `log`'s to hold
    }

    fn log(&self, record: &Record<'_>) {
        let line = json_line(
            now(),
            record.level().as_str(),
            PROGRAM,
            &record.args().to_string(),
        );
        // A log nobody can read is no reason to stop.
        let _ = io::stderr().write_all(line.as_bytes());
    }

    fn flush(&self) {}
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = since.map_or(0, |since| since.as_nanos());
    Timestamp(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Why the controller does not run: said at every level, since the exit code alone says little.
pub fn refuse(format: LogFormat, failure: &Failure) {
    match format {
        LogFormat::Text => eprintln!("{PROGRAM}: {failure}"),
        LogFormat::Json => eprint!(
            "{}",
            json_line(now(), "error", PROGRAM, &failure.to_string())
        ),
    }
}

fn for_people(level: LevelFilter) -> Result<(), SetLoggerError> {
    let config = ConfigBuilder::new()
        .set_time_format_rfc3339()
        .set_thread_level(LevelFilter::Off)
        .set_target_level(LevelFilter::Off)
        .set_location_level(LevelFilter::Off)
        .build();
    WriteLogger::init(level, config, io::stderr())
}

/// Starts logging. A second logger in one process is refused by `log` and changes nothing.
pub fn start(level: LevelFilter, format: LogFormat) {
    let started = match format {
        LogFormat::Text => for_people(level),
        LogFormat::Json => {
            log::set_max_level(level);
            log::set_logger(&JsonLines)
        }
    };
    if started.is_err() {
        log::warn!("logging was started before");
    }
    panic::set_hook(Box::new(|panic| {
        // The message may quote what a request held; where it happened is enough to find it.
        let place = panic
            .location()
            .map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
        log::error!("a panic{place}; the rest goes on");
    }));
}

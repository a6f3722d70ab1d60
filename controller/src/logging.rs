//! The log: one line each on standard error, and nothing from a request in it unescaped.

use std::io;
use std::panic;

use log::LevelFilter;
use simplelog::{ConfigBuilder, WriteLogger};

/// Starts logging. A second logger in one process is refused by `log` and changes nothing.
pub fn start(level: LevelFilter) {
    let config = ConfigBuilder::new()
        .set_time_format_rfc3339()
        .set_thread_level(LevelFilter::Off)
        .set_target_level(LevelFilter::Off)
        .set_location_level(LevelFilter::Off)
        .build();
    if WriteLogger::init(level, config, io::stderr()).is_err() {
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

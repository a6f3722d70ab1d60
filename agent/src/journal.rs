//! The agent's own log: one line per record on stderr, for the journal or the container's log.
//!
//! Never used for an event. Lines for people carry no time, since whoever collects them stamps them.
//! A log nobody reads must not stop evidence, nor the agent's leaving: a line gets a moment to find
//! its reader, the next ones none until one has, and how many were given up is then said first.

use std::io;
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use log::{LevelFilter, Log, Metadata, Record};
use tapio_common::log_line::{LogFormat, json_line};

use crate::clock;
use crate::failure::Failure;
use crate::outlet::Outlet;
use crate::stop::await_any;

/// How long a line waits for a reader that was there for the line before.
const PATIENCE: Duration = Duration::from_millis(100);

const PROGRAM: &str = "tapio-agent";

struct Journal {
    format: LogFormat,
    pen: Mutex<Pen>,
}

impl Log for Journal {
    /// Ours only: what a library logs may hold headers or tokens.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tapio")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let level = record.level().as_str().to_ascii_lowercase();
        let line = line(self.format, &level, &record.args().to_string());
        let mut pen = self.pen.lock().unwrap_or_else(PoisonError::into_inner);
        pen.write(&line, |lines| {
            let notice = format!("nobody read the log: {lines} lines are missing here");
            self::line(self.format, "warn", &notice)
        });
    }

    fn flush(&self) {}
}

/// Why the agent does not run, or ended: said at every level, since the exit code alone says little.
pub fn refuse(format: LogFormat, failure: &Failure) {
    match format {
        LogFormat::Text => eprintln!("{PROGRAM}: {failure}"),
        LogFormat::Json => eprint!("{}", line(format, "error", &failure.to_string())),
    }
}

fn line(format: LogFormat, level: &str, message: &str) -> String {
    match format {
        LogFormat::Text => format!("{PROGRAM}: {level}: {message}\n"),
        LogFormat::Json => json_line(clock::now().wall, level, PROGRAM, message),
    }
}

/// What writes the lines, whole and in order.
struct Pen {
    outlet: Outlet,
    /// What the reader has not taken yet; it comes before any other line.
    waiting: Vec<u8>,
    given_up: u64,
}

impl Pen {
    fn new(outlet: Outlet) -> Self {
        Self {
            outlet,
            waiting: Vec::new(),
            given_up: 0,
        }
    }

    /// `notice` says how many lines were given up.
    fn write(&mut self, line: &str, notice: impl FnOnce(u64) -> String) {
        if !self.waiting.is_empty() {
            self.push(Duration::ZERO);
        }
        if !self.waiting.is_empty() {
            self.given_up += 1;
            return;
        }
        if self.given_up > 0 {
            let notice = notice(self.given_up);
            self.waiting.extend_from_slice(notice.as_bytes());
            self.given_up = 0;
        }
        self.waiting.extend_from_slice(line.as_bytes());
        self.push(PATIENCE);
    }

    /// Writes what is waiting, as far as the reader takes it in that time.
    fn push(&mut self, patience: Duration) {
        let until = clock::boot_nanos_in(patience);
        let mut written = 0;
        while written < self.waiting.len() {
            match self.outlet.write(&self.waiting[written..]) {
                Ok(bytes) => written += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let left = until.saturating_sub(clock::boot_nanos());
                    let writable = (self.outlet.as_fd(), libc::POLLOUT);
                    let [may_go_on] = await_any(&[writable], Some(Duration::from_nanos(left)));
                    if left == 0 || !may_go_on {
                        break;
                    }
                }
                // Closed, or no room on the disk: nobody will read this.
                Err(_) => written = self.waiting.len(),
            }
        }
        self.waiting.drain(..written);
    }
}

/// Called once, before anything is logged.
pub fn begin(level: LevelFilter, format: LogFormat) {
    log::set_max_level(level);
    // Without a standard error there is nobody to tell; and a second call changes nothing.
    if let Ok(outlet) = Outlet::of(io::stderr().as_fd()) {
        let pen = Mutex::new(Pen::new(outlet));
        let _ = log::set_boxed_logger(Box::new(Journal { format, pen }));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::time::Instant;

    use super::*;

    fn notice(lines: u64) -> String {
        format!("{lines} are missing\n")
    }

    #[test]
    fn lines_nobody_reads_wait_once_and_are_counted() {
        let (mut reader, ours) = UnixStream::pair().unwrap();
        let mut pen = Pen::new(Outlet::of(ours.as_fd()).unwrap());
        let line = |number: usize| format!("{number} {}\n", "x".repeat(999));
        let began = Instant::now();
        let mut lines = 0;
        while pen.given_up < 1_000 {
            pen.write(&line(lines), notice);
            lines += 1;
        }
        assert!(began.elapsed() < 10 * PATIENCE, "{:?}", began.elapsed());

        let kept = lines - 1_000;
        let told = (0..kept).map(line).collect::<String>();
        let mut read = vec![0; told.len() - pen.waiting.len()];
        reader.read_exact(&mut read).unwrap();
        pen.write("after\n", notice);
        drop((pen, ours));
        reader.read_to_end(&mut read).unwrap();
        let wanted = told + "1000 are missing\nafter\n";
        assert_eq!(String::from_utf8(read).unwrap(), wanted);
    }

    #[test]
    fn a_reader_that_is_gone_costs_nothing() {
        let (reader, ours) = UnixStream::pair().unwrap();
        let mut pen = Pen::new(Outlet::of(ours.as_fd()).unwrap());
        drop(reader);
        (0..10).for_each(|_| pen.write("line\n", notice));
        assert!(pen.waiting.is_empty());
    }
}

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::{FromRawFd, OwnedFd};
use std::thread;

use tapio_common::catalogue::{Anomaly, Severity};
use tapio_common::ledger::SinkCounts;
use tapio_common::time::Timestamp;

use super::*;

const NOW: Now = Now {
    wall: Timestamp(0),
    boot_nanos: 0,
};

/// More than a pipe, the writer and all the blocks hold together.
const FLOOD: u64 = 4_000;

fn line(number: u64) -> Vec<u8> {
    format!("{{\"number\":{number},\"fill\":\"{}\"}}\n", "x".repeat(700)).into_bytes()
}

fn offer(front: &mut dyn Sink, numbers: std::ops::Range<u64>) {
    for number in numbers {
        front.take(&Written {
            line: &line(number),
            at: Timestamp(0),
            anomaly: Anomaly::OomKill,
            severity: Severity::Critical,
        });
    }
    front.flush(NOW);
}

fn pipe() -> (File, OwnedFd) {
    let mut ends = [0; 2];
    // SAFETY: pipe2 writes two descriptors to the two integers it is given.
    let outcome = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) };
    assert_eq!(outcome, 0, "{}", io::Error::last_os_error());
    // SAFETY: both descriptors are new and nobody else's.
    let [reader, writer] = ends.map(|end| unsafe { OwnedFd::from_raw_fd(end) });
    (File::from(reader), writer)
}

/// Runs `drive` on the front while the task runs in its thread, then lets both end.
fn with_pipe(
    is_alone: bool,
    drive: impl FnOnce(&mut dyn Sink, File, &Stop, &SinkAccount),
) -> (SinkCounts, Result<(), SinkError>) {
    let (reader, writer) = pipe();
    let outlet = Outlet::of(writer.as_fd()).expect("an outlet");
    drop(writer);
    let account = SinkAccount::default();
    let stop = Stop::new().expect("an eventfd");
    let Opened { mut front, task } = connect(outlet, &account, is_alone);
    let task = task.expect("standard output has a task");
    let outcome = thread::scope(|scope| {
        let writing = scope.spawn(|| task(&stop));
        drive(front.as_mut(), reader, &stop, &account);
        drop(front);
        writing.join().expect("no panic")
    });
    (account.counts(), outcome)
}

fn lines_of(reader: File) -> Vec<Vec<u8>> {
    BufReader::new(reader)
        .split(b'\n')
        .map(|line| line.expect("readable"))
        .collect()
}

#[test]
fn a_reader_gets_every_line_whole_and_in_order() {
    let mut reading = None;
    let (counts, outcome) = with_pipe(true, |front, reader, _, _| {
        reading = Some(thread::spawn(|| lines_of(reader)));
        for from in (0..400).step_by(4) {
            offer(front, from..from + 4);
        }
    });
    let lines = reading.expect("started").join().expect("no panic");
    let taken: Vec<Vec<u8>> = (0..u64::try_from(lines.len()).expect("few"))
        .map(|number| line(number).split_last().expect("a newline").1.to_vec())
        .collect();
    assert_eq!(lines, taken);
    assert_eq!((counts.delivered, counts.dropped_total()), (400, 0));
    assert_eq!(counts.pending, 0);
    assert!(outcome.is_ok());
}

#[test]
fn a_stalled_reader_costs_what_it_does_not_read_and_two_seconds_at_the_stop() {
    let before = clock::boot_nanos();
    let mut stalled = None;
    let (counts, outcome) = with_pipe(true, |front, reader, stop, account| {
        offer(front, 0..FLOOD);
        assert!(account.counts().dropped["queue_full"] > FLOOD / 2);
        drop(stop.guard());
        stalled = Some(reader);
    });
    let took = Duration::from_nanos(clock::boot_nanos() - before);
    assert!(took < GRACE * 2, "{took:?}");
    assert!(counts.dropped["stopped"] > 0);
    assert_eq!(counts.delivered + counts.dropped_total(), FLOOD);
    assert_eq!(counts.pending, 0);
    assert!(outcome.is_ok());
    let whole = lines_of(stalled.expect("kept"))
        .iter()
        .filter(|line| line.ends_with(b"}"))
        .count();
    assert_eq!(u64::try_from(whole).expect("few"), counts.delivered);
}

#[test]
fn a_reader_that_reads_again_loses_nothing_that_was_queued() {
    let mut reading = None;
    let (counts, _) = with_pipe(true, |front, reader, _, account| {
        offer(front, 0..FLOOD);
        let dropped = account.dropped_total();
        reading = Some(thread::spawn(|| lines_of(reader)));
        assert!(dropped > 0);
    });
    let lines = reading.expect("started").join().expect("no panic");
    assert_eq!(u64::try_from(lines.len()).expect("few"), counts.delivered);
    assert_eq!(counts.delivered + counts.dropped_total(), FLOOD);
    assert!(!counts.dropped.contains_key("stopped"));
}

#[test]
fn a_reader_that_is_gone_ends_the_agent_only_where_nobody_else_listens() {
    for is_alone in [true, false] {
        let (counts, outcome) = with_pipe(is_alone, |front, reader, stop, account| {
            drop(reader);
            offer(front, 0..1);
            if is_alone {
                assert!(stop.wait(Some(Duration::from_secs(5))));
            }
            while account.counts().pending > 0 {
                thread::yield_now();
            }
            assert_eq!(stop.is_closed(), is_alone);
            offer(front, 1..3);
        });
        assert_eq!(outcome.is_err(), is_alone);
        assert_eq!(counts.dropped["closed"], 3);
        assert_eq!((counts.delivered, counts.pending), (0, 0));
    }
}

#[test]
fn a_file_and_a_socket_take_lines_too() {
    let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().expect("a pair");
    let mut outlet = Outlet::of(theirs.as_fd()).expect("an outlet");
    let mut taken = 0;
    let refusal = loop {
        match outlet.write(&line(1)) {
            Ok(bytes) => taken += bytes,
            Err(error) => break error,
        }
    };
    assert_eq!(refusal.kind(), io::ErrorKind::WouldBlock);
    assert!(taken > 0);
    drop((outlet, theirs));
    let arrived = io::copy(&mut ours, &mut io::sink()).expect("readable");
    assert_eq!(usize::try_from(arrived).expect("few"), taken);

    let path = std::env::temp_dir().join(format!("tapio-outlet-{}", std::process::id()));
    std::fs::write(&path, "before\n").expect("writable");
    let file = std::fs::OpenOptions::new().append(true).open(&path);
    let mut outlet = Outlet::of(file.expect("there").as_fd()).expect("an outlet");
    outlet.write(b"after\n").expect("a file takes it");
    assert_eq!(std::fs::read(&path).expect("readable"), b"before\nafter\n");
    std::fs::remove_file(&path).expect("removable");
}

//! Requests to a disk that fails, delays, or does as it should.

use std::fs;
use std::process::ExitCode;

use tapio_tests::deadline::{SOON, poll_for};

use crate::disk::{self, Disk};
use crate::fuse::{self, FILE_BYTES, Fault};
use crate::os::{self, argument, say};

/// Where every scene reads and writes.
const FROM: i64 = 256 << 10;
const BYTES: usize = 4_096;
/// For what is to be completed in parts.
const LONG_BYTES: usize = 64 << 10;
const PER_MILLI: u64 = 1_000_000;

/// `io WHAT none|errno|delay-ms|ends-at|late-ends-at VALUE [COUNT]`: requests of one kind to a disk that
/// does so to each; late is a tenth of a second. WHAT is read, write, long-read, buffered-read, buffered-write, flush, discard or write-back.
pub fn io(words: &[String]) -> ExitCode {
    let what = words.first().map_or("", String::as_str);
    let count: u64 = words.get(3).map_or(1, |_| argument(words, 3));
    let disk = Disk::new();
    fuse::arm(Some(fault(what, &words[1], argument(words, 2))));
    let from_ns = os::clock_ns();
    let (mut errno, mut failed) = (0, 0);
    for _ in 0..count {
        errno = transfer(&disk, what).err().unwrap_or(0);
        failed += u64::from(errno != 0);
    }
    let took_us = (os::clock_ns() - from_ns) / 1_000;
    fuse::arm(None);
    let ((major, minor), name) = (disk.number(), &disk.name);
    say(&format!(
        r#"{{"failed":{failed},"major":{major},"minor":{minor},"name":"{name}","errno":{errno},"took_us":{took_us}}}"#
    ));
    ExitCode::SUCCESS
}

/// `read-disk PATH FROM BYTES`: one direct read of a disk that is there.
pub fn read_disk(words: &[String]) -> ExitCode {
    let disk = disk::direct(&words[0]);
    let bytes: usize = argument(words, 2);
    let errno = disk::read(&disk, argument(words, 1), bytes)
        .err()
        .unwrap_or(0);
    say(&format!(r#"{{"errno":{errno}}}"#));
    ExitCode::SUCCESS
}

/// `write-disk PATH BYTES FROM…`: direct writes of a disk that is there; the log is of the last.
pub fn write_disk(words: &[String]) -> ExitCode {
    let disk = disk::direct(&words[0]);
    let bytes: usize = argument(words, 1);
    let mut errno = 0;
    for from in &words[2..] {
        errno = disk::write(&disk, os::number(from), bytes)
            .err()
            .unwrap_or(0);
    }
    say(&format!(r#"{{"errno":{errno}}}"#));
    ExitCode::SUCCESS
}

fn fault(what: &str, how: &str, value: u64) -> Fault {
    let mut fault = Fault {
        operation: match what {
            "flush" => fuse::FSYNC,
            "discard" => fuse::FALLOCATE,
            "write" | "buffered-write" | "write-back" => fuse::WRITE,
            _ => fuse::READ,
        },
        errno: 0,
        delay_ns: 0,
        ends_at: FILE_BYTES,
    };
    match how {
        "errno" => fault.errno = value.try_into().expect("causer: an errno"),
        "delay-ms" => fault.delay_ns = value * PER_MILLI,
        "ends-at" => fault.ends_at = value,
        "late-ends-at" => (fault.ends_at, fault.delay_ns) = (value, 100 * PER_MILLI),
        _ => fault.operation = 0,
    }
    fault
}

fn transfer(disk: &Disk, what: &str) -> Result<(), i32> {
    match what {
        "read" => disk.read(FROM, BYTES),
        "long-read" => disk.read(FROM, LONG_BYTES),
        "write" => disk.write(FROM, BYTES),
        "buffered-read" => disk.read_buffered(FROM, BYTES),
        "buffered-write" => disk.write_buffered(FROM, BYTES).and_then(|()| disk.sync()),
        "flush" => disk.sync(),
        "discard" => disk.discard(FROM.unsigned_abs(), BYTES as u64),
        "write-back" => write_back(disk),
        other => panic!("causer: no such request: {other}"),
    }
}

/// Written by this process to the page cache, and from there by whoever the kernel sends; another
/// process asks for what is left.
fn write_back(disk: &Disk) -> Result<(), i32> {
    let written = || {
        let path = format!("/sys/block/{}/stat", disk.name);
        let stat = fs::read_to_string(path).expect("causer: the disk's counts");
        stat.split_whitespace().nth(4).map(str::to_owned)
    };
    let before = written();
    disk.write_buffered(0, usize::try_from(FILE_BYTES).expect("a small file"))?;
    send_the_kernels_writers();
    poll_for(SOON, || (written() != before).then_some(()));
    let child = os::fork(); // which does nothing but two system calls
    if child == 0 {
        // SAFETY: no pointers are involved.
        unsafe { libc::sync() };
        os::exit_now(0);
    }
    os::wait(child);
    Ok(())
}

/// The kernel sends them when this interval becomes another one, and the same at once is another.
fn send_the_kernels_writers() {
    const INTERVAL: &str = "/proc/sys/vm/dirty_writeback_centisecs";
    let before = fs::read_to_string(INTERVAL).expect("causer: an interval");
    let other = before.trim().parse::<u64>().map_or(1, |value| value + 1);
    for value in [other.to_string(), before] {
        fs::write(INTERVAL, value).expect("causer: the interval is root's");
    }
}

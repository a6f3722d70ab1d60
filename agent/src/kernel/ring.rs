//! A ring buffer's reader: sleeps in epoll until the kernel has a record, never on a timer.
//!
//! The consumer's position is ours to store and tells the kernel what it may reuse; everything
//! else is only read. The layout is the kernel's own ABI: a page with the consumer's position, a
//! page with the producer's, then the data, which the kernel shows twice so that no record is ever
//! split. We map it once, because every page mapped counts as resident: the one record in a lap
//! that runs over the end is put together here.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tapio_common::time::NANOS_PER_SECOND;

use crate::clock;
use crate::stop::await_readable;

use super::mapped::{Access, Mapped, page_bytes};

const HEADER_BYTES: usize = 8;
const BUSY: u32 = 1 << 31;
const DISCARDED: u32 = 1 << 30;
/// The rate is taken over windows of at least this length.
const WINDOW_NS: u64 = 10_000_000;
/// From this rate on records are let gather.
const FAST_PER_SECOND: u64 = 1_000;
/// Until there are so many: a few per cent of what the ring and the batcher's queue hold.
const GATHER_RECORDS: u64 = 200;
/// And not for longer: no delay that a person would see.
const GATHER_MAX_NS: u64 = 40_000_000;
/// Between two looks at what else there is to hear: a flood must not keep a question waiting.
const TURN_RECORDS: u64 = 1_024;
/// How often a count is begun again because the reader moved under it.
const COUNT_TRIES: usize = 8;

/// A mapped ring. One thread at a time may [`run`](Ring::run) or [`drain`](Ring::drain) it.
#[derive(Debug)]
pub struct Ring {
    fd: OwnedFd,
    consumer: Mapped,
    producer: Mapped,
    data_at: usize,
    mask: u64,
}

/// How fast records come. A record on its own is read at once; when waking up three threads for
/// each would cost ten times its own work, some are let gather first.
#[derive(Debug, Default)]
struct Pace {
    since_ns: u64,
    records: u64,
}

impl Pace {
    /// How long to let records gather before the next are read; `None` while they come slowly.
    fn pause(&mut self, now_ns: u64) -> Option<Duration> {
        let elapsed = now_ns.saturating_sub(self.since_ns);
        if elapsed < WINDOW_NS {
            return None;
        }
        let records = self.records;
        *self = Self {
            since_ns: now_ns,
            records: 0,
        };
        let is_fast = records.saturating_mul(NANOS_PER_SECOND / FAST_PER_SECOND) >= elapsed;
        let to_gather = elapsed.saturating_mul(GATHER_RECORDS) / records.max(1);
        is_fast.then(|| Duration::from_nanos(to_gather.min(GATHER_MAX_NS)))
    }
}

/// What ends a wait.
enum Wake {
    Ring,
    Stop,
    /// Which of the others.
    Also(usize),
}

impl Ring {
    /// `bytes` is the ring's size as the map was made: a power of two and whole pages.
    pub fn new(fd: OwnedFd, bytes: usize) -> io::Result<Self> {
        let page = page_bytes();
        let consumer = Mapped::new(fd.as_fd(), 0, page, Access::ReadWrite)?;
        let producer = Mapped::new(fd.as_fd(), page, page + bytes, Access::Read)?;
        let mask = u64::try_from(bytes - 1).map_err(io::Error::other)?;
        Ok(Self {
            fd,
            consumer,
            producer,
            data_at: page,
            mask,
        })
    }

    /// Readable when a record was announced; see [`run`](Self::run)'s `also`.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Hands every record to `on_record` until `stop` is readable, then what is left, and
    /// returns. `also` is watched besides: each time the wait queue of one of them is woken,
    /// `on_also` is told which.
    pub fn run(
        &self,
        stop: BorrowedFd<'_>,
        also: &[BorrowedFd<'_>],
        mut on_record: impl FnMut(&[u8]),
        mut on_also: impl FnMut(usize),
    ) -> io::Result<()> {
        let epoll = Epoll::new()?;
        epoll.add(self.fd(), libc::EPOLLIN, Wake::Ring)?;
        epoll.add(stop, libc::EPOLLIN, Wake::Stop)?;
        for (at, also) in also.iter().enumerate() {
            epoll.add(*also, libc::EPOLLIN | libc::EPOLLET, Wake::Also(at))?;
        }
        let mut pace = Pace::default();
        loop {
            let before = pace.records;
            self.drain_some(TURN_RECORDS, |record| {
                pace.records += 1;
                on_record(record);
            });
            // What is left of a flood has gathered already.
            let is_all = pace.records - before < TURN_RECORDS;
            if let Some(pause) = is_all.then(|| pace.pause(clock::boot_nanos())).flatten() {
                await_readable(&[stop], Some(pause));
            }
            match epoll.wait()? {
                Wake::Ring => {}
                Wake::Also(at) => on_also(at),
                Wake::Stop => {
                    self.drain(&mut on_record);
                    return Ok(());
                }
            }
        }
    }

    /// Hands over every record that is committed by now.
    pub fn drain(&self, on_record: impl FnMut(&[u8])) {
        self.drain_some(u64::MAX, on_record);
    }

    fn drain_some(&self, records_max: u64, mut on_record: impl FnMut(&[u8])) {
        let mut at = self.consumer_at().load(Ordering::Relaxed);
        let mut joined = Vec::new();
        let mut left = records_max;
        while left > 0 && at < self.producer_at().load(Ordering::Acquire) {
            let header = self.header(at).load(Ordering::Acquire);
            if header & BUSY != 0 {
                return; // its writer wakes us when it commits
            }
            let len = header & !(BUSY | DISCARDED);
            if header & DISCARDED == 0 {
                left -= 1;
                on_record(self.record(at, len, &mut joined));
            }
            at += span(len);
            self.consumer_at().store(at, Ordering::Release);
        }
    }

    /// Records that were submitted and not yet read; exact while nobody reads or writes.
    pub fn waiting(&self) -> u64 {
        let mut counted = 0;
        for _ in 0..COUNT_TRIES {
            let from = self.consumer_at().load(Ordering::Acquire);
            counted = self.count_from(from);
            if self.consumer_at().load(Ordering::Acquire) == from {
                break;
            }
        }
        counted
    }

    fn count_from(&self, from: u64) -> u64 {
        let to = self.producer_at().load(Ordering::Acquire);
        let (mut at, mut counted) = (from, 0);
        while at < to && to - at <= self.mask + 1 {
            let header = self.header(at).load(Ordering::Acquire);
            counted += u64::from(header & DISCARDED == 0);
            at += span(header & !(BUSY | DISCARDED));
        }
        counted
    }

    fn consumer_at(&self) -> &AtomicU64 {
        &self.consumer.words()[0]
    }

    fn producer_at(&self) -> &AtomicU64 {
        &self.producer.words()[0]
    }

    /// Where the record at a position begins in the mapping.
    fn offset(&self, at: u64) -> usize {
        // The mask is below the size of the mapping, so this fits.
        self.data_at + usize::try_from(at & self.mask).unwrap_or(0)
    }

    fn header(&self, at: u64) -> &AtomicU32 {
        &self.producer.halves()[self.offset(at) / 4]
    }

    /// What the record at a position says; `joined` is where one over the end is put together.
    fn record<'r>(&'r self, at: u64, len: u32, joined: &'r mut Vec<u8>) -> &'r [u8] {
        // A header is never split, so there is data at least until the end of the mapping.
        let start = self.offset(at) + HEADER_BYTES;
        let ring = self.producer.bytes() - self.data_at;
        // No record is longer than the ring; what a broken length would ask for is cut.
        let len = usize::try_from(len).map_or(ring, |len| len.min(ring - HEADER_BYTES));
        let here = len.min(self.producer.bytes() - start);
        let before = self.bytes(start, here);
        if here == len {
            return before;
        }
        joined.clear();
        joined.extend_from_slice(before);
        joined.extend_from_slice(self.bytes(self.data_at, len - here));
        joined
    }

    /// Bytes of a committed record.
    fn bytes(&self, start: usize, len: usize) -> &[u8] {
        if len == 0 {
            return &[];
        }
        // SAFETY: callers keep `start + len` inside the mapping, the record is committed, and the
        // kernel does not touch it again before the consumer's position has passed it.
        unsafe { std::slice::from_raw_parts(self.producer.pointer(start), len) }
    }
}

/// What a record of `len` bytes takes up, its header included.
fn span(len: u32) -> u64 {
    (u64::from(len) + HEADER_BYTES as u64).next_multiple_of(8)
}

/// The few descriptors one reader waits for.
struct Epoll(OwnedFd);

impl Epoll {
    fn new() -> io::Result<Self> {
        // SAFETY: the call takes no pointers.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is fresh and owned by nobody else.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    fn add(&self, fd: BorrowedFd<'_>, events: i32, wake: Wake) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: events as u32,
            u64: match wake {
                Wake::Ring => 0,
                Wake::Stop => 1,
                Wake::Also(at) => 2 + at as u64,
            },
        };
        let (epoll, fd) = (self.0.as_raw_fd(), fd.as_raw_fd());
        // SAFETY: `event` is valid for the call, which copies it.
        match unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &raw mut event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Sleeps until one of them is ready, however long that takes.
    fn wait(&self) -> io::Result<Wake> {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        loop {
            // SAFETY: `event` is room for the one event that is asked for.
            let ready = unsafe { libc::epoll_wait(self.0.as_raw_fd(), &raw mut event, 1, -1) };
            match ready {
                1 => break,
                0 => {}
                _ => {
                    let error = io::Error::last_os_error();
                    if error.kind() != io::ErrorKind::Interrupted {
                        return Err(error);
                    }
                }
            }
        }
        Ok(match event.u64 {
            0 => Wake::Ring,
            1 => Wake::Stop,
            other => Wake::Also(usize::try_from(other - 2).unwrap_or(usize::MAX)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use super::*;

    const MILLI: u64 = 1_000_000;

    fn pause_after(records: u64, elapsed_ms: u64) -> Option<u64> {
        let mut pace = Pace {
            since_ns: 7,
            records,
        };
        let pause = pace.pause(7 + elapsed_ms * MILLI)?;
        assert_eq!((pace.since_ns, pace.records), (7 + elapsed_ms * MILLI, 0));
        Some(u64::try_from(pause.as_millis()).expect("short"))
    }

    #[test]
    fn only_records_that_come_fast_are_let_gather() {
        assert_eq!(pause_after(9, 10), None);
        assert_eq!(pause_after(10, 10), Some(40));
        assert_eq!(pause_after(49, 50), None);
        assert_eq!(
            pause_after(1_000, 3_600_000),
            None,
            "a pause says nothing of a rate"
        );
        assert_eq!(pause_after(1_000, 9), None, "too short to tell");
    }

    #[test]
    fn the_faster_they_come_the_shorter_they_gather() {
        assert_eq!(pause_after(50, 10), Some(40));
        assert_eq!(pause_after(100, 10), Some(20));
        assert_eq!(pause_after(1_000, 10), Some(2));
        assert_eq!(pause_after(u64::MAX, 10), Some(0));
    }

    /// A ring of one page in a file, as the kernel would lay it out.
    struct Made {
        file: File,
        ring: Ring,
    }

    impl Made {
        fn new() -> Self {
            // SAFETY: the name is a string that ends with a zero byte.
            let raw = unsafe { libc::memfd_create(c"ring".as_ptr(), libc::MFD_CLOEXEC) };
            assert!(raw >= 0);
            // SAFETY: the descriptor is fresh and owned by nobody else.
            let file = File::from(unsafe { OwnedFd::from_raw_fd(raw) });
            let page = page_bytes();
            file.set_len(3 * page as u64).unwrap();
            let fd = file.try_clone().unwrap().into();
            let ring = Ring::new(fd, page).unwrap();
            Self { file, ring }
        }

        /// Puts a record at a position, and the producer's position after it.
        fn submit(&self, at: u64, content: &[u8]) -> u64 {
            let page = page_bytes() as u64;
            let len = u32::try_from(content.len()).unwrap();
            let header = [len.to_ne_bytes(), [0; 4]].concat();
            for (place, byte) in (at..).zip(header.iter().chain(content)) {
                let place = 2 * page + place % page;
                self.file.write_all_at(&[*byte], place).unwrap();
            }
            let end = at + span(len);
            self.file.write_all_at(&end.to_ne_bytes(), page).unwrap();
            end
        }

        fn read(&self) -> Vec<Vec<u8>> {
            let mut read = Vec::new();
            self.ring.drain(|record| read.push(record.to_vec()));
            read
        }
    }

    #[test]
    fn records_are_whole_wherever_the_end_of_the_ring_falls() {
        let made = Made::new();
        let mut at = 0;
        for number in 0..2_000_u32 {
            let byte = number.to_ne_bytes()[0];
            let content = vec![byte; usize::try_from(number % 41).unwrap()];
            at = made.submit(at, &content);
            assert_eq!(made.read(), [content], "record {number}");
        }
    }

    #[test]
    fn a_broken_length_reads_nothing_outside() {
        let made = Made::new();
        made.submit(0, b"first");
        let page = page_bytes() as u64;
        let longest = (DISCARDED - 1).to_ne_bytes();
        made.file.write_all_at(&longest, 2 * page).unwrap();
        let lengths: Vec<usize> = made.read().iter().map(Vec::len).collect();
        assert_eq!(lengths, [page_bytes() - HEADER_BYTES]);
    }
}

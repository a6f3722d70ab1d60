//! What the kernel says of an OOM kill by other ways: its log, and its own tracepoint in text.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use tapio_tests::deadline::{SOON, poll_for};

/// The kernel's log from a moment on.
pub struct KernelLog(File);

/// The line in which the kernel says what it killed, its sizes in bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct KilledLine {
    pub comm: String,
    pub anon_rss: u64,
    pub file_rss: u64,
    pub shmem_rss: u64,
    pub uid: u64,
    pub oom_score_adj: i64,
}

impl KernelLog {
    pub fn from_now() -> Self {
        let mut log = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/kmsg")
            .expect("the kernel's log");
        log.seek(SeekFrom::End(0)).expect("its end");
        Self(log)
    }

    /// What it says of the kill of this pid.
    #[track_caller]
    pub fn killed(&mut self, pid: u32) -> KilledLine {
        let mark = format!("Killed process {pid} (");
        let line = poll_for(SOON, || {
            self.record().filter(|record| record.contains(&mark))
        })
        .unwrap_or_else(|| panic!("the kernel's log says nothing of killing {pid}"));
        let (_, rest) = line.split_once(&mark).expect("it is in there");
        let (comm, sizes) = rest.split_once(") ").expect("a comm in brackets");
        let field = |name: &str| -> i64 {
            let (_, value) = sizes.split_once(name).expect("a field of the line");
            let digits = value.split([',', ' ', '\n']).next().unwrap_or_default();
            digits.trim_end_matches("kB").parse().expect("a number")
        };
        let bytes = |name: &str| u64::try_from(field(name)).expect("a size") * 1_024;
        KilledLine {
            comm: comm.to_owned(),
            anon_rss: bytes("anon-rss:"),
            file_rss: bytes("file-rss:"),
            shmem_rss: bytes("shmem-rss:"),
            uid: u64::try_from(field("UID:")).expect("a uid"),
            oom_score_adj: field("oom_score_adj:"),
        }
    }

    /// The next record, if there is one by now.
    fn record(&mut self) -> Option<String> {
        let mut bytes = [0u8; 8_192];
        let length = self.0.read(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
    }
}

/// The text tracepoint `oom:mark_victim`, in a trace instance of its own.
pub struct Marks(PathBuf);

static NEXT: AtomicU32 = AtomicU32::new(0);

impl Marks {
    pub fn from_now() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tapio-kernel-{}-{number}", std::process::id());
        let instance = Path::new("/sys/kernel/tracing/instances").join(name);
        fs::create_dir(&instance).expect("a trace instance; is tracefs mounted?");
        fs::write(instance.join("events/oom/mark_victim/enable"), "1").expect("the event");
        Self(instance)
    }

    /// How often this pid was marked.
    pub fn of(&self, pid: u64) -> usize {
        let trace = fs::read_to_string(self.0.join("trace")).expect("the trace");
        let mark = format!("mark_victim: pid={pid}");
        trace
            .lines()
            .filter(|line| {
                line.split_once(&mark)
                    .is_some_and(|(_, rest)| !rest.starts_with(|c: char| c.is_ascii_digit()))
            })
            .count()
    }
}

impl Drop for Marks {
    fn drop(&mut self) {
        let removed = fs::write(self.0.join("events/oom/mark_victim/enable"), "0")
            .and_then(|()| fs::remove_dir(&self.0));
        if let Err(error) = removed {
            eprintln!("left behind: {}: {error}", self.0.display());
        }
    }
}

//! What the kernel says of a fact by other ways than ours: its log, and its tracepoints in text.

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

/// What was full, and whose memory ran out, in the kernel's own words before it kills.
#[derive(Debug)]
pub struct Shortage {
    pub asked_by: String,
    pub constraint: String,
    pub limit_cgroup: String,
    pub victim_cgroup: String,
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

    /// What it says of why this pid is to be killed. It says so before it kills.
    #[track_caller]
    pub fn shortage(&mut self, pid: u32) -> Shortage {
        let mark = format!(",pid={pid},");
        let mut asked_by = String::new();
        let line = poll_for(SOON, || {
            let record = self.record()?;
            let (_, text) = record.split_once(';')?;
            if let Some((comm, _)) = text.split_once(" invoked oom-killer") {
                comm.clone_into(&mut asked_by);
            }
            (text.starts_with("oom-kill:") && text.contains(&mark)).then(|| text.to_owned())
        });
        let line =
            line.unwrap_or_else(|| panic!("the kernel's log says nothing of why it killed {pid}"));
        let field = |name: &str| -> String {
            let (_, value) = line.split_once(name).unwrap_or_default();
            let end = value.find([',', '\n']).unwrap_or(value.len());
            value[..end].to_owned()
        };
        Shortage {
            asked_by,
            constraint: field("constraint="),
            limit_cgroup: field("oom_memcg="),
            victim_cgroup: field("task_memcg="),
        }
    }

    /// The next record, if there is one by now.
    fn record(&mut self) -> Option<String> {
        let mut bytes = [0u8; 8_192];
        let length = self.0.read(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
    }
}

/// A tracepoint of the kernel's in text, in a trace instance of its own.
pub struct Trace {
    instance: PathBuf,
    /// Its group and its name.
    event: &'static str,
}

/// For each CPU.
const BUFFER_KIB: &str = "4096";
/// Lets everything through.
pub const ALL: &str = "0";

static NEXT: AtomicU32 = AtomicU32::new(0);

impl Trace {
    /// Of this event, as far as the filter lets it through.
    pub fn from_now(event: &'static str, filter: &str) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tapio-kernel-{}-{number}", std::process::id());
        let instance = Path::new("/sys/kernel/tracing/instances").join(name);
        fs::create_dir(&instance).expect("a trace instance; is tracefs mounted?");
        let trace = Self { instance, event };
        // Others flood this machine as well, and the oldest lines go first.
        fs::write(trace.instance.join("buffer_size_kb"), BUFFER_KIB).expect("its size");
        fs::write(trace.of_event("filter"), filter).expect("a filter");
        fs::write(trace.of_event("enable"), "1").expect("the event");
        trace
    }

    fn of_event(&self, file: &str) -> PathBuf {
        self.instance.join("events").join(self.event).join(file)
    }

    /// What was traced and has all of these words.
    pub fn lines_with(&self, words: &[String]) -> Vec<String> {
        let trace = fs::read_to_string(self.instance.join("trace")).expect("the trace");
        let has_all = |line: &&str| {
            let mut wanted = words.iter();
            wanted.all(|wanted| line.split_whitespace().any(|word| word == wanted))
        };
        trace.lines().filter(has_all).map(str::to_owned).collect()
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let removed =
            fs::write(self.of_event("enable"), "0").and_then(|()| fs::remove_dir(&self.instance));
        if let Err(error) = removed {
            eprintln!("left behind: {}: {error}", self.instance.display());
        }
    }
}

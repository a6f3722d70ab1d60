//! A file that this process serves itself, through FUSE, and that fails or delays as it is told: what
//! lies behind a disk of its own.
//!
//! The mount point is a plain file and so is what is mounted on it, in a mount namespace of this
//! process: nothing else sees it, and it is gone with the process. Only what a loop device asks of a
//! file is answered.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::os::{checked, clock_ns, wait_until_ns};

pub const FILE_BYTES: u64 = 1 << 20;
const WRITE_BYTES_MAX: u32 = 128 << 10;
const REQUEST_BYTES_MAX: usize = 4_096 + WRITE_BYTES_MAX as usize;
/// Of every request; what it is about follows.
const HEAD_BYTES: usize = 40;
const PLAIN_FILE: u32 = 0o100_600;

/// What the kernel asks, by its own numbers.
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const SETATTR: u32 = 4;
const OPEN: u32 = 14;
pub const READ: u32 = 15;
pub const WRITE: u32 = 16;
const STATFS: u32 = 17;
const RELEASE: u32 = 18;
pub const FSYNC: u32 = 20;
const FLUSH: u32 = 25;
const INIT: u32 = 26;
const INTERRUPT: u32 = 36;
const BATCH_FORGET: u32 = 42;
pub const FALLOCATE: u32 = 43;

const ANSWER_DIRECTLY: u32 = 1;

/// What goes wrong with requests of one kind, once it is armed.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub operation: u32,
    /// 0 fails nothing.
    pub errno: i32,
    pub delay_ns: u64,
    /// Reads find nothing from here on.
    pub ends_at: u64,
}

static FAULT: Mutex<Fault> = Mutex::new(Fault {
    operation: 0,
    errno: 0,
    delay_ns: 0,
    ends_at: FILE_BYTES,
});
static IS_ARMED: AtomicBool = AtomicBool::new(false);

/// From now on, or no longer.
pub fn arm(fault: Option<Fault>) {
    if let Some(fault) = fault {
        *FAULT.lock().expect("causer: nobody panics with it") = fault;
    }
    IS_ARMED.store(fault.is_some(), Ordering::SeqCst);
}

fn fault_of(operation: u32) -> Option<Fault> {
    let fault = *FAULT.lock().expect("causer: nobody panics with it");
    (IS_ARMED.load(Ordering::SeqCst) && fault.operation == operation).then_some(fault)
}

/// The file, open, served by a thread from now on.
pub fn file() -> File {
    let name = format!("tapio-causer-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    File::create(&path).expect("causer: a mount point");
    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/fuse")
        .expect("causer: FUSE");
    mount(&device, &path);
    thread::spawn(move || serve(device));
    let file = OpenOptions::new().read(true).write(true).open(&path);
    drop(MountPoint(path));
    let file = file.expect("causer: the file it serves");
    // Asked for: older loop devices take the size as the kernel knows it, which is none so far.
    let bytes = file.metadata().expect("causer: its size").len();
    assert_eq!(bytes, FILE_BYTES, "causer");
    file
}

/// Taken out of sight as soon as it is open.
struct MountPoint(PathBuf);

impl Drop for MountPoint {
    fn drop(&mut self) {
        let path = c_path(&self.0);
        // SAFETY: the path ends in NUL and lives across the call.
        let result = unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) };
        checked("umount", i64::from(result));
        std::fs::remove_file(&self.0).expect("causer: its mount point");
    }
}

fn c_path(path: &Path) -> CString {
    CString::new(path.to_string_lossy().as_bytes()).expect("causer: a path")
}

fn mount(device: &File, path: &Path) {
    let (fd, mode) = (device.as_raw_fd(), PLAIN_FILE);
    let options = format!("fd={fd},rootmode={mode:o},user_id=0,group_id=0,allow_other");
    let (options, path) = (c_path(Path::new(&options)), c_path(path));
    // SAFETY: all strings end in NUL and live across the calls.
    unsafe {
        let own = libc::unshare(libc::CLONE_NEWNS);
        checked("unshare", i64::from(own));
        let flags = libc::MS_REC | libc::MS_PRIVATE;
        let none = std::ptr::null();
        let private = libc::mount(none, c"/".as_ptr(), none, flags, none.cast());
        checked("a mount namespace of its own", i64::from(private));
        let kind = c"fuse".as_ptr();
        let mounted = libc::mount(kind, path.as_ptr(), kind, 0, options.as_ptr().cast());
        checked("mount", i64::from(mounted));
    }
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("causer: a field")
}

fn serve(mut device: File) {
    let mut request = vec![0; REQUEST_BYTES_MAX];
    let mut content = vec![0; usize::try_from(FILE_BYTES).expect("a small file")];
    while let Ok(bytes @ HEAD_BYTES..) = device.read(&mut request) {
        let operation = u32::from_ne_bytes(number(&request, 4));
        if matches!(operation, FORGET | BATCH_FORGET | INTERRUPT) {
            continue; // these want no answer
        }
        let fault = fault_of(operation);
        if let Some(fault) = fault {
            wait_until_ns(clock_ns() + fault.delay_ns);
        }
        let errno = fault.map_or(0, |fault| fault.errno);
        let body = &request[HEAD_BYTES..bytes];
        let answer = match errno {
            0 => answer(operation, body, fault, &mut content),
            errno => Err(errno),
        };
        let (errno, body) = match answer {
            Ok(body) => (0, body),
            Err(errno) => (errno, Vec::new()),
        };
        let length = u32::try_from(16 + body.len()).expect("causer: a short answer");
        let mut whole = length.to_ne_bytes().to_vec();
        whole.extend((-errno).to_ne_bytes());
        whole.extend(number::<8>(&request, 8));
        whole.extend(body);
        // Whoever waited may have been interrupted meanwhile.
        let _ = device.write(&whole);
    }
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

fn answer(
    operation: u32,
    body: &[u8],
    fault: Option<Fault>,
    content: &mut [u8],
) -> Result<Vec<u8>, i32> {
    match operation {
        INIT => Ok(handshake()),
        GETATTR | SETATTR => Ok(attributes()),
        OPEN => Ok(words(&[0, 0, ANSWER_DIRECTLY, 0])),
        READ => {
            let (from, length) = extent(body);
            let end = fault.map_or(FILE_BYTES, |fault| fault.ends_at);
            let end = usize::try_from(end).expect("a small file");
            let range = from.min(end)..(from + length).min(end);
            Ok(content[range].to_vec())
        }
        WRITE => {
            let (from, length) = extent(body);
            content[from..from + length].copy_from_slice(&body[40..40 + length]);
            Ok(words(&[u32::try_from(length).expect("a short write"), 0]))
        }
        STATFS => Ok(file_system()),
        FSYNC | FLUSH | RELEASE | FALLOCATE => Ok(Vec::new()),
        _ => Err(libc::ENOSYS),
    }
}

fn extent(body: &[u8]) -> (usize, usize) {
    let from = u64::from_ne_bytes(number(body, 8));
    let length = u32::from_ne_bytes(number(body, 16));
    let narrow = |number: u64| usize::try_from(number).expect("a small file");
    (narrow(from), narrow(u64::from(length)))
}

/// Version 7.31: what 5.10 speaks and later kernels still do.
fn handshake() -> Vec<u8> {
    let mut body = words(&[7, 31, WRITE_BYTES_MAX, 0, 0, WRITE_BYTES_MAX, 1]);
    body.resize(64, 0);
    body
}

/// Its blocks decide whether a disk over it may discard any.
fn file_system() -> Vec<u8> {
    let mut body = vec![0; 40];
    body.extend(words(&[4_096, 255, 4_096, 0]));
    body.resize(80, 0);
    body
}

fn attributes() -> Vec<u8> {
    let mut body = vec![0; 16];
    let fields = [1, FILE_BYTES, FILE_BYTES / 512, 0, 0, 0];
    body.extend(fields.iter().flat_map(|field: &u64| field.to_ne_bytes()));
    body.extend(words(&[0, 0, 0, PLAIN_FILE, 1, 0, 0, 0, 4_096, 0]));
    body
}

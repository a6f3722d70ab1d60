//! A disk of this process's own: a loop device over the file it serves, gone when it is closed.

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use tapio_tests::loop_device::LoopDevice;

use crate::fuse;

const BLKDISCARD: u32 = 0x1277;
const PAGE: usize = 4_096;

/// The loop device, open.
pub struct Disk {
    pub name: String,
    direct: File,
    buffered: File,
}

impl Disk {
    pub fn new() -> Self {
        let LoopDevice { name, file } = LoopDevice::over(&fuse::file());
        Self {
            direct: direct(&format!("/dev/{name}")),
            buffered: file,
            name,
        }
    }

    /// Major and minor number.
    pub fn number(&self) -> (u32, u32) {
        let device = self.buffered.metadata().expect("causer: its node").rdev();
        (libc::major(device), libc::minor(device))
    }

    /// Reads past the page cache; the errno if that fails.
    pub fn read(&self, from: i64, bytes: usize) -> Result<(), i32> {
        read(&self.direct, from, bytes)
    }

    /// Reads through the page cache.
    pub fn read_buffered(&self, from: i64, bytes: usize) -> Result<(), i32> {
        read(&self.buffered, from, bytes)
    }

    pub fn write(&self, from: i64, bytes: usize) -> Result<(), i32> {
        write(&self.direct, from, bytes)
    }

    /// Leaves it in the page cache.
    pub fn write_buffered(&self, from: i64, bytes: usize) -> Result<(), i32> {
        write(&self.buffered, from, bytes)
    }

    /// What is in the page cache goes to the disk, and the disk is flushed.
    pub fn sync(&self) -> Result<(), i32> {
        // SAFETY: no pointers are involved.
        let result = unsafe { libc::fsync(self.buffered.as_raw_fd()) };
        ended(isize::try_from(result).unwrap_or(-1))
    }

    pub fn discard(&self, from: u64, bytes: u64) -> Result<(), i32> {
        let range = [from, bytes];
        // SAFETY: the range is the two numbers that the request reads, and lives across the call.
        let result =
            unsafe { libc::ioctl(self.direct.as_raw_fd(), BLKDISCARD as _, range.as_ptr()) };
        ended(isize::try_from(result).unwrap_or(-1))
    }
}

/// A disk that is there, opened past the page cache.
pub fn direct(path: &str) -> File {
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(libc::O_DIRECT);
    options
        .open(path)
        .unwrap_or_else(|error| panic!("causer: {path}: {error}"))
}

pub fn read(disk: &File, from: i64, bytes: usize) -> Result<(), i32> {
    let mut room = Pages::new(bytes);
    // SAFETY: the room is as long as is said and lives across the call.
    let result = unsafe { libc::pread(disk.as_raw_fd(), room.start(), bytes, from) };
    transferred(result, bytes)
}

pub fn write(disk: &File, from: i64, bytes: usize) -> Result<(), i32> {
    let mut room = Pages::new(bytes);
    // SAFETY: as for reading.
    let result = unsafe { libc::pwrite(disk.as_raw_fd(), room.start(), bytes, from) };
    transferred(result, bytes)
}

/// A part of what was asked for is what no scene is about.
fn transferred(result: isize, bytes: usize) -> Result<(), i32> {
    ended(result)?;
    assert_eq!(usize::try_from(result), Ok(bytes), "causer: the disk ended");
    Ok(())
}

fn ended(result: isize) -> Result<(), i32> {
    match result {
        0.. => Ok(()),
        _ => Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(0)),
    }
}

/// Memory on the boundary that direct transfers ask for.
struct Pages {
    bytes: Vec<u8>,
}

impl Pages {
    fn new(bytes: usize) -> Self {
        Self {
            bytes: vec![0xa5; bytes + PAGE],
        }
    }

    fn start(&mut self) -> *mut libc::c_void {
        let start = self.bytes.as_mut_ptr();
        start.wrapping_add(start.align_offset(PAGE)).cast()
    }
}

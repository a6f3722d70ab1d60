//! A loop device of one's own over a file, gone when it is closed.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;

const ADD: u32 = 0x4c80;
const REMOVE: u32 = 0x4c81;
const GET_FREE: u32 = 0x4c82;
const CONFIGURE: u32 = 0x4c0a;
/// Cleared when it is closed; past the page cache, so that errors arrive as they are.
const FLAGS: u32 = 4 | 16;
/// Another process may take the device that was just free.
const TRIES: usize = 100;

#[repr(C)]
struct Config {
    fd: u32,
    block_size: u32,
    numbers: [u64; 5],
    /// The last of them are the flags.
    settings: [u32; 4],
    texts: [u8; 160],
    unused: [u64; 10],
}

/// The device, open to read and write through the page cache.
#[derive(Debug)]
pub struct LoopDevice {
    pub name: String,
    pub file: File,
}

impl LoopDevice {
    /// # Panics
    /// Where there are no loop devices, or none can be had.
    #[track_caller]
    pub fn over(file: &File) -> Self {
        let control = File::open("/dev/loop-control").expect("loop devices");
        for _ in 0..TRIES {
            // SAFETY: this request takes no argument.
            let free = unsafe { libc::ioctl(control.as_raw_fd(), GET_FREE as _) };
            assert!(
                free >= 0,
                "a free loop device: {}",
                io::Error::last_os_error()
            );
            renew(&control, free);
            if let Some(device) = Self::attach(file, format!("loop{free}")) {
                return device;
            }
        }
        panic!(
            "no loop device could be had: {}",
            io::Error::last_os_error()
        );
    }

    fn attach(of: &File, name: String) -> Option<Self> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).open(format!("/dev/{name}"));
        let file = file.unwrap_or_else(|error| panic!("/dev/{name}: {error}"));
        let config = Config {
            fd: of.as_raw_fd().try_into().expect("a descriptor"),
            block_size: 0,
            numbers: [0; 5],
            settings: [0, 0, 0, FLAGS],
            texts: [0; 160],
            unused: [0; 10],
        };
        // SAFETY: the config is a whole one, as the kernel reads it, and lives across the call.
        let result = unsafe { libc::ioctl(file.as_raw_fd(), CONFIGURE as _, &raw const config) };
        (result == 0).then_some(Self { name, file })
    }
}

/// A disk goes on charging the group that first wrote to it, or what became of that group; so it is
/// made anew where nobody else has it open.
fn renew(control: &File, number: libc::c_int) {
    for request in [REMOVE, ADD] {
        // SAFETY: both requests take a number. One that is refused leaves the disk as it was.
        unsafe { libc::ioctl(control.as_raw_fd(), request as _, number) };
    }
}

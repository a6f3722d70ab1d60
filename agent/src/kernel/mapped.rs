//! Memory shared with kernel programs: an mmap of a BPF map, read and written by atomics alone.
//!
//! It stays valid without the map's descriptor and without any capability, which is why config,
//! counters and folds live here: after privileges are dropped, 5.10 refuses every bpf() call.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64};

/// What may be done to the memory from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Read,
    ReadWrite,
}

/// A mapping, unmapped on drop.
#[derive(Debug)]
pub struct Mapped {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the mapping is owned, and its memory is only reached through atomics and raw reads of
// bytes that the kernel has published.
unsafe impl Send for Mapped {}
// SAFETY: as above; no method hands out a plain reference to shared memory.
unsafe impl Sync for Mapped {}

impl Mapped {
    /// Maps `bytes` of `fd` from `offset`, which must be a multiple of the page size.
    pub fn new(
        fd: BorrowedFd<'_>,
        offset: usize,
        bytes: usize,
        access: Access,
    ) -> io::Result<Self> {
        let protection = match access {
            Access::Read => libc::PROT_READ,
            Access::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
        };
        let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
        // SAFETY: a new mapping at an address of the kernel's choosing touches no memory of ours.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                protection,
                libc::MAP_SHARED,
                fd.as_raw_fd(),
                offset,
            )
        };
        match NonNull::new(start.cast::<u8>()) {
            Some(start) if start.as_ptr().cast() != libc::MAP_FAILED => Ok(Self { start, bytes }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The whole mapping as 64-bit numbers. It must be mapped for writing if they are stored to.
    pub fn words(&self) -> &[AtomicU64] {
        // SAFETY: a mapping is page-aligned and readable for `bytes`, which outlive `self`, and
        // other writers of this memory (kernel programs) use accesses of the same width.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), self.bytes / 8) }
    }

    /// The whole mapping as 32-bit numbers.
    pub fn halves(&self) -> &[AtomicU32] {
        // SAFETY: as for `words`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), self.bytes / 4) }
    }

    /// A pointer to byte `at`, for memory whose writer has finished with it.
    pub fn pointer(&self, at: usize) -> *const u8 {
        assert!(at < self.bytes, "an offset inside the mapping");
        // SAFETY: the offset was just checked to be inside the mapping.
        unsafe { self.start.as_ptr().add(at) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: exactly what `new` mapped, and nobody can hold a borrow of it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}

/// The size of a page of this machine.
pub fn page_bytes() -> usize {
    // SAFETY: sysconf only reads its argument.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).unwrap_or(4096)
}

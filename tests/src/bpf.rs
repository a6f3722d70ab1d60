//! bpf(2) itself, for tests and benches that ask the kernel behind the agent's back.
//!
//! What a command takes is given as the words of `union bpf_attr`, in the order of its fields.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

/// Room for what every command in use takes; the kernel wants the rest to be zero.
const ATTRIBUTE_WORDS: usize = 16;

/// A command, by its number in `enum bpf_cmd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Command {
    MapCreate = 0,
    ProgramLoad = 5,
    ProgramById = 13,
    MapById = 14,
    InfoByFd = 15,
    RawTracepointOpen = 17,
}

/// Two fields of 32 bits, in the order they stand in memory.
pub fn pair(first: u32, second: u32) -> u64 {
    let ([a, b, c, d], [e, f, g, h]) = (first.to_ne_bytes(), second.to_ne_bytes());
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

/// A pointer as the kernel takes it.
pub fn address<T: ?Sized>(of: *const T) -> u64 {
    of.cast::<()>().expose_provenance() as u64
}

/// Does what it says, and answers what the kernel does.
///
/// # Safety
/// Every address among `words` is of memory that is alive, and as long as they say.
pub unsafe fn call(command: Command, words: &[u64]) -> io::Result<i32> {
    let mut attributes = [0u64; ATTRIBUTE_WORDS];
    attributes[..words.len()].copy_from_slice(words);
    // SAFETY: the attributes are whole and live across the call; for the rest the caller vouches.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command as u32,
            attributes.as_ptr(),
            size_of_val(&attributes),
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    i32::try_from(result).map_err(io::Error::other)
}

/// The same for a command that answers with a descriptor.
///
/// # Safety
/// As for [`call`], and `command` is one of those.
pub unsafe fn open(command: Command, words: &[u64]) -> io::Result<OwnedFd> {
    // SAFETY: the caller's promise is passed on.
    let fd = unsafe { call(command, words) }?;
    // SAFETY: the descriptor is fresh and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

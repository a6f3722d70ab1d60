//! One writer per directory, and its word.
//!
//! An open-file-description lock belongs to the open file, so it goes with the process however
//! that ends, a second agent of the same machine is refused whatever container it is in, and a
//! reader can ask whether somebody holds it without taking anything.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use tapio_common::evidence::word::{LOCK_FILE, Word};
use tapio_common::time::Timestamp;

use super::FileError;

/// Held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock of a directory, and answers the last word of who held it before.
    pub fn take(directory: &Path) -> Result<(Self, Option<Word>), FileError> {
        let path = directory.join(LOCK_FILE);
        let unusable = |error| FileError::Unusable(path.clone(), error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(unusable)?;
        let is_ours = lock(&file).map_err(unusable)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(unusable)?;
        let word = Word::from_bytes(&bytes);
        if !is_ours {
            let holder = word.map(|word| word.pid);
            return Err(FileError::Held(directory.to_owned(), holder));
        }
        file.set_permissions(PermissionsExt::from_mode(0o644))
            .map_err(unusable)?;
        Ok((Self { file }, word))
    }

    /// Gives the word: what was seen before that moment is stored.
    pub fn say(&mut self, stored_to: Timestamp) -> io::Result<()> {
        let pid = std::process::id();
        self.file
            .write_all_at(&Word { stored_to, pid }.to_bytes(), 0)
    }
}

/// Whether the lock is ours now.
fn lock(file: &File) -> io::Result<bool> {
    // SAFETY: flock is a plain struct of integers, for which all zeros is a value.
    let mut whole: libc::flock = unsafe { std::mem::zeroed() };
    whole.l_type = libc::c_short::try_from(libc::F_WRLCK).unwrap_or(libc::c_short::MAX);
    // SAFETY: the descriptor is open and `whole` a valid flock for the time of the call.
    let answer = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const whole) };
    if answer == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::EACCES) => Ok(false),
        Some(_) | None => Err(error),
    }
}

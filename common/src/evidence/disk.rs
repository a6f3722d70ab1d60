//! The seam to the file system: what the writer needs of one folder, call by call.
//!
//! Each function is one system call or close to it, so that a simulated disk can be full, go
//! read-only or lose power between any two of them. [`Folder`] is the real one. Names are plain
//! file names inside the folder.

mod folder;

use std::io::{self, Read};

pub use folder::Folder;

/// One file of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    pub bytes: u64,
    /// Nobody may write to it any more: what a sealed segment looks like.
    pub frozen: bool,
}

/// One folder of a file system.
pub trait Disk {
    /// A file open for appending.
    type File;
    /// A file open for reading, from its start.
    type Reader: Read;

    fn list(&self) -> io::Result<Vec<Listed>>;
    fn read(&self, name: &str) -> io::Result<Self::Reader>;
    /// A new file; `AlreadyExists` if there is one.
    fn create(&self, name: &str) -> io::Result<Self::File>;
    /// An existing file, to go on at its end.
    fn reopen(&self, name: &str) -> io::Result<Self::File>;
    /// Appends as much as fits and says how much that was, like `write(2)`.
    fn append(&self, file: &mut Self::File, bytes: &[u8]) -> io::Result<usize>;
    /// Makes the file this long again.
    fn cut(&self, file: &mut Self::File, bytes: u64) -> io::Result<()>;
    /// What was appended survives a loss of power.
    fn sync(&self, file: &mut Self::File) -> io::Result<()>;
    fn freeze(&self, name: &str) -> io::Result<()>;
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn remove(&self, name: &str) -> io::Result<()>;
    /// What was created, renamed and removed survives a loss of power.
    fn sync_names(&self) -> io::Result<()>;
}

/// What a file is called until it is whole.
pub const UNFINISHED_SUFFIX: &str = ".tmp";

/// Appends all of it, or says why not; then some of it may stand in the file.
pub fn append_all<D: Disk>(disk: &D, file: &mut D::File, bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let taken = disk.append(file, rest)?;
        if taken == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        rest = &rest[taken..];
    }
    Ok(())
}

/// Puts a whole file in the place of `name`: a reader finds the old one or the new one, also after
/// a loss of power. That it is the new one is certain after [`Disk::sync_names`].
pub fn replace<D: Disk>(disk: &D, name: &str, bytes: &[u8], access: Access) -> io::Result<()> {
    let unfinished = format!("{name}{UNFINISHED_SUFFIX}");
    match disk.remove(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = disk.create(&unfinished)?;
    append_all(disk, &mut file, bytes)?;
    disk.sync(&mut file)?;
    if access == Access::Frozen {
        disk.freeze(&unfinished)?;
    }
    disk.rename(&unfinished, name)
}

/// Who may write to a file once it is in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Writable,
    Frozen,
}

/// Reads a small file whole; more than `bytes_max` is `InvalidData`.
pub fn read_whole<D: Disk>(disk: &D, name: &str, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    disk.read(name)?
        .take(bytes_max + 1)
        .read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len <= bytes_max) {
        Ok(bytes)
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("longer than {bytes_max} bytes"),
        ))
    }
}

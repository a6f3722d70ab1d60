//! Where the lines go: a file that is appended to, or standard output.
//!
//! A batch is appended whole or not at all. What a full disk took of it is cut off again; where
//! nothing can be cut (a pipe), the torn line is ended before the next one begins.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::settings::AcceptedTarget;

/// Owner and group: the events of a fleet are not for everyone on the machine.
const FILE_MODE: u32 = 0o640;

/// How far back the end of the last whole line is looked for, piece by piece.
const TAIL_BYTES: u64 = 65_536;

#[derive(Debug)]
pub(super) struct Output {
    file: File,
    /// `None` for standard output.
    path: Option<PathBuf>,
    /// The last line is not whole and could not be cut off.
    torn: bool,
}

impl Output {
    pub(super) fn open(target: &AcceptedTarget) -> io::Result<Self> {
        survive_file_size_limit();
        match target {
            AcceptedTarget::Stdout => Ok(Self {
                // A descriptor of our own: without the line buffer of the library in between.
                file: io::stdout().as_fd().try_clone_to_owned()?.into(),
                path: None,
                torn: false,
            }),
            AcceptedTarget::File(path) => Ok(Self {
                file: open_file(path)?,
                path: Some(path.clone()),
                torn: false,
            }),
        }
    }

    #[cfg(test)]
    pub(super) fn on_pipe(end: std::os::unix::net::UnixStream) -> Self {
        Self {
            file: std::os::fd::OwnedFd::from(end).into(),
            path: None,
            torn: false,
        }
    }

    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.write_all(b"\n")?;
            self.torn = false;
        }
        let mut written = 0;
        while let Some(rest) = lines.get(written..).filter(|rest| !rest.is_empty()) {
            let outcome = match self.file.write(rest) {
                Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => {
                    written += len;
                    Ok(())
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = outcome {
                self.take_back(written);
                return Err(error);
            }
        }
        Ok(())
    }

    /// As the operator named it.
    pub(super) fn name(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new("-"))
    }

    /// Undoes the last `written` bytes of a batch that did not fit.
    fn take_back(&mut self, written: usize) {
        let Some(written) = u64::try_from(written).ok().filter(|written| *written > 0) else {
            return;
        };
        let cut = || {
            let metadata = self.file.metadata()?;
            if !metadata.is_file() {
                return Err(io::ErrorKind::Unsupported.into());
            }
            self.file.set_len(metadata.len().saturating_sub(written))?;
            // Standard output may be a file that is not appended to: no hole before what is next.
            (&self.file).seek(SeekFrom::End(0)).map(drop)
        };
        self.torn = cut().is_err();
    }

    /// Follows the name to a new file, if the old one was moved away.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let held = self.file.metadata()?;
        let named = std::fs::metadata(path).ok();
        let same =
            |other: std::fs::Metadata| (other.dev(), other.ino()) == (held.dev(), held.ino());
        if !named.is_some_and(same) {
            self.file = open_file(path)?;
            self.torn = false;
        }
        Ok(())
    }
}

/// A file at the size limit of the process is an error to report, not a reason to die.
fn survive_file_size_limit() {
    // SAFETY: SIG_IGN is a valid disposition for SIGXFSZ, and no handler of ours is replaced.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

fn open_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(FILE_MODE);
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        let cut = end_whole(path, &file)?;
        if cut > 0 {
            log::warn!("accepted events: cut an unfinished last line of {cut} bytes");
        }
    }
    Ok(file)
}

/// Cuts off what a crash left of a line at the end; the answer is how many bytes that was.
fn end_whole(path: &Path, file: &File) -> io::Result<u64> {
    let mut reader = File::open(path)?;
    let len = reader.metadata()?.len();
    let mut end = len;
    let mut piece = Vec::new();
    while end > 0 {
        let from = end.saturating_sub(TAIL_BYTES);
        reader.seek(SeekFrom::Start(from))?;
        piece.clear();
        Read::by_ref(&mut reader)
            .take(end - from)
            .read_to_end(&mut piece)?;
        if let Some(at) = piece.iter().rposition(|byte| *byte == b'\n') {
            end = from + u64::try_from(at + 1).map_err(io::Error::other)?;
            break;
        }
        end = from;
    }
    if end < len {
        file.set_len(end)?;
    }
    Ok(len - end)
}

#[cfg(test)]
mod tests;

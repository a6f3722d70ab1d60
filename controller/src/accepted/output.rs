//! Where the lines go: a file that is appended to, or standard output.
//!
//! A batch is appended whole or not at all. What a full disk took of it is cut off again; where
//! nothing can be cut (a pipe), the torn line is ended before the next one begins. Nothing is ever
//! cut off that does not begin as our lines do.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::lines::BEGINNING;
use crate::settings::AcceptedTarget;

/// Owner and group: the events of a fleet are not for everyone on the machine.
const FILE_MODE: u32 = 0o640;

/// How far back the end of the last whole line is looked for, piece by piece. Longer lines are not
/// of our making: a body has 16 MiB at most.
const TAIL_BYTES_MAX: u64 = 67_108_864;
const PIECE_BYTES: u64 = 65_536;

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
            AcceptedTarget::File(path) => {
                let (file, torn) = open_file(path)?;
                let path = Some(path.clone());
                Ok(Self { file, path, torn })
            }
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
            (self.file, self.torn) = open_file(path)?;
        }
        Ok(())
    }
}

/// A file at the size limit of the process is an error to report, not a reason to die.
fn survive_file_size_limit() {
    // SAFETY: SIG_IGN is a valid disposition for SIGXFSZ, and no handler of ours is replaced.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// The file, and whether its last line is to be ended before the next.
fn open_file(path: &Path) -> io::Result<(File, bool)> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(FILE_MODE);
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok((file, false));
    }
    match unfinished(path)? {
        Unfinished::Nothing => Ok((file, false)),
        Unfinished::Ours { from } => {
            let cut = metadata.len().saturating_sub(from);
            log::warn!("accepted events: cut an unfinished last line of {cut} bytes");
            file.set_len(from)?;
            Ok((file, false))
        }
        Unfinished::Foreign => {
            log::warn!("accepted events: the last line has no end and is not one of ours: kept");
            Ok((file, true))
        }
    }
}

/// What stands behind the last line break of a file.
enum Unfinished {
    Nothing,
    /// What a crash left of a line of ours.
    Ours {
        from: u64,
    },
    Foreign,
}

fn unfinished(path: &Path) -> io::Result<Unfinished> {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    let mut read = |from: u64, to: u64| -> io::Result<Vec<u8>> {
        let mut piece = Vec::new();
        file.seek(SeekFrom::Start(from))?;
        Read::by_ref(&mut file)
            .take(to - from)
            .read_to_end(&mut piece)?;
        Ok(piece)
    };
    let mut line = len;
    while line > 0 && len - line <= TAIL_BYTES_MAX {
        let from = line.saturating_sub(PIECE_BYTES);
        let line_break = read(from, line)?.iter().rposition(|byte| *byte == b'\n');
        if let Some(at) = line_break {
            line = from + u64::try_from(at + 1).map_err(io::Error::other)?;
            break;
        }
        line = from;
    }
    let bytes = u64::try_from(BEGINNING.len()).map_err(io::Error::other)?;
    let begins = read(line, len.min(line + bytes))?;
    Ok(match begins.is_empty() {
        true => Unfinished::Nothing,
        false if BEGINNING.as_bytes().starts_with(&begins) => Unfinished::Ours { from: line },
        false => Unfinished::Foreign,
    })
}

#[cfg(test)]
mod tests;

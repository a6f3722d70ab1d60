//! Why a question got no answer.

use std::fmt;
use std::io;
use std::path::PathBuf;

use tapio_common::command_line::Usage;

use crate::controller::Fault;

/// One line on stderr, and an exit code.
#[derive(Debug)]
pub enum Failure {
    Usage(Usage),
    /// The evidence directory, or a file in it, cannot be read.
    Directory(PathBuf, io::Error),
    /// The controller there gives no status.
    Controller(String, Fault),
    Output(io::Error),
    /// The reader of the output has closed it.
    Closed,
    System(&'static str, io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(usage) => write!(out, "{usage}"),
            Self::Directory(path, error) => {
                write!(
                    out,
                    "evidence in {} cannot be read: {error}",
                    path.display()
                )?;
                out.write_str(match error.kind() {
                    io::ErrorKind::NotFound => "; --data-dir or TAPIO_DATA_DIR says where it is",
                    io::ErrorKind::PermissionDenied => "; root may, and the directory's group",
                    _ => "",
                })
            }
            Self::Controller(address, fault) => write!(out, "controller {address}: {fault}"),
            Self::Output(error) => write!(out, "the answer cannot be written: {error}"),
            Self::Closed => out.write_str("the output was closed"),
            Self::System(what, error) => write!(out, "{what}: {error}"),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Usage(usage) => Some(usage),
            Self::Controller(_, fault) => Some(fault),
            Self::Directory(_, error) | Self::Output(error) | Self::System(_, error) => Some(error),
            Self::Closed => None,
        }
    }
}

impl From<Usage> for Failure {
    fn from(usage: Usage) -> Self {
        Self::Usage(usage)
    }
}

/// Only output is written with `?` alone; what is read names its path.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Output(error),
        }
    }
}

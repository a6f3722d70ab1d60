//! Why the controller does not run, in one line, and with which exit code it says so.

use std::error::Error;
use std::fmt;
use std::io;

use tapio_common::command_line::Usage;

use crate::profile_file::BadProfile;

#[derive(Debug)]
pub enum Failure {
    Usage(Usage),
    Profile(BadProfile),
    Listen {
        address: String,
        source: io::Error,
    },
    Accepted {
        target: String,
        source: io::Error,
    },
    /// A thread, a signal handler or a descriptor that the system did not give.
    System {
        what: &'static str,
        source: io::Error,
    },
}

impl Failure {
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Profile(_)
            | Self::Listen { .. }
            | Self::Accepted { .. }
            | Self::System { .. } => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(usage) => write!(out, "{usage}"),
            Self::Profile(bad) => write!(out, "{bad}"),
            Self::Listen { address, source } => {
                write!(out, "cannot listen on {address:?}: {source}")
            }
            Self::Accepted { target, source } => {
                write!(out, "cannot write accepted events to {target:?}: {source}")
            }
            Self::System { what, source } => write!(out, "{what}: {source}"),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Usage(usage) => Some(usage),
            Self::Profile(bad) => Some(bad),
            Self::Listen { source, .. }
            | Self::Accepted { source, .. }
            | Self::System { source, .. } => Some(source),
        }
    }
}

impl From<Usage> for Failure {
    fn from(usage: Usage) -> Self {
        Self::Usage(usage)
    }
}

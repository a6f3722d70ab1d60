//! How a sink is opened.
//!
//! A sink is one file beside this one, a row in the table of names and one here. Opening happens before any thread starts,
//! so that what cannot work is refused at once. Its front is the batch thread's; a sink that talks
//! to somebody who may be slow brings a task of its own, which runs in a thread of that name.

mod controller;
mod credential;
mod file;
mod http;
pub mod name;
mod otlp;
mod outbox;
mod remote;
mod stdout;

use std::fmt;
use std::io;
use std::path::PathBuf;

use tapio_common::sink::{Sink, SinkAccount};

use self::credential::CredentialError;
use self::name::SinkName;
use crate::accounts::Accounts;
use crate::http::Chance;
use crate::kept::Kept;
use crate::managed::Link;
use crate::settings::Settings;
use crate::stop::Stop;

pub use file::FileError;

/// What a sink does in its own thread, until its front is gone. It holds a guard of the stop for
/// as long as the agent can do without it; an error is why the agent ends with it.
pub type Task<'a> = Box<dyn FnOnce(&Stop) -> Result<(), SinkError> + Send + 'a>;

/// A sink that is ready for threads to start.
pub struct Opened<'a> {
    pub front: Box<dyn Sink + Send + 'a>,
    pub task: Option<Task<'a>>,
}

/// What there is to open a sink with.
#[derive(Debug, Clone, Copy)]
pub struct Outfit<'a> {
    pub settings: &'a Settings,
    pub accounts: &'a Accounts,
    pub link: Option<&'a Link>,
    pub kept: &'a Kept,
    /// Differs from agent to agent.
    pub seed: u64,
}

impl Outfit<'_> {
    /// Luck of a sink's own, so that no two agents retry together.
    pub fn chance(&self) -> Chance {
        Chance::new(self.seed).fork()
    }
}

/// Why a sink cannot be opened.
#[derive(Debug)]
pub enum SinkError {
    NoController,
    /// What the controller has taken cannot be kept in the evidence directory.
    Cursor(PathBuf, io::Error),
    Stdout(io::Error),
    File(FileError),
    NoUrl(SinkName),
    /// A header that does not say which of two sinks it is for.
    WhoseHeader(String),
    Credential(CredentialError),
}

impl From<FileError> for SinkError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl fmt::Display for SinkError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoController => out.write_str(
                "sink controller needs to know where to: --controller-endpoint http://…",
            ),
            Self::Cursor(path, error) => write!(
                out,
                "how far the controller has it cannot be kept in {}: {error}",
                path.display()
            ),
            Self::Stdout(error) => write!(out, "standard output cannot be used: {error}"),
            Self::File(error) => write!(out, "{error}"),
            Self::NoUrl(sink) => {
                let name = sink.name();
                write!(
                    out,
                    "sink {name} needs to know where to: --{name}-url http://…"
                )
            }
            Self::WhoseHeader(name) => write!(
                out,
                "--sink-header {name} has to say which sink it is for: http:{name} or otlp:{name}"
            ),
            Self::Credential(error) => write!(out, "--sink-header: {error}"),
        }
    }
}

impl std::error::Error for SinkError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoController | Self::NoUrl(_) | Self::WhoseHeader(_) => None,
            Self::Stdout(error) | Self::Cursor(_, error) => Some(error),
            Self::File(error) => error.source(),
            Self::Credential(error) => error.source(),
        }
    }
}

/// Opens the sink of that name.
pub fn open<'a>(
    name: SinkName,
    outfit: &Outfit<'a>,
    account: &'a SinkAccount,
) -> Result<Opened<'a>, SinkError> {
    match name {
        SinkName::Stdout => stdout::open(outfit, account),
        SinkName::File => file::open(outfit, account),
        SinkName::Http => http::open(outfit, account),
        SinkName::Otlp => otlp::open(outfit, account),
        SinkName::Controller => controller::open(outfit, account),
    }
}

//! Why the agent did not start, or ended: one sentence with what, where and what to do.

use std::error::Error;
use std::fmt;
use std::io;

use tapio_common::catalogue::Observer;
use tapio_common::command_line::Usage;

use crate::config::ConfigError;
use crate::metrics::MetricsError;
use crate::privilege::PrivilegeError;
use crate::sink::SinkError;

/// Everything that can end the agent with other than success.
#[derive(Debug)]
pub enum Failure {
    Usage(Usage),
    Config(ConfigError),
    Sink(SinkError),
    Metrics(MetricsError),
    Privilege(PrivilegeError),
    /// The system refused something every process may normally have.
    System(&'static str, io::Error),
    /// No observer can run here.
    NothingToObserve(Vec<(Observer, String)>),
    /// A ring cannot be waited for.
    Ring(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(error) => error.fmt(out),
            Self::Config(error) => error.fmt(out),
            Self::Sink(error) => error.fmt(out),
            Self::Metrics(error) => error.fmt(out),
            Self::Privilege(error) => error.fmt(out),
            Self::System(what, error) => write!(out, "{what}: {error}"),
            Self::NothingToObserve(reasons) => {
                out.write_str("no observer can run here")?;
                let mut separator = ": ";
                for (observer, reason) in reasons {
                    write!(out, "{separator}{}: {reason}", observer.name())?;
                    separator = "; ";
                }
                Ok(())
            }
            Self::Ring(error) => write!(out, "a ring buffer cannot be read: {error}"),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Usage(error) => Some(error),
            Self::Config(error) => Some(error),
            Self::Sink(error) => Some(error),
            Self::Metrics(error) => Some(error),
            Self::Privilege(error) => Some(error),
            Self::System(_, error) | Self::Ring(error) => Some(error),
            Self::NothingToObserve(_) => None,
        }
    }
}

macro_rules! from {
    ($($error:ident to $variant:ident),+ $(,)?) => { $(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )+ };
}

from!(
    Usage to Usage,
    ConfigError to Config,
    SinkError to Sink,
    MetricsError to Metrics,
    PrivilegeError to Privilege,
);

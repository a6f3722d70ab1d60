//! Why a call had no answer.

use std::error::Error;
use std::fmt;
use std::io;

/// Why there is no answer. Nothing here holds anything of what was sent or received.
#[derive(Debug)]
pub enum CallError {
    Unresolved(io::Error),
    Unconnected(io::Error),
    Broken(io::Error),
    /// Connected, and closed without a byte of an answer.
    NoAnswer,
    Malformed(&'static str),
    /// The body is longer than so many bytes.
    TooLarge(usize),
    Late,
    /// The agent leaves.
    Left,
}

impl CallError {
    /// Whether nobody was there: any other call would fare the same now.
    pub fn is_unreached(&self) -> bool {
        matches!(
            self,
            Self::Unresolved(_) | Self::Unconnected(_) | Self::Left
        )
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unresolved(error) => write!(out, "its address cannot be found: {error}"),
            Self::Unconnected(error) => write!(out, "it cannot be reached: {error}"),
            Self::Broken(error) => write!(out, "the connection broke: {error}"),
            Self::NoAnswer => out.write_str("it closed the connection without an answer"),
            Self::Malformed(why) => write!(out, "its answer cannot be read: {why}"),
            Self::TooLarge(bytes) => write!(out, "its answer is larger than {bytes} bytes"),
            Self::Late => out.write_str("it did not answer in time"),
            Self::Left => out.write_str("the agent leaves"),
        }
    }
}

impl Error for CallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unresolved(error) | Self::Unconnected(error) | Self::Broken(error) => Some(error),
            Self::NoAnswer | Self::Malformed(_) | Self::TooLarge(_) | Self::Late | Self::Left => {
                None
            }
        }
    }
}

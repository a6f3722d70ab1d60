//! What the operator set, as values that are in range.
//!
//! Every setter takes the text of a flag, of its environment twin or of its default. A value is
//! checked here, once; the rest of the controller takes it as it is.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use log::LevelFilter;

/// Where accepted events are appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcceptedTarget {
    Stdout,
    File(PathBuf),
}

/// Everything `tapio-controller` can be told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `host:port`, not yet resolved.
    pub listen: String,
    pub profile: Option<PathBuf>,
    pub workers: usize,
    pub body_bytes_max: usize,
    pub agents_max: usize,
    /// `None` keeps a silent agent for ever.
    pub forget_after: Option<Duration>,
    pub send_interval_ms: u64,
    pub batch_events_max: u64,
    pub controller_id: String,
    pub accepted: Option<AcceptedTarget>,
    pub log_level: LevelFilter,
}

/// Why a value cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    NotText,
    Empty,
    NotANumber,
    OutOfRange { min: u64, max: u64 },
    NotAnAddress,
    NotATime,
    NotALevel,
    NotAnIdentifier,
}

impl fmt::Display for Unfit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText => out.write_str("is not UTF-8"),
            Self::Empty => out.write_str("is empty"),
            Self::NotANumber => out.write_str("is not a whole number"),
            Self::OutOfRange { min, max } => write!(out, "is not between {min} and {max}"),
            Self::NotAnAddress => out.write_str("is not host:port"),
            Self::NotATime => out.write_str("is not a time such as 90s, 30m, 24h or 7d"),
            Self::NotALevel => out.write_str("is not one of off, error, warn, info, debug"),
            Self::NotAnIdentifier => {
                out.write_str("is not 1 to 256 bytes without control characters")
            }
        }
    }
}

/// Longest identifier on the wire.
const IDENTIFIER_BYTES_MAX: usize = 256;
const FORGET_AFTER_SECONDS_MAX: u64 = 10 * 365 * 86_400;

impl Settings {
    /// Nothing is set yet: the table's defaults come first in every parse.
    pub(crate) fn blank() -> Self {
        Self {
            listen: String::new(),
            profile: None,
            workers: 0,
            body_bytes_max: 0,
            agents_max: 0,
            forget_after: None,
            send_interval_ms: 0,
            batch_events_max: 0,
            controller_id: String::new(),
            accepted: None,
            log_level: LevelFilter::Off,
        }
    }

    pub(crate) fn set_listen(&mut self, value: &OsStr) -> Result<(), Unfit> {
        let address = text(value)?;
        let (host, port) = address.rsplit_once(':').ok_or(Unfit::NotAnAddress)?;
        let bare_ipv6 = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
        if host.is_empty() || bare_ipv6 || u16::from_str(port).is_err() {
            return Err(Unfit::NotAnAddress);
        }
        self.listen = address.to_owned();
        Ok(())
    }

    pub(crate) fn set_profile(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.profile = Some(path(value)?);
        Ok(())
    }

    pub(crate) fn set_workers(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.workers = size(value, 1, 256)?;
        Ok(())
    }

    pub(crate) fn set_max_body_bytes(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.body_bytes_max = size(value, 1_024, 16 * 1_024 * 1_024)?;
        Ok(())
    }

    pub(crate) fn set_max_agents(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.agents_max = size(value, 1, 10_000_000)?;
        Ok(())
    }

    pub(crate) fn set_forget_after(&mut self, value: &OsStr) -> Result<(), Unfit> {
        let seconds = seconds(text(value)?)?;
        self.forget_after = (seconds > 0).then(|| Duration::from_secs(seconds));
        Ok(())
    }

    pub(crate) fn set_send_interval_ms(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.send_interval_ms = number(value, 10, 3_600_000)?;
        Ok(())
    }

    pub(crate) fn set_max_batch_events(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.batch_events_max = number(value, 1, 100_000)?;
        Ok(())
    }

    pub(crate) fn set_controller_id(&mut self, value: &OsStr) -> Result<(), Unfit> {
        let id = text(value)?;
        if id.trim().is_empty() || id.len() > IDENTIFIER_BYTES_MAX || id.contains(char::is_control)
        {
            return Err(Unfit::NotAnIdentifier);
        }
        self.controller_id = id.to_owned();
        Ok(())
    }

    pub(crate) fn set_accepted(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.accepted = Some(if value == "-" {
            AcceptedTarget::Stdout
        } else {
            AcceptedTarget::File(path(value)?)
        });
        Ok(())
    }

    pub(crate) fn set_log_level(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.log_level = match text(value)? {
            "off" => LevelFilter::Off,
            "error" => LevelFilter::Error,
            "warn" => LevelFilter::Warn,
            "info" => LevelFilter::Info,
            "debug" => LevelFilter::Debug,
            _ => return Err(Unfit::NotALevel),
        };
        Ok(())
    }
}

fn text(value: &OsStr) -> Result<&str, Unfit> {
    match value.to_str() {
        None => Err(Unfit::NotText),
        Some("") => Err(Unfit::Empty),
        Some(text) => Ok(text),
    }
}

fn path(value: &OsStr) -> Result<PathBuf, Unfit> {
    if value.is_empty() {
        return Err(Unfit::Empty);
    }
    Ok(PathBuf::from(value))
}

fn number(value: &OsStr, min: u64, max: u64) -> Result<u64, Unfit> {
    let number = u64::from_str(text(value)?).map_err(|_| Unfit::NotANumber)?;
    if !(min..=max).contains(&number) {
        return Err(Unfit::OutOfRange { min, max });
    }
    Ok(number)
}

fn size(value: &OsStr, min: u64, max: u64) -> Result<usize, Unfit> {
    usize::try_from(number(value, min, max)?).map_err(|_| Unfit::OutOfRange { min, max })
}

/// `90s`, `30m`, `24h`, `7d`, or plain seconds.
fn seconds(text: &str) -> Result<u64, Unfit> {
    let (digits, unit) = match text.as_bytes().last() {
        Some(b's') => (&text[..text.len() - 1], 1),
        Some(b'm') => (&text[..text.len() - 1], 60),
        Some(b'h') => (&text[..text.len() - 1], 3_600),
        Some(b'd') => (&text[..text.len() - 1], 86_400),
        Some(_) | None => (text, 1),
    };
    u64::from_str(digits)
        .ok()
        .and_then(|count| count.checked_mul(unit))
        .filter(|seconds| *seconds <= FORGET_AFTER_SECONDS_MAX)
        .ok_or(Unfit::NotATime)
}

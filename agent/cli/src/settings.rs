//! What was asked, as values that are in range.
//!
//! Every setter takes the text of a flag, of its environment twin or of its default.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tapio_common::catalogue::{Anomaly, Observer, Severity};
use tapio_common::evidence::seal::Sha;
use tapio_common::quantity;
use tapio_common::time::Timestamp;

/// More events than this are for `export`: `recent` keeps where each of them stands.
const LIMIT_MAX: usize = 100_000;
const WIDTH_MIN: usize = 40;
const WIDTH_MAX: usize = 1_000;

/// A moment as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Ago(Duration),
    At(Timestamp),
}

impl When {
    pub fn moment(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(age) => {
                let nanos = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
                Timestamp(now.0.saturating_sub(nanos))
            }
            Self::At(moment) => moment,
        }
    }
}

/// What `export` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    JsonLines,
    Csv,
}

/// Everything `tapio` can be told.
#[derive(Debug, Clone)]
pub struct Settings {
    pub data_dir: PathBuf,
    pub since: When,
    pub until: Option<When>,
    pub observer: Option<Observer>,
    /// The whole name of a type.
    pub event_type: Option<String>,
    pub severity: Option<Severity>,
    pub container: Option<String>,
    pub pid: Option<u64>,
    pub limit: usize,
    pub head: Option<Sha>,
    pub format: Format,
    pub json: bool,
    pub width: Option<usize>,
    /// What a command is about: a process, a container, a unit, a shell.
    pub operand: String,
}

/// Why a value cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    NotText,
    Empty,
    NotAMoment,
    NotAnObserver,
    NotAType,
    NotASeverity,
    NotAPid,
    NotALimit,
    NotAHash,
    NotAFormat,
    NotASwitch,
    NotAWidth,
}

impl fmt::Display for Unfit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText => out.write_str("is not UTF-8"),
            Self::Empty => out.write_str("is empty"),
            Self::NotAMoment => {
                out.write_str("is neither a time ago such as 5m, 1h or 2d nor RFC 3339")
            }
            Self::NotAnObserver => out.write_str("is not one of network, storage, container, node"),
            Self::NotAType => out.write_str("is no type such as kernel.container.oom_kill"),
            Self::NotASeverity => {
                out.write_str("is not one of debug, info, warning, error, critical")
            }
            Self::NotAPid => out.write_str("is no process number"),
            Self::NotALimit => write!(out, "is not a number from 1 to {LIMIT_MAX}"),
            Self::NotAHash => out.write_str("is not 64 lowercase hexadecimal digits"),
            Self::NotAFormat => out.write_str("is not one of jsonl, csv"),
            Self::NotASwitch => out.write_str("is not one of 0, 1, false, true"),
            Self::NotAWidth => write!(out, "is not a number from {WIDTH_MIN} to {WIDTH_MAX}"),
        }
    }
}

impl Settings {
    /// Nothing is set yet: the table's defaults are applied in every parse.
    pub(crate) fn blank() -> Self {
        Self {
            data_dir: PathBuf::new(),
            since: When::Ago(Duration::ZERO),
            until: None,
            observer: None,
            event_type: None,
            severity: None,
            container: None,
            pid: None,
            limit: 0,
            head: None,
            format: Format::JsonLines,
            json: false,
            width: None,
            operand: String::new(),
        }
    }

    pub(crate) fn set_data_dir(&mut self, value: &OsStr) -> Result<(), Unfit> {
        if value.is_empty() {
            return Err(Unfit::Empty);
        }
        self.data_dir = value.into();
        Ok(())
    }

    pub(crate) fn set_since(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.since = when(value)?;
        Ok(())
    }

    pub(crate) fn set_until(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.until = Some(when(value)?);
        Ok(())
    }

    pub(crate) fn set_observer(&mut self, value: &OsStr) -> Result<(), Unfit> {
        let observer = Observer::from_name(text(value)?).ok_or(Unfit::NotAnObserver)?;
        self.observer = Some(observer);
        Ok(())
    }

    /// By its whole name, or by the last word of one this build knows. A newer agent may have
    /// types that this build has not.
    pub(crate) fn set_type(&mut self, value: &OsStr) -> Result<(), Unfit> {
        let name = text(value)?;
        let known = Anomaly::ALL.iter().find(|anomaly| anomaly.name() == name);
        let is_whole = name
            .strip_prefix("kernel.")
            .is_some_and(|rest| rest.contains('.'));
        let whole = known
            .map(|anomaly| anomaly.event_type())
            .or(is_whole.then_some(name));
        self.event_type = Some(whole.ok_or(Unfit::NotAType)?.to_owned());
        Ok(())
    }

    pub(crate) fn set_severity(&mut self, value: &OsStr) -> Result<(), Unfit> {
        let severity = Severity::from_name(text(value)?).ok_or(Unfit::NotASeverity)?;
        self.severity = Some(severity);
        Ok(())
    }

    pub(crate) fn set_container(&mut self, value: &OsStr) -> Result<(), Unfit> {
        let container = text(value)?;
        if container.is_empty() {
            return Err(Unfit::Empty);
        }
        self.container = Some(container.to_owned());
        Ok(())
    }

    pub(crate) fn set_pid(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.pid = Some(text(value)?.parse().map_err(|_| Unfit::NotAPid)?);
        Ok(())
    }

    pub(crate) fn set_limit(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.limit = number(value, 1, LIMIT_MAX).ok_or(Unfit::NotALimit)?;
        Ok(())
    }

    pub(crate) fn set_head(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.head = Some(Sha::from_text(text(value)?).ok_or(Unfit::NotAHash)?);
        Ok(())
    }

    pub(crate) fn set_format(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.format = match text(value)? {
            "jsonl" => Format::JsonLines,
            "csv" => Format::Csv,
            _ => return Err(Unfit::NotAFormat),
        };
        Ok(())
    }

    pub(crate) fn set_json(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.json = match text(value)? {
            "1" | "true" => true,
            "0" | "false" => false,
            _ => return Err(Unfit::NotASwitch),
        };
        Ok(())
    }

    pub(crate) fn set_width(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.width = Some(number(value, WIDTH_MIN, WIDTH_MAX).ok_or(Unfit::NotAWidth)?);
        Ok(())
    }
}

fn text(value: &OsStr) -> Result<&str, Unfit> {
    value.to_str().ok_or(Unfit::NotText)
}

fn number(value: &OsStr, min: usize, max: usize) -> Option<usize> {
    let number = value.to_str()?.parse().ok()?;
    (min..=max).contains(&number).then_some(number)
}

fn when(value: &OsStr) -> Result<When, Unfit> {
    let text = text(value)?;
    let ago = quantity::duration(text).map(When::Ago);
    let at = || Timestamp::from_rfc3339(text).map(When::At);
    ago.or_else(at).ok_or(Unfit::NotAMoment)
}

//! What the operator set, as values that are in range.
//!
//! Every setter takes the text of a flag, of its environment twin or of its default. A value is
//! checked here, once; the rest of the controller takes it as it is.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use log::LevelFilter;
use tapio_common::command_line::{Unfit, value};
use tapio_common::log_line::LogFormat;

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
    pub log_format: LogFormat,
}

const FORGET_AFTER_MAX: Duration = Duration::from_secs(10 * 365 * 86_400);
const NOT_AN_ADDRESS: Unfit = Unfit::Not("host:port");

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
            log_format: LogFormat::Text,
        }
    }

    pub(crate) fn set_listen(&mut self, value: &OsStr) -> Result<(), Unfit> {
        let address = value::text(value)?;
        let (host, port) = address.rsplit_once(':').ok_or(NOT_AN_ADDRESS)?;
        let bare_ipv6 = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
        if host.is_empty() || bare_ipv6 || u16::from_str(port).is_err() {
            return Err(NOT_AN_ADDRESS);
        }
        self.listen = address.to_owned();
        Ok(())
    }

    pub(crate) fn set_profile(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.profile = Some(value::path(value)?);
        Ok(())
    }

    pub(crate) fn set_workers(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.workers = value::count(value, 1, 256)?;
        Ok(())
    }

    pub(crate) fn set_max_body_bytes(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.body_bytes_max = value::count(value, 1_024, 16 * 1_024 * 1_024)?;
        Ok(())
    }

    pub(crate) fn set_max_agents(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.agents_max = value::count(value, 1, 10_000_000)?;
        Ok(())
    }

    pub(crate) fn set_forget_after(&mut self, value: &OsStr) -> Result<(), Unfit> {
        let time = Duration::from_nanos(value::nanos(value)?);
        if time > FORGET_AFTER_MAX {
            return Err(Unfit::Not("a time of ten years at most"));
        }
        self.forget_after = (!time.is_zero()).then_some(time);
        Ok(())
    }

    pub(crate) fn set_send_interval_ms(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.send_interval_ms = value::number(value, 10, 3_600_000)?;
        Ok(())
    }

    pub(crate) fn set_max_batch_events(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.batch_events_max = value::number(value, 1, 100_000)?;
        Ok(())
    }

    pub(crate) fn set_controller_id(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.controller_id = value::identifier(value)?;
        Ok(())
    }

    pub(crate) fn set_accepted(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.accepted = Some(if value == "-" {
            AcceptedTarget::Stdout
        } else {
            AcceptedTarget::File(value::path(value)?)
        });
        Ok(())
    }

    pub(crate) fn set_log_level(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.log_level = match value::text(value)? {
            "off" => LevelFilter::Off,
            "error" => LevelFilter::Error,
            "warn" => LevelFilter::Warn,
            "info" => LevelFilter::Info,
            "debug" => LevelFilter::Debug,
            _ => return Err(Unfit::Not("one of off, error, warn, info, debug")),
        };
        Ok(())
    }

    pub(crate) fn set_log_format(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.log_format =
            LogFormat::from_name(value::text(value)?).ok_or(Unfit::Not("text or json"))?;
        Ok(())
    }
}

//! What was asked, as values that are in range.
//!
//! Every setter takes the text of a flag, of its environment twin or of its default.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use tapio_common::catalogue::{Anomaly, Observer, Severity};
use tapio_common::command_line::{Unfit, value};
use tapio_common::evidence::seal::Sha;
use tapio_common::quantity;
use tapio_common::time::Timestamp;
use tapio_wire::endpoint::Endpoint;

/// More events than this are for `export`: `recent` keeps where each of them stands.
const LIMIT_MAX: u64 = 100_000;
const WIDTH_MIN: u64 = 40;
const WIDTH_MAX: u64 = 1_000;

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
    pub controller: Option<Endpoint>,
    pub agent_id: Option<String>,
    pub format: Format,
    pub json: bool,
    pub width: Option<usize>,
    /// What `why` is about: a process, a container, a unit.
    pub subject: String,
}

const NOT_AN_OBSERVER: Unfit = Unfit::Not("one of network, storage, container, node");
const NOT_A_TYPE: Unfit = Unfit::Not("a type such as kernel.container.oom_kill");
const NOT_A_SEVERITY: Unfit = Unfit::Not("one of debug, info, warning, error, critical");
const NOT_A_HASH: Unfit = Unfit::Not("64 lowercase hexadecimal digits");
const NOT_A_MOMENT: Unfit = Unfit::Not("a time ago such as 5m, 1h or 2d, nor RFC 3339");

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
            controller: None,
            agent_id: None,
            format: Format::JsonLines,
            json: false,
            width: None,
            subject: String::new(),
        }
    }

    pub(crate) fn set_data_dir(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.data_dir = value::path(value)?;
        Ok(())
    }

    pub(crate) fn set_subject(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.subject = value::text(value)?.to_owned();
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
        let observer = Observer::from_name(value::text(value)?).ok_or(NOT_AN_OBSERVER)?;
        self.observer = Some(observer);
        Ok(())
    }

    /// By its whole name, or by the last word of one this build knows. A newer agent may have
    /// types that this build has not.
    pub(crate) fn set_type(&mut self, value: &OsStr) -> Result<(), Unfit> {
        let name = value::text(value)?;
        let known = Anomaly::ALL.iter().find(|anomaly| anomaly.name() == name);
        let is_whole = name
            .strip_prefix("kernel.")
            .is_some_and(|rest| rest.contains('.'));
        let whole = known
            .map(|anomaly| anomaly.event_type())
            .or(is_whole.then_some(name));
        self.event_type = Some(whole.ok_or(NOT_A_TYPE)?.to_owned());
        Ok(())
    }

    pub(crate) fn set_severity(&mut self, value: &OsStr) -> Result<(), Unfit> {
        let severity = Severity::from_name(value::text(value)?).ok_or(NOT_A_SEVERITY)?;
        self.severity = Some(severity);
        Ok(())
    }

    pub(crate) fn set_container(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.container = Some(value::text(value)?.to_owned());
        Ok(())
    }

    pub(crate) fn set_pid(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.pid = Some(value::number(value, 0, u64::from(u32::MAX))?);
        Ok(())
    }

    pub(crate) fn set_limit(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.limit = value::count(value, 1, LIMIT_MAX)?;
        Ok(())
    }

    pub(crate) fn set_head(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.head = Some(Sha::from_text(value::text(value)?).ok_or(NOT_A_HASH)?);
        Ok(())
    }

    /// Never quoted: somebody may have put credentials into it.
    pub(crate) fn set_controller(&mut self, value: &OsStr) -> Result<(), Unfit> {
        let url = value.to_str().ok_or(Unfit::Secret("is not UTF-8"))?;
        let endpoint = Endpoint::parse(url).map_err(|error| Unfit::Secret(error.words()))?;
        self.controller = Some(endpoint);
        Ok(())
    }

    pub(crate) fn set_agent_id(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.agent_id = Some(value::identifier(value)?);
        Ok(())
    }

    pub(crate) fn set_format(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.format = match value::text(value)? {
            "jsonl" => Format::JsonLines,
            "csv" => Format::Csv,
            _ => return Err(Unfit::Not("one of jsonl, csv")),
        };
        Ok(())
    }

    pub(crate) fn set_json(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.json = value::switch(value)?;
        Ok(())
    }

    pub(crate) fn set_width(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.width = Some(value::count(value, WIDTH_MIN, WIDTH_MAX)?);
        Ok(())
    }
}

fn when(value: &OsStr) -> Result<When, Unfit> {
    let text = value::text(value)?;
    let ago = quantity::duration(text).map(When::Ago);
    let at = || Timestamp::from_rfc3339(text).map(When::At);
    ago.or_else(at).ok_or(NOT_A_MOMENT)
}

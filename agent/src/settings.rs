//! What the operator set, as values that are in range.
//!
//! Every setter takes the text of a flag, of its environment twin or of its default. A value is
//! checked here, once; the rest of the agent takes it as it is.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use log::LevelFilter;
use tapio_common::catalogue::Observer;
use tapio_common::command_line::{Unfit, value};
use tapio_common::evidence::Limits;
use tapio_common::log_line::LogFormat;
use tapio_common::quantity;

use crate::http::Endpoint;
use crate::sink::name::SinkName;

/// How often the controller is asked and told.
#[derive(Debug, Clone, Copy)]
pub struct Intervals {
    pub poll: Duration,
    pub heartbeat: Duration,
}

/// Everything `tapio-agent` can be told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// In the order given, none twice; empty until settled.
    pub sinks: Vec<SinkName>,
    pub http_url: Option<Endpoint>,
    pub otlp_url: Option<Endpoint>,
    pub sink_headers: Vec<HeaderSource>,
    pub config: Option<PathBuf>,
    /// With one, config comes from there and events go there.
    pub controller: Option<Endpoint>,
    pub intervals: Intervals,
    pub observers: Vec<Observer>,
    pub data_dir: PathBuf,
    /// What the evidence directory may take and how soon it has to last.
    pub evidence: Limits,
    pub state_dir: PathBuf,
    pub metrics_file: Option<PathBuf>,
    pub node_name: Option<String>,
    pub agent_id: Option<String>,
    pub ebpf_dir: Option<PathBuf>,
    /// Events per second of one cgroup and type; `None` is no limit.
    pub fair_share_per_second: Option<u32>,
    pub log_level: LevelFilter,
    pub log_format: LogFormat,
}

/// A header of network sinks, and the file its value is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderSource {
    /// `None`: of the one there is.
    pub sink: Option<SinkName>,
    pub name: String,
    pub path: PathBuf,
}

/// Segments smaller than this would be more seals than evidence.
const SEGMENT_BYTES_MIN: u64 = 64 << 10;
const NOT_A_SIZE: Unfit = Unfit::Not("a size such as 16MiB, from 65536 bytes up");

/// An agent that is heard of less than once a day is not managed.
const INTERVAL_SECONDS_MAX: u64 = 86_400;

/// A rate above this is no limit any machine meets, and its interval would round to nothing.
const RATE_MAX: u64 = 1_000_000;

const NOT_A_SINK: Unfit = Unfit::Not("one of stdout, file, http, otlp, controller");
const NOT_AN_OBSERVER: Unfit = Unfit::Not("one of network, storage, container, node");

impl Settings {
    /// Nothing is set yet: the table's defaults are applied in every parse.
    pub(crate) fn blank() -> Self {
        Self {
            sinks: Vec::new(),
            http_url: None,
            otlp_url: None,
            sink_headers: Vec::new(),
            config: None,
            controller: None,
            intervals: Intervals {
                poll: Duration::ZERO,
                heartbeat: Duration::ZERO,
            },
            observers: Vec::new(),
            data_dir: PathBuf::new(),
            evidence: Limits::default(),
            state_dir: PathBuf::new(),
            metrics_file: None,
            node_name: None,
            agent_id: None,
            ebpf_dir: None,
            fair_share_per_second: None,
            log_level: LevelFilter::Info,
            log_format: LogFormat::Text,
        }
    }

    /// Once everything is set: where events go if nobody has said, and in which order. What reads
    /// from the evidence directory comes after what writes to it.
    pub(crate) fn settle_sinks(&mut self) {
        if self.sinks.is_empty() {
            self.sinks.push(match self.controller {
                Some(_) => SinkName::Controller,
                None => SinkName::Stdout,
            });
        }
        let reader = |sink: &SinkName| *sink == SinkName::Controller;
        if let Some(at) = self.sinks.iter().position(reader) {
            let last = self.sinks.remove(at);
            self.sinks.push(last);
        }
    }

    pub(crate) fn add_sinks(&mut self, value: &OsStr) -> Result<(), Unfit> {
        for name in value::text(value)?.split(',') {
            let sink = SinkName::from_name(name.trim()).ok_or(NOT_A_SINK)?;
            if !self.sinks.contains(&sink) {
                self.sinks.push(sink);
            }
        }
        Ok(())
    }

    pub(crate) fn set_observers(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.observers.clear();
        for name in value::text(value)?.split(',') {
            let observer = Observer::from_name(name.trim()).ok_or(NOT_AN_OBSERVER)?;
            if !self.observers.contains(&observer) {
                self.observers.push(observer);
            }
        }
        Ok(())
    }

    pub(crate) fn set_http_url(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.http_url = Some(endpoint(value)?);
        Ok(())
    }

    pub(crate) fn set_otlp_url(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.otlp_url = Some(endpoint(value)?);
        Ok(())
    }

    pub(crate) fn add_sink_headers(&mut self, value: &OsStr) -> Result<(), Unfit> {
        for given in unquoted_text(value)?.split(',') {
            self.sink_headers.push(header_source(given.trim())?);
        }
        Ok(())
    }

    pub(crate) fn set_config(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.config = Some(value::path(value)?);
        Ok(())
    }

    pub(crate) fn set_controller(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.controller = Some(endpoint(value)?);
        Ok(())
    }

    pub(crate) fn set_poll_interval(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.intervals.poll = interval(value)?;
        Ok(())
    }

    pub(crate) fn set_heartbeat_interval(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.intervals.heartbeat = interval(value)?;
        Ok(())
    }

    pub(crate) fn set_data_dir(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.data_dir = value::path(value)?;
        Ok(())
    }

    pub(crate) fn set_segment_max_bytes(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.evidence.segment_bytes_max = size(value)?;
        Ok(())
    }

    pub(crate) fn set_retain_bytes(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.evidence.retain_bytes_max = size(value)?;
        Ok(())
    }

    pub(crate) fn set_retain_age(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.evidence.retain_age_nanos = value::nanos(value)?;
        Ok(())
    }

    pub(crate) fn set_fsync(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.evidence.sync_within_nanos = value::nanos(value)?;
        Ok(())
    }

    pub(crate) fn set_state_dir(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.state_dir = value::path(value)?;
        Ok(())
    }

    pub(crate) fn set_metrics_file(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.metrics_file = Some(value::path(value)?);
        Ok(())
    }

    pub(crate) fn set_ebpf_dir(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.ebpf_dir = Some(value::path(value)?);
        Ok(())
    }

    pub(crate) fn set_node_name(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.node_name = Some(value::identifier(value)?);
        Ok(())
    }

    pub(crate) fn set_agent_id(&mut self, value: &OsStr) -> Result<(), Unfit> {
        self.agent_id = Some(value::identifier(value)?);
        Ok(())
    }

    pub(crate) fn set_fair_share(&mut self, value: &OsStr) -> Result<(), Unfit> {
        let rate = value::number(value, 0, RATE_MAX)?;
        self.fair_share_per_second = u32::try_from(rate).ok().filter(|rate| *rate > 0);
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

/// `[SINK:]NAME=@FILE`. Never quoted, because some will give the secret where the file belongs.
fn header_source(given: &str) -> Result<HeaderSource, Unfit> {
    let unfit = Unfit::Secret("is not [SINK:]NAME=@FILE: the value is read from a file");
    let (name, path) = given.split_once("=@").ok_or(unfit)?;
    let (sink, name) = match name.split_once(':') {
        Some(("http", name)) => (Some(SinkName::Http), name),
        Some(("otlp", name)) => (Some(SinkName::Otlp), name),
        Some(_) => {
            return Err(Unfit::Secret(
                "names a sink that has no headers: http or otlp",
            ));
        }
        None => (None, name),
    };
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(unfit);
    }
    if OWN_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return Err(Unfit::Secret("names a header that the agent sets itself"));
    }
    if path.is_empty() {
        return Err(unfit);
    }
    Ok(HeaderSource {
        sink,
        name: name.to_owned(),
        path: PathBuf::from(path),
    })
}

const OWN_HEADERS: &[&str] = &[
    "Host",
    "Content-Type",
    "Content-Length",
    "Content-Encoding",
    "Transfer-Encoding",
    "Connection",
    "Expect",
    "Upgrade",
];

fn endpoint(value: &OsStr) -> Result<Endpoint, Unfit> {
    Endpoint::parse(unquoted_text(value)?).map_err(|error| Unfit::Secret(error.words()))
}

fn unquoted_text(value: &OsStr) -> Result<&str, Unfit> {
    value.to_str().ok_or(Unfit::Secret("is not UTF-8"))
}

fn size(value: &OsStr) -> Result<u64, Unfit> {
    quantity::bytes(value::text(value)?)
        .filter(|bytes| *bytes >= SEGMENT_BYTES_MIN)
        .ok_or(NOT_A_SIZE)
}

fn interval(value: &OsStr) -> Result<Duration, Unfit> {
    value::number(value, 1, INTERVAL_SECONDS_MAX).map(Duration::from_secs)
}

//! The one table of flags: parser, `--help`, environment twins and defaults all come from it.
//!
//! A default is text like any other value and goes through the same `set`, so that what `--help`
//! prints is what holds when nothing is said. How a command line is read is in
//! [`crate::command_line`]; what a value may be, in [`crate::settings`].

use std::ffi::OsStr;

use crate::settings::{Settings, Unfit};

/// One row of the table.
pub struct Flag {
    pub name: &'static str,
    pub placeholder: &'static str,
    /// `None` where leaving the flag out means doing without, or `help` says what holds.
    pub default: Option<&'static str>,
    pub help: &'static str,
    /// Called once per value: a flag that repeats adds to what is there.
    pub(crate) set: fn(&mut Settings, &OsStr) -> Result<(), Unfit>,
}

pub const FLAGS: &[Flag] = &[
    Flag {
        name: "sink",
        placeholder: "NAME",
        default: Some("stdout"),
        help: "where to, repeatable: stdout, file, http, otlp",
        set: Settings::add_sinks,
    },
    Flag {
        name: "http-url",
        placeholder: "URL",
        default: None,
        help: "sink http posts lines of JSON there",
        set: Settings::set_http_url,
    },
    Flag {
        name: "otlp-url",
        placeholder: "URL",
        default: None,
        help: "sink otlp posts to /v1/logs there",
        set: Settings::set_otlp_url,
    },
    Flag {
        name: "sink-header",
        placeholder: "NAME=@FILE",
        default: None,
        help: "header of these, from a file; http:NAME, otlp:NAME",
        set: Settings::add_sink_headers,
    },
    Flag {
        name: "config",
        placeholder: "FILE",
        default: None,
        help: "compiled config, JSON (none: production-default)",
        set: Settings::set_config,
    },
    Flag {
        name: "controller-endpoint",
        placeholder: "URL",
        default: None,
        help: "config from there, events to there; http:// only",
        set: Settings::set_controller,
    },
    Flag {
        name: "config-poll-interval",
        placeholder: "S",
        default: Some("30"),
        help: "config is asked for so often",
        set: Settings::set_poll_interval,
    },
    Flag {
        name: "heartbeat-interval",
        placeholder: "S",
        default: Some("30"),
        help: "the controller hears so often",
        set: Settings::set_heartbeat_interval,
    },
    Flag {
        name: "observers",
        placeholder: "LIST",
        default: Some("network,container"),
        help: "what to observe, comma between",
        set: Settings::set_observers,
    },
    Flag {
        name: "data-dir",
        placeholder: "DIR",
        default: Some("/var/lib/tapio/evidence"),
        help: "evidence directory",
        set: Settings::set_data_dir,
    },
    Flag {
        name: "segment-max-bytes",
        placeholder: "N",
        default: Some("16MiB"),
        help: "evidence is sealed at least so often",
        set: Settings::set_segment_max_bytes,
    },
    Flag {
        name: "retain-bytes",
        placeholder: "N",
        default: Some("256MiB"),
        help: "evidence kept, oldest goes first",
        set: Settings::set_retain_bytes,
    },
    Flag {
        name: "retain-age",
        placeholder: "TIME",
        default: Some("14d"),
        help: "evidence kept, by its age",
        set: Settings::set_retain_age,
    },
    Flag {
        name: "fsync",
        placeholder: "TIME",
        default: Some("1s"),
        help: "evidence a loss of power may take",
        set: Settings::set_fsync,
    },
    Flag {
        name: "state-dir",
        placeholder: "DIR",
        default: Some("/var/lib/tapio"),
        help: "what outlives a restart",
        set: Settings::set_state_dir,
    },
    Flag {
        name: "metrics-file",
        placeholder: "FILE",
        default: None,
        help: "counters for node_exporter, NAME.prom",
        set: Settings::set_metrics_file,
    },
    Flag {
        name: "node-name",
        placeholder: "NAME",
        default: None,
        help: "context.node of every event (none: host name)",
        set: Settings::set_node_name,
    },
    Flag {
        name: "agent-id",
        placeholder: "ID",
        default: None,
        help: "name towards the controller (none: node name)",
        set: Settings::set_agent_id,
    },
    Flag {
        name: "ebpf-dir",
        placeholder: "DIR",
        default: None,
        help: "kernel programs from files (none: built in)",
        set: Settings::set_ebpf_dir,
    },
    Flag {
        name: "fair-share",
        placeholder: "RATE",
        default: Some("200"),
        help: "events/s per cgroup and type, 0 for all",
        set: Settings::set_fair_share,
    },
    Flag {
        name: "log-level",
        placeholder: "LEVEL",
        default: Some("info"),
        help: "off, error, warn, info or debug, on stderr",
        set: Settings::set_log_level,
    },
];

impl Flag {
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        FLAGS.iter().find(|flag| flag.name == name)
    }

    /// `--data-dir` is `TAPIO_DATA_DIR`.
    pub fn twin(&self) -> String {
        format!("TAPIO_{}", self.name.replace('-', "_").to_uppercase())
    }
}

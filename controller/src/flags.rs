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
    /// `None` where leaving the flag out means doing without.
    pub default: Option<&'static str>,
    pub help: &'static str,
    pub(crate) set: fn(&mut Settings, &OsStr) -> Result<(), Unfit>,
}

pub const FLAGS: &[Flag] = &[
    Flag {
        name: "listen",
        placeholder: "ADDR",
        default: Some("127.0.0.1:8080"),
        help: "host:port to serve on, 0 for any port",
        set: Settings::set_listen,
    },
    Flag {
        name: "profile",
        placeholder: "FILE",
        default: None,
        help: "EvidenceProfile YAML (none: production-default)",
        set: Settings::set_profile,
    },
    Flag {
        name: "workers",
        placeholder: "N",
        default: Some("4"),
        help: "threads that answer requests",
        set: Settings::set_workers,
    },
    Flag {
        name: "max-body-bytes",
        placeholder: "N",
        default: Some("262144"),
        help: "largest request body",
        set: Settings::set_max_body_bytes,
    },
    Flag {
        name: "max-agents",
        placeholder: "N",
        default: Some("100000"),
        help: "agents the registry holds",
        set: Settings::set_max_agents,
    },
    Flag {
        name: "forget-after",
        placeholder: "TIME",
        default: Some("24h"),
        help: "forget agents silent so long; 0 never",
        set: Settings::set_forget_after,
    },
    Flag {
        name: "send-interval-ms",
        placeholder: "N",
        default: Some("1000"),
        help: "how often agents send a batch",
        set: Settings::set_send_interval_ms,
    },
    Flag {
        name: "max-batch-events",
        placeholder: "N",
        default: Some("256"),
        help: "events in one batch at most",
        set: Settings::set_max_batch_events,
    },
    Flag {
        name: "controller-id",
        placeholder: "ID",
        default: Some("tapio-controller"),
        help: "name in answers to agents",
        set: Settings::set_controller_id,
    },
    Flag {
        name: "accepted",
        placeholder: "FILE|-",
        default: None,
        help: "append accepted events; a pipe may repeat some",
        set: Settings::set_accepted,
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

    /// `--max-agents` is `TAPIO_MAX_AGENTS`.
    pub fn twin(&self) -> String {
        format!("TAPIO_{}", self.name.replace('-', "_").to_uppercase())
    }
}

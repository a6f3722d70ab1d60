//! The one table of commands and flags; what is made of it is in [`tapio_common::command_line`].
//!
//! What a value may be is in [`crate::settings`].

use tapio_common::command_line::{self, Operand};

use crate::settings::Settings;

/// What `tapio-agent` can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Observe,
    HealthCheck,
    Probe,
    SelfTest,
}

use Command::{HealthCheck, Observe, Probe, SelfTest};

pub type Asked = command_line::Asked<Command, Settings>;
type Flag = command_line::Flag<Command, Settings>;
type Row = command_line::Command<Command, Settings>;
type Topic = command_line::Topic<Command, Settings>;

pub const AGENT: command_line::Program<Command, Settings> = command_line::Program {
    name: "tapio-agent",
    section: 8,
    title: "the kernel's own word on why a thing on this machine failed",
    description: "Watches selected kernel failures with eBPF and writes each as one line of \
                  evidence, until SIGTERM or SIGINT. It observes and never explains, listens on no \
                  port, and counts what it may have missed.",
    commands: COMMANDS,
    topics: &[EVERYDAY, MANAGED, EVIDENCE, SINKS],
    foot: "Each flag has a twin in the environment: --data-dir is TAPIO_DATA_DIR.\n",
    exit_codes: "0 ok, 1 failed, 2 usage, 3 cannot say.",
    blank: Settings::blank,
};

const fn command(id: Command, name: &'static str, help: &'static str) -> Row {
    Row {
        id,
        name,
        operand: Operand::None,
        help,
    }
}

const COMMANDS: &[Row] = &[
    command(Observe, "", "observe, until SIGTERM or SIGINT"),
    command(
        HealthCheck,
        "healthcheck",
        "does the agent here answer? 0 yes, 1 no",
    ),
    command(Probe, "probe", "what this kernel offers, hook by hook"),
    command(SelfTest, "selftest", "cause failures and see them reported"),
];

/// Those that load programs into the kernel.
const LOADING: &[Command] = &[Observe, Probe, SelfTest];

#[rustfmt::skip]
const EVERYDAY: Topic = Topic {
    name: "",
    help: "",
    flags: &[
        Flag::new("sink", "NAME", None, "to stdout (default), file, http, otlp, controller", LOADING, Settings::add_sinks),
        Flag::new("config", "FILE", None, "compiled config, JSON (none: production-default)", LOADING, Settings::set_config),
        Flag::new("observers", "LIST", Some("network,storage,container,node"), "what to observe", LOADING, Settings::set_observers),
        Flag::new("data-dir", "DIR", Some("/var/lib/tapio/evidence"), "evidence directory", LOADING, Settings::set_data_dir),
        Flag::new("state-dir", "DIR", Some("/var/lib/tapio"), "what outlives a restart", &[Observe, HealthCheck, Probe, SelfTest], Settings::set_state_dir),
        Flag::new("node-name", "NAME", None, "context.node of every event (none: host name)", LOADING, Settings::set_node_name),
        Flag::new("ebpf-dir", "DIR", None, "kernel programs from files (none: built in)", LOADING, Settings::set_ebpf_dir),
        Flag::new("fair-share", "RATE", Some("200"), "events/s per cgroup and type, 0 for all", LOADING, Settings::set_fair_share),
        Flag::new("log-level", "LEVEL", Some("info"), "off, error, warn, info or debug, on stderr", LOADING, Settings::set_log_level),
        Flag::new("log-format", "FORMAT", Some("text"), "text, or json with the time", LOADING, Settings::set_log_format),
    ],
};

#[rustfmt::skip]
const MANAGED: Topic = Topic {
    name: "controller",
    help: "how the agent speaks with it",
    flags: &[
        Flag::new("controller-endpoint", "URL", None, "config from there, events to there or to --sink", LOADING, Settings::set_controller),
        Flag::new("agent-id", "ID", None, "name towards the controller (none: node name)", LOADING, Settings::set_agent_id),
        Flag::new("config-poll-interval", "S", Some("30"), "config is asked for so often", LOADING, Settings::set_poll_interval),
        Flag::new("heartbeat-interval", "S", Some("30"), "the controller hears so often", LOADING, Settings::set_heartbeat_interval),
    ],
};

#[rustfmt::skip]
const EVIDENCE: Topic = Topic {
    name: "evidence",
    help: "how much of it is kept, and how safely",
    flags: &[
        Flag::new("segment-max-bytes", "N", Some("16MiB"), "evidence is sealed at least so often", LOADING, Settings::set_segment_max_bytes),
        Flag::new("retain-bytes", "N", Some("256MiB"), "evidence kept, oldest goes first", LOADING, Settings::set_retain_bytes),
        Flag::new("retain-age", "TIME", Some("14d"), "evidence kept, by its age", LOADING, Settings::set_retain_age),
        Flag::new("fsync", "TIME", Some("1s"), "evidence a loss of power may take", LOADING, Settings::set_fsync),
    ],
};

#[rustfmt::skip]
const SINKS: Topic = Topic {
    name: "sinks",
    help: "where else events and counters go",
    flags: &[
        Flag::new("http-url", "URL", None, "sink http posts lines of JSON there", LOADING, Settings::set_http_url),
        Flag::new("otlp-url", "URL", None, "sink otlp posts to /v1/logs there", LOADING, Settings::set_otlp_url),
        Flag::new("sink-header", "NAME=@FILE", None, "header of these, from a file; http:NAME, otlp:NAME", LOADING, Settings::add_sink_headers),
        Flag::new("metrics-file", "FILE", None, "counters for node_exporter, NAME.prom", LOADING, Settings::set_metrics_file),
    ],
};

#[cfg(test)]
mod tests;

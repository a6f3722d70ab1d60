//! The one table of commands and flags; what is made of it is in [`tapio_common::command_line`].
//!
//! What a value may be is in [`crate::settings`].

use tapio_common::command_line::{self, Operand};

use crate::settings::Settings;

/// What `tapio-controller` can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Serve,
    Compile,
}

use Command::{Compile, Serve};

pub type Asked = command_line::Asked<Command, Settings>;
type Flag = command_line::Flag<Command, Settings>;
type Row = command_line::Command<Command, Settings>;
type Topic = command_line::Topic<Command, Settings>;

pub const CONTROLLER: command_line::Program<Command, Settings> = command_line::Program {
    name: "tapio-controller",
    section: 8,
    title: "coordinates a fleet of Tapio agents over tapio-wire/v1",
    description: "Hands every agent the same compiled profile, takes their evidence, and keeps in \
                  memory what each says of itself. It judges nothing.",
    commands: COMMANDS,
    topics: &[EVERYDAY],
    foot: "Each flag has a twin in the environment: --max-agents is TAPIO_MAX_AGENTS.\n\
           SIGHUP or a changed profile file reloads the profile; SIGTERM ends in 5 s.\n",
    exit_codes: "0 ok, 1 failed, 2 usage.",
    blank: Settings::blank,
};

const COMMANDS: &[Row] = &[
    Row {
        id: Serve,
        name: "",
        operand: Operand::InsteadOf("LISTEN", "listen"),
        help: "serve until SIGTERM or SIGINT",
    },
    Row {
        id: Compile,
        name: "compile",
        operand: Operand::Needed("PROFILE", Settings::set_profile),
        help: "print the compiled config, as agents get it",
    },
];

const SERVING: &[Command] = &[Serve];

#[rustfmt::skip]
const EVERYDAY: Topic = Topic {
    name: "",
    help: "",
    flags: &[
        Flag::new("listen", "ADDR", Some("127.0.0.1:8080"), "host:port to serve on, 0 for any port", SERVING, Settings::set_listen),
        Flag::new("profile", "FILE", None, "EvidenceProfile YAML (none: production-default)", SERVING, Settings::set_profile),
        Flag::new("workers", "N", Some("4"), "threads that answer requests", SERVING, Settings::set_workers),
        Flag::new("max-body-bytes", "N", Some("262144"), "largest request body", SERVING, Settings::set_max_body_bytes),
        Flag::new("max-agents", "N", Some("100000"), "agents the registry holds", SERVING, Settings::set_max_agents),
        Flag::new("forget-after", "TIME", Some("24h"), "forget agents silent so long; 0 never", SERVING, Settings::set_forget_after),
        Flag::new("send-interval-ms", "N", Some("1000"), "how often agents send a batch", SERVING, Settings::set_send_interval_ms),
        Flag::new("max-batch-events", "N", Some("256"), "events in one batch at most", SERVING, Settings::set_max_batch_events),
        Flag::new("controller-id", "ID", Some("tapio-controller"), "name in answers to agents", SERVING, Settings::set_controller_id),
        Flag::new("accepted", "FILE", None, "append accepted events, - is stdout; a pipe may repeat", SERVING, Settings::set_accepted),
        Flag::new("log-level", "LEVEL", Some("info"), "off, error, warn, info or debug, on stderr", SERVING, Settings::set_log_level),
        Flag::new("log-format", "FORMAT", Some("text"), "text or json", SERVING, Settings::set_log_format),
    ],
};

#[cfg(test)]
mod tests;

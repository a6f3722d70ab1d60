//! The one table of commands and flags; what is made of it is in [`tapio_common::command_line`].
//!
//! What a value may be is in [`crate::settings`].

use tapio_common::command_line::{self, Operand};

use crate::settings::Settings;

/// What `tapio` can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Recent,
    Watch,
    Status,
    Health,
    Why,
    Verify,
    Export,
    Fleet,
    Mcp,
}

use Command::{Export, Fleet, Health, Mcp, Recent, Status, Verify, Watch, Why};

pub type Asked = command_line::Asked<Command, Settings>;
type Flag = command_line::Flag<Command, Settings>;
type Row = command_line::Command<Command, Settings>;
type Topic = command_line::Topic<Command, Settings>;

pub const TAPIO: command_line::Program<Command, Settings> = command_line::Program {
    name: "tapio",
    section: 1,
    title: "the kernel's own word on why a thing on this machine failed",
    description: "Answers from the evidence directory of tapio-agent, never from the running \
                  agent. An answer is: seen; not seen, and fully covered; or cannot say, and why.",
    commands: COMMANDS,
    topics: &[EVERYDAY],
    foot: "It reads the evidence directory and never the running agent: TAPIO_DATA_DIR or\n\
           --data-dir says where it is. An answer is: seen (0); not seen, and fully covered\n\
           (0); or cannot say, and why (3).\n",
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
    command(
        Recent,
        "recent",
        "what was seen, newest last, or that it was not",
    ),
    command(Watch, "watch", "what is seen from now on, until Ctrl-C"),
    command(Status, "status", "ledger, coverage, segments, disk"),
    Row {
        id: Health,
        name: "health",
        operand: Operand::InsteadOf("[OBSERVER]", "observer"),
        help: "counts of the last day, by type and hour",
    },
    Row {
        id: Why,
        name: "why",
        operand: Operand::Needed("PID|CONTAINER|UNIT", Settings::set_subject),
        help: "how it died, and the minute before",
    },
    command(Verify, "verify", "whether the directory is what was sealed"),
    command(Export, "export", "evidence as JSON lines or CSV"),
    Row {
        id: Fleet,
        name: "fleet",
        operand: Operand::Needed("URL", Settings::set_controller),
        help: "the agents of a controller, as it knows them",
    },
    command(
        Mcp,
        "mcp",
        "answers to a program by MCP, on stdin and stdout",
    ),
];

/// Those that read evidence.
const READING: &[Command] = &[Recent, Watch, Status, Health, Why, Verify, Export, Mcp];
/// Those that choose among events.
const CHOOSING: &[Command] = &[Recent, Watch, Export];

#[rustfmt::skip]
const EVERYDAY: Topic = Topic {
    name: "",
    help: "",
    flags: &[
        Flag::new("data-dir", "DIR", Some("/var/lib/tapio/evidence"), "evidence directory", READING, Settings::set_data_dir),
        Flag::new("since", "WHEN", Some("1h"), "from then on: 5m, 1h, 2d ago or RFC 3339", &[Recent, Export], Settings::set_since),
        Flag::new("until", "WHEN", None, "up to then (none: now)", &[Recent, Export], Settings::set_until),
        Flag::new("observer", "NAME", None, "of network, storage, container or node", &[Recent, Watch, Export, Health], Settings::set_observer),
        Flag::new("type", "TYPE", None, "kernel.container.oom_kill, or oom_kill", CHOOSING, Settings::set_type),
        Flag::new("severity", "LEVEL", None, "at least debug, info, warning, error or critical", CHOOSING, Settings::set_severity),
        Flag::new("container", "ID", None, "container by the start of its id, or pod uid", CHOOSING, Settings::set_container),
        Flag::new("pid", "PID", None, "of this process", CHOOSING, Settings::set_pid),
        Flag::new("limit", "N", Some("100"), "the newest N, at most 100000", &[Recent], Settings::set_limit),
        Flag::new("head", "SHA", None, "newest seal known elsewhere, by its SHA-256", &[Verify], Settings::set_head),
        Flag::new("controller", "URL", None, "newest seal as this controller heard of it", &[Verify], Settings::set_controller),
        Flag::new("agent-id", "ID", None, "agent it is from (none: of this host's name)", &[Verify], Settings::set_agent_id),
        Flag::new("format", "FORMAT", Some("jsonl"), "jsonl or csv", &[Export], Settings::set_format),
        Flag::new("json", "", None, "JSON, for programs", &[Recent, Watch, Status, Health, Why, Verify, Fleet], Settings::set_json),
        Flag::new("width", "N", None, "columns (none: the terminal's)", &[Recent, Watch, Status, Health, Why, Fleet], Settings::set_width),
    ],
};

#[cfg(test)]
mod tests;

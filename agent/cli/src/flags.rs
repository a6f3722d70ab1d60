//! The one table of commands and flags: parser, help, man page and completions come from it.

use std::ffi::OsStr;

use crate::settings::{Settings, Unfit};

macro_rules! commands {
    ($($variant:ident $name:literal $operand:literal $help:literal;)+) => {
        /// What `tapio` can be asked.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Command { $($variant),+ }

        impl Command {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What has to be named besides flags; empty if nothing.
            pub const fn operand(self) -> &'static str {
                match self { $(Self::$variant => $operand),+ }
            }

            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => $help),+ }
            }
        }
    };
}

commands! {
    Recent "recent" "" "what was seen, newest last, or that it was not";
    Watch "watch" "" "what is seen from now on, until Ctrl-C";
    Status "status" "" "ledger, coverage, segments, disk";
    Health "health" "" "counts of the last day, by type and hour";
    Why "why" "PID|CONTAINER|UNIT" "how it died, and the minute before";
    Verify "verify" "" "whether the directory is what was sealed";
    Export "export" "" "evidence as JSON lines or CSV";
    Completions "completions" "bash|zsh|fish" "completions for a shell";
    Man "man" "" "the manual page";
}

impl Command {
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|command| command.name() == name)
    }

    /// The flags it knows, in the order of the table.
    pub fn flags(self) -> impl Iterator<Item = &'static Flag> {
        FLAGS
            .iter()
            .filter(move |flag| flag.commands.contains(&self))
    }
}

/// One row of the table.
pub struct Flag {
    pub name: &'static str,
    /// `None`: a switch, which takes no value.
    pub placeholder: Option<&'static str>,
    pub default: Option<&'static str>,
    pub help: &'static str,
    pub commands: &'static [Command],
    pub(crate) set: fn(&mut Settings, &OsStr) -> Result<(), Unfit>,
}

use Command::{Export, Health, Recent, Status, Verify, Watch, Why};

/// Those that read evidence.
const READING: &[Command] = &[Recent, Watch, Status, Health, Why, Verify, Export];
/// Those that choose among events.
const CHOOSING: &[Command] = &[Recent, Watch, Export];

const fn flag(
    name: &'static str,
    placeholder: Option<&'static str>,
    default: Option<&'static str>,
    help: &'static str,
    commands: &'static [Command],
    set: fn(&mut Settings, &OsStr) -> Result<(), Unfit>,
) -> Flag {
    Flag {
        name,
        placeholder,
        default,
        help,
        commands,
        set,
    }
}

#[rustfmt::skip]
pub const FLAGS: &[Flag] = &[
    flag("data-dir", Some("DIR"), Some("/var/lib/tapio/evidence"), "evidence directory", READING, Settings::set_data_dir),
    flag("since", Some("WHEN"), Some("1h"), "from then on: 5m, 1h, 2d ago or RFC 3339", &[Recent, Export], Settings::set_since),
    flag("until", Some("WHEN"), None, "up to then (none: now)", &[Recent, Export], Settings::set_until),
    flag("observer", Some("NAME"), None, "of network, storage, container or node", &[Recent, Watch, Export, Health], Settings::set_observer),
    flag("type", Some("TYPE"), None, "kernel.container.oom_kill, or oom_kill", CHOOSING, Settings::set_type),
    flag("severity", Some("LEVEL"), None, "debug, info, warning, error, critical or worse", CHOOSING, Settings::set_severity),
    flag("container", Some("ID"), None, "container by the start of its id, or pod uid", CHOOSING, Settings::set_container),
    flag("pid", Some("PID"), None, "of this process", CHOOSING, Settings::set_pid),
    flag("limit", Some("N"), Some("100"), "the newest N, at most 100000", &[Recent], Settings::set_limit),
    flag("head", Some("SHA"), None, "newest seal known elsewhere, by its SHA-256", &[Verify], Settings::set_head),
    flag("format", Some("FORMAT"), Some("jsonl"), "jsonl or csv", &[Export], Settings::set_format),
    flag("json", None, None, "JSON, for programs", &[Recent, Watch, Status, Why, Verify], Settings::set_json),
    flag("width", Some("N"), None, "columns (none: the terminal's)", &[Recent, Watch, Status, Health, Why], Settings::set_width),
];

impl Flag {
    /// `--data-dir` is `TAPIO_DATA_DIR`.
    pub fn twin(&self) -> String {
        format!("TAPIO_{}", self.name.replace('-', "_").to_uppercase())
    }

    /// `--data-dir DIR`
    pub fn spelled(&self) -> String {
        match self.placeholder {
            Some(placeholder) => format!("--{} {placeholder}", self.name),
            None => format!("--{}", self.name),
        }
    }
}

//! The schema: every block of a profile, as a table of its fields.
//!
//! A block that is absent or null overrides nothing. Rules that span two fields are checked on
//! what will be in force, so that half an override cannot turn the base's own pair around.

use std::fmt::Display;

use serde::de::{Deserialize, Deserializer, Error};
use tapio_wire::config::{ExitCodes, NodePmcConfig, StorageConfig};
use tapio_wire::names::ContainerExits;

use crate::error::{Problem, ProfileError};
use crate::node::Node;
use crate::range::{FromNode, Number, Whole};
use crate::units::{NANOS_PER_MS, PERMILLE_PER_PCT};

const API_VERSION: &str = "tapio.false.systems/v0";
const KIND: &str = "EvidenceProfile";
/// The only base there is: the wire's `CompiledConfig::default()`.
const BASE: &str = "production-default";

/// A profile that was read and found in range throughout. How it compiles is in `compile`.
#[derive(Debug, Clone, PartialEq)]
pub struct EvidenceProfile {
    pub(crate) overrides: Overrides,
}

macro_rules! block {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub(crate) struct $name { $(pub(crate) $field: $type),+ }

        impl FromNode for $name {
            fn from_node(node: &Node) -> Result<Self, ProfileError> {
                let mut block = Self::default();
                for (key, value) in known_entries(node, &[$(stringify!($field)),+])? {
                    $(if key == stringify!($field) {
                        block.$field =
                            FromNode::from_node(value).map_err(|error| error.within(key))?;
                    })+
                }
                Ok(block)
            }
        }
    };
}

block!(Overrides {
    network: Network,
    storage: Storage,
    container: Container,
    node_pmc: NodePmc,
});

block!(Network {
    enabled: Option<bool>,
    rtt_spike: RttSpike,
    conn_refused: ConnRefused,
    retransmit: Retransmit,
});

block!(RttSpike {
    ratio: Option<Whole<1, 100>>,
    abs_ms: Option<Whole<1, 600_000>>,
});

block!(
    /// Both zero: refusals are not folded.
    ConnRefused {
        window_ms: Option<Whole<0, 600_000>>,
        min_count: Option<Whole<0, 100_000>>,
    }
);

block!(Retransmit {
    count: Option<Whole<1, 10_000>>,
    window_ms: Option<Whole<100, 600_000>>,
});

block!(Storage {
    enabled: Option<bool>,
    slow_io: SlowIo,
});

block!(SlowIo {
    warning_ms: Option<Whole<1, 60_000>>,
    critical_ms: Option<Whole<1, 600_000>>,
});

block!(Container {
    enabled: Option<bool>,
    ignore_exit_codes: Option<ExitCodes>,
    exits: Option<ContainerExits>,
});

block!(NodePmc {
    enabled: Option<bool>,
    stall_pct: StallPct,
    ipc_degradation: Option<Number<16>>,
});

block!(StallPct {
    warning: Option<Number<100>>,
    critical: Option<Number<100>>,
});

impl EvidenceProfile {
    /// Checks a whole document. The first thing wrong with it is told, its version before all.
    pub fn from_node(document: &Node) -> Result<Self, ProfileError> {
        let entries = entries(document)?;
        expect_text(entries, "apiVersion", API_VERSION)?;
        expect_text(entries, "kind", KIND)?;
        known_entries(document, &["apiVersion", "kind", "base", "overrides"])?;
        expect_text(entries, "base", BASE)?;
        let overrides = match find(entries, "overrides") {
            Some(node) => Overrides::from_node(node)
                .and_then(Overrides::with_pairs_in_order)
                .map_err(|error| error.within("overrides"))?,
            None => Overrides::default(),
        };
        Ok(Self { overrides })
    }
}

impl<'de> Deserialize<'de> for EvidenceProfile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Node::deserialize(deserializer)?;
        Self::from_node(&document).map_err(D::Error::custom)
    }
}

impl Overrides {
    /// Refuses a critical threshold below its warning one.
    fn with_pairs_in_order(self) -> Result<Self, ProfileError> {
        let (given, base) = (&self.storage.slow_io, StorageConfig::default());
        let warning = given.warning_ms.map(|ms| u64::from(ms.get()));
        let critical = given.critical_ms.map(|ms| u64::from(ms.get()));
        in_order(
            (
                "warning_ms",
                warning.unwrap_or(base.slow_io_warning_ns / NANOS_PER_MS),
            ),
            (
                "critical_ms",
                critical.unwrap_or(base.slow_io_critical_ns / NANOS_PER_MS),
            ),
        )
        .map_err(|error| error.within("slow_io").within("storage"))?;

        let (given, base) = (&self.node_pmc.stall_pct, NodePmcConfig::default());
        let pct = |permille: u32| f64::from(permille) / PERMILLE_PER_PCT;
        let warning = given.warning.map(Number::get);
        let critical = given.critical.map(Number::get);
        in_order(
            (
                "warning",
                warning.unwrap_or(pct(base.stall_warning_permille)),
            ),
            (
                "critical",
                critical.unwrap_or(pct(base.stall_critical_permille)),
            ),
        )
        .map_err(|error| error.within("stall_pct").within("node_pmc"))?;
        Ok(self)
    }
}

fn in_order<T: PartialOrd + Display>(
    (floor, warning): (&'static str, T),
    (name, critical): (&'static str, T),
) -> Result<(), ProfileError> {
    if critical >= warning {
        return Ok(());
    }
    let problem = Problem::BelowWarning {
        floor,
        warning: warning.to_string(),
        critical: critical.to_string(),
    };
    Err(ProfileError::new(problem).within(name))
}

type Entry = (String, Node);

fn entries(node: &Node) -> Result<&[Entry], ProfileError> {
    match node {
        Node::Map(entries) => Ok(entries),
        Node::Null => Ok(&[]),
        other => Err(ProfileError::not_allowed("a mapping", other)),
    }
}

/// The entries of a closed block: each known, none given twice.
fn known_entries<'n>(
    node: &'n Node,
    known: &'static [&'static str],
) -> Result<&'n [Entry], ProfileError> {
    let entries = entries(node)?;
    for (at, (key, _)) in entries.iter().enumerate() {
        let problem = if !known.contains(&key.as_str()) {
            Problem::UnknownField { known }
        } else if find(&entries[..at], key).is_some() {
            Problem::RepeatedField
        } else {
            continue;
        };
        return Err(ProfileError::new(problem).within(key));
    }
    Ok(entries)
}

fn find<'n>(entries: &'n [Entry], wanted: &str) -> Option<&'n Node> {
    let found = entries.iter().find(|(key, _)| key == wanted);
    found.map(|(_, value)| value)
}

fn expect_text(
    entries: &[Entry],
    key: &'static str,
    expected: &'static str,
) -> Result<(), ProfileError> {
    match find(entries, key) {
        Some(Node::Text(text)) if text == expected => Ok(()),
        Some(other) => Err(ProfileError::not_allowed(expected, other).within(key)),
        None => Err(ProfileError::new(Problem::MissingField).within(key)),
    }
}

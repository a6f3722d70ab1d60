//! What a controller says of its fleet: `/v1/status`, read agent by agent as it comes.
//!
//! A fleet of 100,000 is some hundred megabytes of JSON; of it one agent is held at a time.

mod get;
mod pieces;

use std::fmt;
use std::io;

use serde_json::Value;
use tapio_common::evidence::seal::Sha;
use tapio_common::evidence::verify::Anchor;
use tapio_wire::endpoint::Endpoint;
use tapio_wire::status::AgentStatus;
use tapio_wire::{Status, WireError};

use crate::Failure;
use pieces::Pieces;

/// Why there is no status, or not all of it.
#[derive(Debug)]
pub enum Fault {
    Io(io::Error),
    /// It answers, and not in HTTP that was asked for.
    NotHttp,
    Refused(u16),
    /// The answer ends before the status does.
    Cut,
    /// One part is larger than any controller sends.
    TooLarge,
    NotAStatus(WireError),
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(out, "{error}"),
            Self::NotHttp => out.write_str("what answers there does not speak HTTP"),
            Self::Refused(status) => write!(out, "it answers {status} and no status"),
            Self::Cut => out.write_str("its answer was cut short"),
            Self::TooLarge => out.write_str("its answer is too large to be a status"),
            Self::NotAStatus(error) => write!(out, "its answer is no status: {error}"),
        }
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::NotAStatus(error) => Some(error),
            Self::NotHttp | Self::Refused(_) | Self::Cut | Self::TooLarge => None,
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The status without its agents, once all of them were read.
#[derive(Debug)]
pub struct Head(Vec<u8>);

impl Head {
    pub fn status(&self) -> Result<Status<'_>, Fault> {
        Status::parse(&self.0).map_err(Fault::NotAStatus)
    }

    /// On one line, whatever layout it came in.
    pub fn line(&self) -> Vec<u8> {
        one_line(&self.0)
    }
}

/// JSON holds line ends between its words only, where a space says the same.
pub fn one_line(json: &[u8]) -> Vec<u8> {
    let space = |byte: &u8| if byte.is_ascii_control() { b' ' } else { *byte };
    json.iter().map(space).collect()
}

/// Hands every agent's row to `each`, with the hash of the config the controller serves where it
/// said so before: ours does.
pub fn each_agent(
    endpoint: &Endpoint,
    mut each: impl FnMut(Option<&str>, &[u8]) -> Result<(), Failure>,
) -> Result<Head, Failure> {
    let failed = |fault| Failure::Controller(endpoint.to_string(), fault);
    let mut pieces = Pieces::new(get::status(endpoint).map_err(failed)?);
    let mut wanted: Option<Option<String>> = None;
    while pieces.next_row().map_err(failed)? {
        let wanted = wanted.get_or_insert_with(|| config_hash(pieces.head()));
        each(wanted.as_deref(), pieces.row())?;
    }
    let head = Head(pieces.into_head());
    head.status().map_err(failed)?;
    Ok(head)
}

/// What the controller knows of the evidence of one agent.
#[derive(Debug)]
pub enum Reported {
    Head(Anchor),
    /// The agent has told of no seal yet.
    NoSeal,
    NoSuchAgent,
}

pub fn evidence_head(endpoint: &Endpoint, agent_id: &str) -> Result<Reported, Failure> {
    let mut reported = Reported::NoSuchAgent;
    each_agent(endpoint, |_, row| {
        // One that cannot be read is another build's, or none.
        let agent = AgentStatus::parse(row).ok();
        if let Some(agent) = agent.filter(|agent| agent.agent_id == agent_id) {
            reported = head_of(&agent);
        }
        Ok(())
    })?;
    Ok(reported)
}

fn head_of(agent: &AgentStatus<'_>) -> Reported {
    let head = agent.evidence_head.as_ref();
    let anchor = head.and_then(|head| {
        Some(Anchor {
            sha256: Sha::from_text(&head.sha256)?,
            seal: Some(head.seal.to_string()),
        })
    });
    anchor.map_or(Reported::NoSeal, Reported::Head)
}

/// From a status of which only what stands before its agents has come.
fn config_hash(beginning: &[u8]) -> Option<String> {
    let whole = [beginning, b"]}"].concat();
    let status: Value = serde_json::from_slice(&whole).ok()?;
    status["config"]["config_hash"].as_str().map(str::to_owned)
}

//! The three calls of a turn: what is sent, and what an answer means.
//!
//! What went wrong is told by kind and status alone. Nothing of a body or a header of either side
//! gets any further.

use std::fmt;
use std::time::Duration;

use tapio_wire::limits::{CONFIG_RESPONSE_BYTES_MAX, RESPONSE_BYTES_MAX};
use tapio_wire::query::{etag, etag_matches};
use tapio_wire::{
    AgentQuery, Batching, ErrorCode, ErrorEnvelope, Heartbeat, HeartbeatResponse, HelloResponse,
    WireError,
};

use super::about::About;
use super::link::Link;
use crate::http::{Answer, CallError, Client, Leave, Limits, Request};

/// A controller answers in a millisecond; one that is far away or busy in a hundred.
pub const LIMITS: Limits = Limits {
    connect: Duration::from_secs(3),
    call: Duration::from_secs(5),
    body_bytes_max: RESPONSE_BYTES_MAX,
};

pub const JSON: (&str, &str) = ("Content-Type", "application/json");

/// Why a call did not do what it is for.
#[derive(Debug)]
pub enum Trouble {
    Call(CallError),
    /// Answered with this status, and the protocol's own code if it was one.
    Status(u16, Option<ErrorCode>),
    /// An answer of status 200 that is none of the protocol.
    Unreadable(WireError),
    /// Nothing changed, it says, of a config that the agent has not got.
    OtherTag,
    /// The registry has no room for this agent.
    Full,
}

impl fmt::Display for Trouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => error.fmt(out),
            Self::Status(status, code) => {
                write!(out, "it answered {status}")?;
                code.map_or(Ok(()), |code| write!(out, " {}", code.name()))
            }
            Self::Unreadable(error) => {
                write!(
                    out,
                    "its answer is none of tapio-wire/v1: {}",
                    error.code.name()
                )
            }
            Self::OtherTag => out.write_str("it answered 304 for another config than the agent's"),
            Self::Full => out.write_str("its registry is full"),
        }
    }
}

impl Trouble {
    /// Whether nobody was there at all.
    pub fn is_unreached(&self) -> bool {
        match self {
            Self::Call(error) => error.is_unreached(),
            Self::Status(..) | Self::Unreadable(_) | Self::OtherTag | Self::Full => false,
        }
    }

    /// What an answer of another status than the wanted one means.
    pub fn of_status(answer: &Answer) -> Self {
        let envelope = ErrorEnvelope::parse(&answer.body).ok();
        let code = envelope.and_then(|envelope| ErrorCode::from_name(&envelope.error.code));
        Self::Status(
            answer.status,
            code.filter(|code| code.status() == answer.status),
        )
    }
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<WireError> for Trouble {
    fn from(error: WireError) -> Self {
        Self::Unreadable(error)
    }
}

/// What the controller has to say about the config.
#[derive(Debug)]
pub enum Fetched {
    /// What the agent runs on is what it should run on.
    Unchanged,
    Offered {
        body: Vec<u8>,
        /// The hash in the entity tag, if there was one.
        tagged: Option<String>,
    },
}

/// The calls, over one connection at a time.
#[derive(Debug)]
pub struct Exchange<'a> {
    client: Client,
    link: &'a Link,
}

impl<'a> Exchange<'a> {
    pub fn new(link: &'a Link) -> Self {
        Self {
            client: Client::new(link.endpoint.clone(), LIMITS),
            link,
        }
    }

    /// Registers.
    pub fn hello(&mut self, about: &About, leave: &Leave<'_>) -> Result<(), Trouble> {
        let hello = about.hello(self.link);
        let body = serde_json::to_vec(&hello).map_err(|_| WireError::internal())?;
        let answer = self.post("/v1/agents/hello", &body, leave)?;
        let response = HelloResponse::parse(&answer.body)?;
        self.link.set_batching(Batching {
            send_interval_ms: response.send_interval_ms,
            max_batch_events: response.max_batch_events,
        });
        match response.accepted {
            true => Ok(()),
            false => Err(Trouble::Full),
        }
    }

    /// Asks for another config than that of `hash`.
    pub fn config(&mut self, hash: Option<&str>, leave: &Leave<'_>) -> Result<Fetched, Trouble> {
        let query = AgentQuery {
            agent_id: self.link.agent_id.as_str().into(),
            node_name: self.link.node_name.as_str().into(),
        };
        let target = format!("/v1/agents/config?{}", query.to_query());
        let tag = hash.map(etag);
        let headers: Vec<_> = tag
            .iter()
            .map(|tag| ("If-None-Match", tag.as_str()))
            .collect();
        let request = Request {
            target: &target,
            headers: &headers,
            body: None,
        };
        let answer = self
            .client
            .call_within(&request, CONFIG_RESPONSE_BYTES_MAX, leave)?;
        match (answer.status, hash) {
            (200, _) => {
                let tag = answer.etag.as_deref().map(|tag| tag.trim_matches('"'));
                Ok(Fetched::Offered {
                    tagged: tag.map(str::to_owned),
                    body: answer.body,
                })
            }
            (304, Some(hash)) => match &answer.etag {
                Some(tag) if !etag_matches(tag, hash) => Err(Trouble::OtherTag),
                Some(_) | None => Ok(Fetched::Unchanged),
            },
            (304, None) => Err(Trouble::OtherTag),
            (_, _) => Err(Trouble::of_status(&answer)),
        }
    }

    /// Says how the agent fares; false if the controller does not know it.
    pub fn heartbeat(
        &mut self,
        heartbeat: &Heartbeat<'_>,
        leave: &Leave<'_>,
    ) -> Result<bool, Trouble> {
        let body = serde_json::to_vec(heartbeat).map_err(|_| WireError::internal())?;
        let answer = self.post("/v1/agents/heartbeat", &body, leave)?;
        Ok(HeartbeatResponse::parse(&answer.body)?.accepted)
    }

    /// The turn is over.
    pub fn close(&mut self) {
        self.client.close();
    }

    fn post(&mut self, target: &str, body: &[u8], leave: &Leave<'_>) -> Result<Answer, Trouble> {
        let request = Request {
            target,
            headers: &[JSON],
            body: Some(body),
        };
        let answer = self.client.call(&request, leave)?;
        match answer.status {
            200 => Ok(answer),
            _ => Err(Trouble::of_status(&answer)),
        }
    }
}

#[cfg(test)]
mod tests;

//! Calls to one endpoint, over a connection that is kept between them until it is closed.
//!
//! A call that finds the kept connection gone before any answer came is made once more on a fresh
//! one; no other call is repeated here, that is for whoever knows what it means.

use std::io;
use std::time::Duration;

use super::answer::{self, Answer};
use super::connection::{Connection, Until};
use super::error::CallError;
use super::leave::Leave;
use super::request::Request;
use super::resolve::Resolver;
use crate::clock;
use tapio_wire::endpoint::Endpoint;

/// What bounds every call.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// To find the peer and to connect to it.
    pub connect: Duration,
    /// For all of a call, connecting included.
    pub call: Duration,
    pub body_bytes_max: usize,
}

/// One endpoint, as one thread speaks to it.
#[derive(Debug)]
pub struct Client {
    endpoint: Endpoint,
    limits: Limits,
    resolver: Resolver,
    kept: Option<Connection>,
}

impl Client {
    pub fn new(endpoint: Endpoint, limits: Limits) -> Self {
        Self {
            endpoint,
            limits,
            resolver: Resolver::default(),
            kept: None,
        }
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Asks, and takes any answer, whatever its status.
    pub fn call(&mut self, request: &Request<'_>, leave: &Leave<'_>) -> Result<Answer, CallError> {
        self.call_within(request, self.limits.body_bytes_max, leave)
    }

    /// The same, with a bound of its own for the answer's body.
    pub fn call_within(
        &mut self,
        request: &Request<'_>,
        body_bytes_max: usize,
        leave: &Leave<'_>,
    ) -> Result<Answer, CallError> {
        let until = Until {
            leave,
            deadline: clock::boot_nanos_in(self.limits.call),
        };
        let mut bytes = request.head(&self.endpoint);
        bytes.extend_from_slice(request.body.unwrap_or_default());
        if let Some(kept) = self.kept.take() {
            match self.exchange(kept, &bytes, body_bytes_max, until) {
                Err(CallError::NoAnswer | CallError::Broken(_)) => {}
                outcome => return outcome,
            }
        }
        let fresh = self.connect(until)?;
        self.exchange(fresh, &bytes, body_bytes_max, until)
    }

    /// Closes the kept connection, if there is one.
    pub fn close(&mut self) {
        self.kept = None;
    }

    fn exchange(
        &mut self,
        mut connection: Connection,
        bytes: &[u8],
        body_bytes_max: usize,
        until: Until<'_>,
    ) -> Result<Answer, CallError> {
        let was_sent = connection.write(bytes, until)?;
        let answer = answer::read(&mut connection, body_bytes_max, until)?;
        self.kept = (was_sent && answer.keeps).then_some(connection);
        Ok(answer)
    }

    fn connect(&mut self, until: Until<'_>) -> Result<Connection, CallError> {
        let deadline = clock::boot_nanos_in(self.limits.connect).min(until.deadline);
        let addresses = self
            .resolver
            .addresses(&self.endpoint, until.leave, deadline)
            .map_err(|error| match error {
                CallError::Late => CallError::Unresolved(io::ErrorKind::TimedOut.into()),
                other => other,
            })?;
        let mut failure = CallError::NoAnswer;
        for (at, address) in (0u64..).zip(&addresses) {
            // What is left is shared by the addresses that are, so that a silent one costs its part.
            let now = clock::boot_nanos();
            let others = u64::try_from(addresses.len())
                .unwrap_or(1)
                .saturating_sub(at)
                .max(1);
            let deadline = now.saturating_add(deadline.saturating_sub(now) / others);
            match Connection::open(*address, Until { deadline, ..until }) {
                Ok(connection) => return Ok(connection),
                Err(CallError::Left) => return Err(CallError::Left),
                Err(CallError::Late) => {
                    failure = CallError::Unconnected(io::ErrorKind::TimedOut.into());
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

#[cfg(test)]
mod tests;

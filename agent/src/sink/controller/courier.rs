//! Carries one body to the controller, as often as it takes, and says what became of it.
//!
//! An outage is one line in the log, and its end another. What the controller will never take is
//! told from what it cannot take now by the protocol's own error envelope: a proxy's 400 is an
//! outage like any other.

use std::time::Duration;

use tapio_wire::{ErrorCode, EventsResponse};

use crate::accounts::ControllerAccount;
use crate::http::{Backoff, CallError, Chance, Client, Leave, Request};
use crate::managed::{JSON, LIMITS, Link, Trouble};

const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(30);

/// What became of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Taken, or known to have been: so many events.
    Taken(u64),
    /// Too large for this controller; less of it may not be.
    TooLarge,
    /// It will never be taken as it is.
    Refused(ErrorCode),
    /// The agent leaves before anybody has taken it.
    Left,
}

/// One thread's way to the controller's `/v1/events`.
#[derive(Debug)]
pub struct Courier<'a> {
    client: Client,
    link: &'a Link,
    account: &'a ControllerAccount,
    backoff: Backoff,
    chance: Chance,
    /// The log has heard that nobody takes evidence.
    is_told: bool,
}

impl<'a> Courier<'a> {
    pub fn new(link: &'a Link, account: &'a ControllerAccount, chance: Chance) -> Self {
        Self {
            client: Client::new(link.endpoint.clone(), LIMITS),
            link,
            account,
            backoff: Backoff::new(RETRY_FIRST, RETRY_MAX),
            chance,
            is_told: false,
        }
    }

    pub fn link(&self) -> &'a Link {
        self.link
    }

    /// Returns when it is known what became of it, or when the agent leaves.
    pub fn carry(&mut self, body: &[u8], leave: &Leave<'_>) -> Fate {
        loop {
            let trouble = match self.try_once(body, leave) {
                Ok(fate) => {
                    self.succeed();
                    return fate;
                }
                Err(Trouble::Call(CallError::Left)) => return Fate::Left,
                Err(trouble) => trouble,
            };
            self.account.fail_to_send();
            self.tell(&trouble);
            let delay = self.backoff.delay(&mut self.chance);
            if leave.pause(delay) {
                return Fate::Left;
            }
        }
    }

    /// Nothing follows for now.
    pub fn rest(&mut self) {
        self.client.close();
    }

    fn try_once(&mut self, body: &[u8], leave: &Leave<'_>) -> Result<Fate, Trouble> {
        let request = Request {
            target: "/v1/events",
            headers: &[JSON],
            body: Some(body),
        };
        let answer = self.client.call(&request, leave)?;
        if answer.status == 200 {
            let response = EventsResponse::parse(&answer.body)?;
            return Ok(Fate::Taken(response.accepted));
        }
        match Trouble::of_status(&answer) {
            // Any size limit on the way says so, with our envelope or without.
            Trouble::Status(413, _) => Ok(Fate::TooLarge),
            Trouble::Status(
                _,
                Some(
                    code @ (ErrorCode::MissingField
                    | ErrorCode::InvalidField
                    | ErrorCode::MalformedJson
                    | ErrorCode::ReasoningField),
                ),
            ) => Ok(Fate::Refused(code)),
            // A controller of another version refuses every batch: that is an outage, not a
            // reason to give up evidence.
            other => Err(other),
        }
    }

    fn succeed(&mut self) {
        self.backoff.reset();
        if self.is_told {
            log::info!("controller {} takes evidence again", self.link.endpoint);
            self.is_told = false;
        }
    }

    fn tell(&mut self, trouble: &Trouble) {
        let peer = &self.link.endpoint;
        if self.is_told {
            log::debug!("controller {peer} takes no evidence: {trouble}");
        } else {
            log::warn!("controller {peer} takes no evidence, it waits: {trouble}");
            self.is_told = true;
        }
    }
}

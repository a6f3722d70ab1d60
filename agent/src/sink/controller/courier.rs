//! Carries one body to the controller, as often as it takes, and says what became of it.
//!
//! An outage is one line in the log, and its end another. What the controller will never take is
//! told from what it cannot take now by the protocol's own error envelope. A bare 400, as a proxy
//! says it to everything, or another version is about the batch alone if heartbeats get through.

use std::time::Duration;

use tapio_wire::{ErrorCode, EventsResponse};

use crate::accounts::ControllerAccount;
use crate::http::{Backoff, CallError, Chance, Client, Leave, Request};
use crate::managed::{JSON, LIMITS, Link, Trouble};

const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(30);

/// So many heartbeats are taken while a batch is refused without a reason of its own; the first may
/// have been on its way before.
const HEARTBEATS_MEANWHILE: u64 = 2;

/// What became of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Taken, or known to have been: so many events.
    Taken(u64),
    /// Too large for this controller; less of it may not be.
    TooLarge,
    /// It will never be taken as it is, whether a reason is given or not.
    Refused(Option<ErrorCode>),
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
        let mut doubted_at = None;
        loop {
            let trouble = match self.try_once(body, leave) {
                Ok(fate) => {
                    self.succeed();
                    return fate;
                }
                Err(Trouble::Call(CallError::Left)) => return Fate::Left,
                Err(trouble) => trouble,
            };
            if let Trouble::Status(400 | 422, code) = trouble {
                let heartbeats = self.link.heartbeats();
                let since = *doubted_at.get_or_insert(heartbeats);
                if heartbeats >= since + HEARTBEATS_MEANWHILE {
                    return Fate::Refused(code);
                }
            }
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
            ) => Ok(Fate::Refused(Some(code))),
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

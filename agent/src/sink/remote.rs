//! A sink that posts batches to a peer, in a thread of its own: what `http` and `otlp` share.
//!
//! A batch is encoded once and sent until the peer has taken it, refuses it for good, or the agent
//! leaves; meanwhile the outbox fills, and what does not fit is dropped and counted there. The peer
//! may get a batch twice, when its answer was lost: every occurrence has an id of its own. Order is
//! kept. When the agent leaves, what is left has a grace.

use std::time::Duration;

use tapio_common::sink::{DropReason, SinkAccount};

use super::credential::Header;
use super::name::SinkName;
use super::outbox::{Back, BatchLimits, Block, outbox};
use super::{Opened, SinkError};
use crate::clock;
use crate::http::{Answer, Backoff, CallError, Chance, Client, Endpoint, Leave, Limits, Request};
use crate::settings::Settings;
use crate::stop::Stop;

/// Lines of one batch; as OTLP some two and a half times as much.
const BATCH: BatchLimits = BatchLimits {
    bytes_max: 128 << 10,
    events_enough: u64::MAX,
    linger: Duration::from_secs(1),
};

const CALLS: Limits = Limits {
    connect: Duration::from_secs(5),
    call: Duration::from_secs(15),
    body_bytes_max: 64 << 10,
};

const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_MOST: Duration = Duration::from_secs(30);

/// How long a peer can delay the agent's leaving.
const GRACE: Duration = Duration::from_secs(2);

/// Of a peer's own words in our log.
const WORDS_MAX: usize = 200;

/// What one kind of peer is sent, and how its answers are read.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    pub name: SinkName,
    /// Below the endpoint's own path.
    pub target: &'static str,
    pub content_type: &'static str,
    pub encode: fn(&[Block]) -> Vec<u8>,
    /// Whether a request that got this status may be sent again.
    pub is_passing: fn(u16) -> bool,
    pub read: fn(&[u8]) -> Receipt,
}

/// What a peer says of a batch that it took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Occurrences it took notice of and will not keep.
    pub rejected: u64,
    pub words: String,
}

/// What became of one attempt.
#[derive(Debug)]
enum Outcome {
    Taken(Receipt),
    Failed(Trouble, Option<u64>),
    /// For good.
    Refused(Trouble),
    TooLarge,
}

#[derive(Debug)]
enum Trouble {
    Call(CallError),
    Status(u16, String),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Call(error) => error.fmt(out),
            Self::Status(status, words) if words.is_empty() => write!(out, "it answers {status}"),
            Self::Status(status, words) => write!(out, "it answers {status}: {words}"),
        }
    }
}

pub fn open<'a>(
    dialect: Dialect,
    endpoint: Option<&Endpoint>,
    settings: &Settings,
    account: &'a SinkAccount,
) -> Result<Opened<'a>, SinkError> {
    let endpoint = endpoint.ok_or(SinkError::NoUrl(dialect.name))?;
    let headers = headers(dialect.name, settings)?;
    Ok(connect(dialect, endpoint.clone(), headers, account))
}

/// Those of this sink. Where two sinks could be meant, the one has to be named: a secret for one
/// peer is none of the other's business.
fn headers(sink: SinkName, settings: &Settings) -> Result<Vec<Header>, SinkError> {
    let is_remote = |name: &&SinkName| matches!(name, SinkName::Http | SinkName::Otlp);
    let is_alone = settings.sinks.iter().filter(is_remote).count() < 2;
    let mut headers = Vec::new();
    for source in &settings.sink_headers {
        match source.sink {
            Some(named) if named != sink => {}
            None if !is_alone => return Err(SinkError::WhoseHeader(source.name.clone())),
            Some(_) | None => {
                let header = Header::open(&source.name, &source.path);
                headers.push(header.map_err(SinkError::Credential)?);
            }
        }
    }
    Ok(headers)
}

fn connect(
    dialect: Dialect,
    endpoint: Endpoint,
    headers: Vec<Header>,
    account: &SinkAccount,
) -> Opened<'_> {
    let (front, back) = outbox(account);
    let remote = Remote {
        dialect,
        client: Client::new(endpoint, CALLS),
        headers,
        back,
        backoff: Backoff::new(RETRY_FIRST, RETRY_MOST),
        // A fleet that starts together still has clocks that differ in their last digits.
        chance: Chance::new(clock::now().wall.0 ^ clock::boot_nanos().rotate_left(32)),
        is_failing: false,
        is_refusing: false,
    };
    Opened {
        front: Box::new(front),
        task: Some(Box::new(move |stop| {
            remote.run(stop);
            Ok(())
        })),
    }
}

/// The thread's whole self.
struct Remote<'a> {
    dialect: Dialect,
    client: Client,
    headers: Vec<Header>,
    back: Back<'a>,
    backoff: Backoff,
    chance: Chance,
    /// What is so now, so that it is logged once and not per batch.
    is_failing: bool,
    is_refusing: bool,
}

impl Remote<'_> {
    /// Runs until the front is gone and all it left is sent or counted.
    fn run(mut self, stop: &Stop) {
        let _guard = stop.guard();
        let leave = Leave::new(stop, GRACE);
        while let Some(batch) = self.back.batch(BATCH) {
            self.deliver(&batch, &leave);
        }
    }

    fn deliver(&mut self, batch: &[Block], leave: &Leave<'_>) {
        let body = (self.dialect.encode)(batch);
        while !leave.is_over() {
            // Who has failed before gets one more chance then, who has not gets two.
            let is_last = leave.is_asked() && self.is_failing;
            match self.attempt(&body, leave) {
                Outcome::Taken(receipt) => return self.taken(batch, &receipt),
                Outcome::TooLarge if batch.len() > 1 => {
                    let (first, rest) = batch.split_at(batch.len() / 2);
                    self.deliver(first, leave);
                    return self.deliver(rest, leave);
                }
                Outcome::TooLarge => {
                    return self.refused(batch, &Trouble::Status(413, String::new()));
                }
                Outcome::Refused(trouble) => return self.refused(batch, &trouble),
                Outcome::Failed(trouble, after) => self.failed(&trouble, after, is_last, leave),
            }
            if is_last {
                break;
            }
        }
        self.back.settle(batch, 0, DropReason::Stopped);
    }

    fn attempt(&mut self, body: &[u8], leave: &Leave<'_>) -> Outcome {
        self.headers.iter_mut().for_each(Header::refresh);
        let own = [("Content-Type", self.dialect.content_type)];
        let secrets = self.headers.iter();
        let secrets = secrets.map(|header| (header.name.as_str(), header.value().expose()));
        let headers: Vec<(&str, &str)> = own.into_iter().chain(secrets).collect();
        // A URL that names the place itself is taken at its word.
        let is_whole = self.client.endpoint().path.ends_with(self.dialect.target);
        let request = Request {
            target: if is_whole { "" } else { self.dialect.target },
            headers: &headers,
            body: Some(body),
        };
        match self.client.call(&request, leave) {
            Ok(answer) => self.judge(&answer),
            Err(error) => Outcome::Failed(Trouble::Call(error), None),
        }
    }

    fn judge(&self, answer: &Answer) -> Outcome {
        let trouble = || Trouble::Status(answer.status, words(&answer.body));
        match answer.status {
            200..=299 => Outcome::Taken((self.dialect.read)(&answer.body)),
            413 => Outcome::TooLarge,
            // A new secret may be on its way into the file.
            401 | 403 if !self.headers.is_empty() => Outcome::Failed(trouble(), None),
            status if (self.dialect.is_passing)(status) => {
                Outcome::Failed(trouble(), answer.retry_after)
            }
            _ => Outcome::Refused(trouble()),
        }
    }

    fn taken(&mut self, batch: &[Block], receipt: &Receipt) {
        self.backoff.reset();
        let events: u64 = batch.iter().map(Block::events).sum();
        let delivered = events.saturating_sub(receipt.rejected);
        self.back.settle(batch, delivered, DropReason::Refused);
        let (name, peer) = (self.dialect.name.name(), self.client.endpoint());
        if receipt.rejected > 0 {
            let rejected = events - delivered;
            log::warn!(
                "{name}: {peer} rejects {rejected} of {events}: {}",
                receipt.words
            );
        } else if !receipt.words.is_empty() {
            log::info!("{name}: {peer} takes {events} and says: {}", receipt.words);
        }
        if std::mem::take(&mut self.is_failing) {
            log::info!("{name}: {peer} takes evidence again");
        }
        self.is_refusing = false;
    }

    /// Says so once, and waits for the next attempt, or for the agent to leave.
    fn failed(&mut self, trouble: &Trouble, after: Option<u64>, is_last: bool, leave: &Leave<'_>) {
        if !std::mem::replace(&mut self.is_failing, true) {
            let (name, peer) = (self.dialect.name.name(), self.client.endpoint());
            log::warn!("{name}: {peer} does not take evidence, tried again: {trouble}");
        }
        if !is_last {
            let wished = Duration::from_secs(after.unwrap_or(0)).min(RETRY_MOST);
            let delay = self.backoff.delay(&mut self.chance);
            leave.pause(delay.max(wished));
        }
    }

    fn refused(&mut self, batch: &[Block], trouble: &Trouble) {
        if !std::mem::replace(&mut self.is_refusing, true) {
            let (name, peer) = (self.dialect.name.name(), self.client.endpoint());
            log::error!("{name}: {peer} refuses evidence, it is dropped and counted: {trouble}");
        }
        self.back.settle(batch, 0, DropReason::Refused);
    }
}

/// The beginning of what a peer says, fit for a log.
pub fn words(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let printable = text.trim().chars().flat_map(char::escape_debug);
    printable.take(WORDS_MAX).collect()
}

#[cfg(test)]
mod tests;

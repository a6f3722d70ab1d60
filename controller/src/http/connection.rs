//! One connection: its requests, their answers, and what it waits for.
//!
//! It never blocks and never waits: a turn reads once, answers what is whole, writes what the
//! peer takes, and says what it waits for. While an answer is not taken, nothing more is read.
//! An idle connection holds no buffer at all.

use std::io::{self, Read};
use std::net::{Shutdown, TcpStream};

use tapio_wire::WireError;

use super::head::Head;
use super::intake::{Intake, Taken};
use super::limits;
use super::message::{Body, Request, Response, TooLarge};
use super::outbox::Outbox;
use super::reply::{self, Date, Manner};
use crate::moment::Moment;
use crate::site::Site;

/// What a worker lends a connection for one turn.
pub struct Turn<'a> {
    pub site: &'a Site,
    pub now: Moment,
    pub date: &'a mut Date,
    /// What is read in this turn.
    pub scratch: &'a mut [u8],
    /// Answers of this turn; empty before and after.
    pub out: &'a mut Vec<u8>,
    /// The server is leaving: every answer is the last of its connection.
    pub leaving: bool,
}

/// What a connection waits for after its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Read,
    Write,
    Close,
}

/// How easily a connection can be done without; the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worth {
    /// Never asked anything, though there was time to.
    Silent,
    /// Between two requests.
    Idle,
    /// Just came: its first request may be on the wire.
    Fresh,
    /// In a request or an answer.
    Busy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// The last answer is made. `linger` where the peer may still be sending.
    Ending {
        linger: bool,
    },
    /// Said everything; so many bytes are still read and thrown away.
    Linger {
        left: usize,
    },
}

pub struct Connection {
    stream: TcpStream,
    intake: Intake,
    /// Read and not yet used.
    input: Vec<u8>,
    /// `input` may hold whole requests that had to wait for their turn.
    held_back: bool,
    answers: Answers,
}

/// The answering half; apart, because the asking half lends it requests.
struct Answers {
    phase: Phase,
    outbox: Outbox,
    /// Since when the connection waits in its phase.
    since_ms: u64,
    asked: bool,
}

impl Connection {
    pub fn new(stream: TcpStream, body_bytes_max: usize, now_ms: u64) -> Self {
        Self {
            stream,
            intake: Intake::new(body_bytes_max),
            input: Vec::new(),
            held_back: false,
            answers: Answers {
                phase: Phase::Open,
                outbox: Outbox::default(),
                since_ms: now_ms,
                asked: false,
            },
        }
    }

    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Reads, answers and writes as far as it goes without waiting.
    pub fn turn(&mut self, turn: &mut Turn<'_>) -> Wish {
        // Whatever is wrong with a connection, its peer is the only one to tell.
        self.try_turn(turn).unwrap_or(Wish::Close)
    }

    fn try_turn(&mut self, turn: &mut Turn<'_>) -> io::Result<Wish> {
        let now_ms = turn.now.uptime_ms;
        if !self.answers.outbox.go_on(&self.stream, now_ms)? {
            return Ok(Wish::Write);
        }
        match self.answers.phase {
            Phase::Open => {}
            Phase::Ending { linger } => return self.end(linger, now_ms),
            Phase::Linger { left } => return self.linger(left, turn.scratch),
        }
        if self.held_back {
            let input = std::mem::take(&mut self.input);
            self.use_up(input, turn);
        } else {
            match self.stream.read(turn.scratch) {
                Ok(0) => return Ok(Wish::Close),
                Ok(len) => self.take_in(len, turn),
                Err(error) if super::is_nothing_yet(&error) => return Ok(Wish::Read),
                Err(error) => return Err(error),
            }
        }
        self.answers.outbox.send(turn.out, &self.stream, now_ms)?;
        turn.out.clear();
        if !self.answers.outbox.is_empty() || self.held_back {
            return Ok(Wish::Write);
        }
        match self.answers.phase {
            Phase::Open | Phase::Linger { .. } => Ok(Wish::Read),
            Phase::Ending { linger } => self.end(linger, now_ms),
        }
    }

    /// Uses what was just read; where nothing is left of earlier reads, without copying it.
    fn take_in(&mut self, len: usize, turn: &mut Turn<'_>) {
        if !self.input.is_empty() {
            let mut input = std::mem::take(&mut self.input);
            input.extend_from_slice(turn.scratch.get(..len).unwrap_or_default());
            self.use_up(input, turn);
            return;
        }
        let was_idle = self.intake.is_in_head();
        let scratch = std::mem::take(&mut turn.scratch);
        let came = scratch.get(..len).unwrap_or_default();
        let used = self.consume(came, turn);
        self.input
            .extend_from_slice(came.get(used..).unwrap_or_default());
        turn.scratch = scratch;
        if was_idle && !(self.input.is_empty() && self.intake.is_in_head()) {
            self.answers.since_ms = turn.now.uptime_ms; // a request began
        }
    }

    fn use_up(&mut self, mut input: Vec<u8>, turn: &mut Turn<'_>) {
        let used = self.consume(&input, turn);
        if used < input.len() {
            input.drain(..used);
            self.input = input;
        }
    }

    /// Answers the whole requests in `bytes`, as many as may be; says how much was used.
    fn consume(&mut self, bytes: &[u8], turn: &mut Turn<'_>) -> usize {
        let mut done = 0;
        self.held_back = false;
        for _ in 0..limits::REQUESTS_PER_TURN_MAX {
            let whole = match self.intake.take(bytes.get(done..).unwrap_or_default()) {
                Taken::Part { used, invite } => {
                    done += used;
                    if invite {
                        turn.out.extend_from_slice(reply::CONTINUE);
                    }
                    false
                }
                Taken::Request { used, head, body } => {
                    done += used;
                    self.answers.answer(&head, body, turn);
                    true
                }
                Taken::Refused(error) => {
                    self.answers.refuse(&error, turn);
                    true
                }
            };
            if whole {
                self.intake.settle();
            }
            if self.answers.phase != Phase::Open {
                return bytes.len(); // whatever follows the last request is nobody's
            }
            if !whole || done == bytes.len() {
                return done;
            }
            if self.answers.outbox.is_making() || turn.out.len() > limits::ANSWERS_AHEAD_BYTES_MAX {
                break;
            }
        }
        self.held_back = true;
        done
    }

    /// After the last answer.
    fn end(&mut self, linger: bool, now_ms: u64) -> io::Result<Wish> {
        if !linger {
            return Ok(Wish::Close);
        }
        self.stream.shutdown(Shutdown::Write)?;
        self.input = Vec::new();
        self.answers.since_ms = now_ms;
        self.answers.phase = Phase::Linger {
            left: limits::LINGER_BYTES_MAX,
        };
        Ok(Wish::Read)
    }

    fn linger(&mut self, left: usize, scratch: &mut [u8]) -> io::Result<Wish> {
        match self.stream.read(scratch) {
            Ok(0) => Ok(Wish::Close),
            Ok(len) if len < left => {
                self.answers.phase = Phase::Linger { left: left - len };
                Ok(Wish::Read)
            }
            Ok(_) => Ok(Wish::Close),
            Err(error) if super::is_nothing_yet(&error) => Ok(Wish::Read),
            Err(error) => Err(error),
        }
    }

    /// Whether it is in an answer that is made while it is sent.
    pub fn is_bulk(&self) -> bool {
        self.answers.outbox.is_making()
    }

    /// When it is closed if nothing happens.
    pub fn deadline_ms(&self) -> u64 {
        let patience_ms = match self.answers.phase {
            Phase::Open if self.is_between_requests() => limits::IDLE_MS_MAX,
            Phase::Open if self.intake.is_in_head() => limits::HEAD_MS_MAX,
            Phase::Open => limits::REQUEST_MS_MAX,
            Phase::Ending { .. } | Phase::Linger { .. } => limits::LINGER_MS_MAX,
        };
        self.answers
            .outbox
            .deadline_ms()
            .unwrap_or(self.answers.since_ms + patience_ms)
    }

    pub fn worth(&self, now_ms: u64) -> Worth {
        let fresh = now_ms < self.answers.since_ms + limits::FRESH_MS_MAX;
        let idle = self.answers.phase == Phase::Open && self.is_between_requests();
        match (idle && self.answers.outbox.is_empty(), self.answers.asked) {
            (true, false) if fresh => Worth::Fresh,
            (true, false) => Worth::Silent,
            (true, true) => Worth::Idle,
            (false, _) => Worth::Busy,
        }
    }

    /// Since when nothing was heard of its peer.
    pub fn quiet_since_ms(&self) -> u64 {
        self.answers.since_ms.max(self.answers.outbox.taken_ms())
    }

    pub fn buffered_bytes(&self) -> usize {
        self.input.capacity() + self.answers.outbox.buffered_bytes() + self.intake.buffered_bytes()
    }

    fn is_between_requests(&self) -> bool {
        self.intake.is_in_head() && self.input.is_empty()
    }
}

impl Answers {
    fn answer(&mut self, head: &Head<'_>, body: Result<&[u8], TooLarge>, turn: &mut Turn<'_>) {
        let request = Request {
            method: head.method,
            path: head.path,
            query: head.query,
            if_none_match: head.if_none_match,
            body,
        };
        let response = turn.site.answer(request, turn.now);
        // Without chunks, only the end of the connection ends a body of unknown length.
        let endless = head.is_1_0 && matches!(response.body, Body::Pages(_));
        let may_keep = body.is_ok() && !turn.leaving && !endless;
        self.say(response, Manner::of(head, may_keep), body.is_err(), turn);
    }

    /// For what is no request at all: an answer, and the end.
    fn refuse(&mut self, error: &WireError, turn: &mut Turn<'_>) {
        let response = turn.site.refuse(error);
        self.say(response, Manner::LAST, true, turn);
    }

    fn say(&mut self, response: Response, manner: Manner, linger: bool, turn: &mut Turn<'_>) {
        let date = turn.date.at(turn.now.unix_seconds);
        let rest = reply::write(response, manner, date, turn.out);
        self.outbox.begin(rest, turn.now.uptime_ms);
        self.asked = true;
        self.since_ms = turn.now.uptime_ms;
        if !manner.keep_alive {
            self.phase = Phase::Ending { linger };
        }
    }
}

#[cfg(test)]
mod tests;

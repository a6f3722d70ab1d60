//! What a peer is still to be sent, and how patient we are with it.

use std::io::{self, ErrorKind, Write};

use super::limits;
use super::reply::Rest;

#[derive(Default)]
pub struct Outbox {
    /// Made and not taken: from `sent` on.
    bytes: Vec<u8>,
    sent: usize,
    /// The part of an answer that is not yet made.
    rest: Option<Rest>,
    /// When the answer under way was begun, and when the peer last took some of it.
    since_ms: u64,
    taken_ms: u64,
}

impl Outbox {
    /// An answer begins; `rest` of it is made as the peer takes it.
    pub fn begin(&mut self, rest: Option<Rest>, now_ms: u64) {
        self.rest = rest;
        self.since_ms = now_ms;
        self.taken_ms = now_ms;
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.rest.is_none()
    }

    pub fn is_making(&self) -> bool {
        self.rest.is_some()
    }

    /// Sends new answers, and keeps what is not taken. Nothing else may be left to send.
    pub fn send(&mut self, out: &[u8], stream: impl Write, now_ms: u64) -> io::Result<()> {
        if out.is_empty() {
            return Ok(());
        }
        let sent = self.write(out, stream, now_ms)?;
        self.bytes
            .extend_from_slice(out.get(sent..).unwrap_or_default());
        Ok(())
    }

    /// Sends what is left, and one page more; false while something is left.
    pub fn go_on(&mut self, mut stream: impl Write, now_ms: u64) -> io::Result<bool> {
        if !self.send_left(&mut stream, now_ms)? {
            return Ok(false);
        }
        let Some(rest) = &mut self.rest else {
            return Ok(true);
        };
        if !rest.write_page(&mut self.bytes) {
            self.rest = None;
        }
        Ok(self.send_left(&mut stream, now_ms)? && self.rest.is_none())
    }

    fn send_left(&mut self, stream: impl Write, now_ms: u64) -> io::Result<bool> {
        if self.bytes.is_empty() {
            return Ok(true);
        }
        let mut bytes = std::mem::take(&mut self.bytes);
        let left = bytes.get(self.sent..).unwrap_or_default();
        self.sent += self.write(left, stream, now_ms)?;
        if self.sent < bytes.len() {
            self.bytes = bytes;
            return Ok(false);
        }
        self.sent = 0;
        if self.rest.is_some() {
            bytes.clear(); // the next page goes into the same room
            self.bytes = bytes;
        }
        Ok(true)
    }

    /// Writes what the peer takes now.
    fn write(&mut self, bytes: &[u8], mut stream: impl Write, now_ms: u64) -> io::Result<usize> {
        match stream.write(bytes) {
            Ok(0) => Err(ErrorKind::WriteZero.into()),
            Ok(sent) => {
                self.taken_ms = now_ms;
                Ok(sent)
            }
            Err(error) if super::is_nothing_yet(&error) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// When the peer last took something.
    pub fn taken_ms(&self) -> u64 {
        self.taken_ms
    }

    /// When patience ends, while there is something to send.
    pub fn deadline_ms(&self) -> Option<u64> {
        let stalled = self.taken_ms + limits::WRITE_STALL_MS_MAX;
        let whole = self.since_ms + limits::ANSWER_MS_MAX;
        (!self.is_empty()).then(|| stalled.min(whole))
    }

    pub fn buffered_bytes(&self) -> usize {
        self.bytes.capacity()
    }
}

//! The requests that are sent, ready as bytes before the clock starts.
//!
//! Batches must differ in their sequence, or the controller would be right to take them for
//! resends: their number is written with a fixed width and patched in place.

use serde_json::Value;
use tapio_tests::http::Request;
use tapio_tests::payload;

/// Digits of a sequence that is patched; the first is never zero.
const DIGITS: usize = 10;
const FIRST_SEQUENCE: u64 = 1_000_000_000;

/// What one connection sends, again and again.
#[derive(Debug, Clone)]
pub struct Source {
    bytes: Vec<u8>,
    /// Where the sequence stands, if the request has one.
    sequence_at: Option<usize>,
    sent: u64,
}

impl Source {
    pub fn fixed(request: &Request) -> Self {
        Self {
            bytes: request.to_bytes(),
            sequence_at: None,
            sent: 0,
        }
    }

    /// Batches of `events` events, each with the next sequence.
    ///
    /// # Panics
    /// When the sequence is not found in the batch, which it is.
    pub fn batches(agent_id: &str, events: usize, keeps: bool) -> Self {
        let request = request(
            payload::EVENTS,
            &payload::batch(agent_id, FIRST_SEQUENCE, events),
            keeps,
        );
        let bytes = request.to_bytes();
        let marker = format!("\"sequence\":{FIRST_SEQUENCE}");
        let at = bytes
            .windows(marker.len())
            .position(|window| window == marker.as_bytes())
            .expect("a batch has a sequence");
        Self {
            bytes,
            sequence_at: Some(at + marker.len() - DIGITS),
            sent: 0,
        }
    }

    /// The next request's bytes.
    pub fn next(&mut self) -> &[u8] {
        if let Some(at) = self.sequence_at {
            let digits = (FIRST_SEQUENCE + self.sent).to_string();
            self.bytes[at..at + DIGITS].copy_from_slice(digits.as_bytes());
        }
        self.sent += 1;
        &self.bytes
    }
}

/// A POST of this payload that keeps its connection or does not.
pub fn request(target: &str, body: &Value, keeps: bool) -> Request {
    closing(Request::post_json(target, body), keeps)
}

/// A GET that keeps its connection or does not.
pub fn get(target: &str, keeps: bool) -> Request {
    closing(Request::get(target), keeps)
}

fn closing(request: Request, keeps: bool) -> Request {
    match keeps {
        true => request,
        false => request.header("Connection", "close"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_batch_has_the_next_sequence() {
        let mut source = Source::batches("a", 1, true);
        for wanted in [1_000_000_000_u64, 1_000_000_001] {
            let text = String::from_utf8_lossy(source.next()).into_owned();
            let body = text
                .split_once("\r\n\r\n")
                .map(|(_, body)| body)
                .expect("a body");
            let batch: Value = serde_json::from_str(body).expect("JSON");
            assert_eq!(batch["sequence"], wanted);
        }
    }
}

//! From bytes to requests: one after the other, whole or not at all.
//!
//! Pure: it is shown what was read and not used so far, and says what that is. A request that is
//! whole in the bytes is borrowed from them; only a chunked body, which never is, is gathered.

use tapio_wire::{ErrorCode, WireError};

use super::chunked::{BadChunks, Decoder};
use super::head::{self, BadHead, Framing, Head};
use super::limits::{HEAD_BYTES_MAX, LEADING_BYTES_MAX};
use super::message::TooLarge;

/// What the bytes are.
pub enum Taken<'a> {
    /// The beginning of a request, at most. `invite` where the peer waits to be told to go on.
    Part { used: usize, invite: bool },
    Request {
        used: usize,
        head: Head<'a>,
        body: Result<&'a [u8], TooLarge>,
    },
    /// No request, and no telling where the next one would begin.
    Refused(WireError),
}

enum State {
    /// Between requests or in a head, of which so many bytes were looked at in vain.
    Head { scanned: usize },
    /// In a body; head and body together have so many bytes.
    Body { whole: usize },
    /// In a chunked body, whose head is kept aside.
    Chunked(Box<Chunked>),
}

struct Chunked {
    head: Vec<u8>,
    decoder: Decoder,
}

pub struct Intake {
    body_bytes_max: usize,
    /// Bytes of empty lines since the last request.
    leading_bytes: usize,
    state: State,
}

impl Intake {
    pub fn new(body_bytes_max: usize) -> Self {
        Self {
            body_bytes_max,
            leading_bytes: 0,
            state: State::Head { scanned: 0 },
        }
    }

    /// Looks at all bytes that were not used so far.
    pub fn take<'a>(&'a mut self, bytes: &'a [u8]) -> Taken<'a> {
        let taken = match self.state {
            State::Head { scanned } => self.take_head(bytes, scanned),
            State::Body { whole } => self.take_body(bytes, whole),
            State::Chunked(_) => self.take_chunks(bytes, 0),
        };
        taken.unwrap_or_else(|bad| Taken::Refused(bad.into()))
    }

    /// The request was answered: the next one begins with the next byte.
    pub fn settle(&mut self) {
        self.leading_bytes = 0;
        self.state = State::Head { scanned: 0 };
    }

    pub fn is_in_head(&self) -> bool {
        matches!(self.state, State::Head { .. })
    }

    pub fn buffered_bytes(&self) -> usize {
        match &self.state {
            State::Head { .. } | State::Body { .. } => 0,
            State::Chunked(chunked) => chunked.head.capacity() + chunked.decoder.buffered_bytes(),
        }
    }

    fn take_head<'a>(&'a mut self, bytes: &'a [u8], scanned: usize) -> Result<Taken<'a>, BadHead> {
        let skipped = leading_line_breaks(bytes);
        self.leading_bytes += skipped;
        if self.leading_bytes > LEADING_BYTES_MAX {
            return Err(BadHead::RequestLine);
        }
        let rest = bytes.get(skipped..).unwrap_or_default();
        // A head that dribbles in is read again only when another line has ended.
        let unseen = rest.get(scanned..).unwrap_or_default();
        let whole = match unseen.contains(&b'\n') || rest.len() >= HEAD_BYTES_MAX {
            true => head::parse(rest)?,
            false => None,
        };
        let Some(head) = whole else {
            self.state = State::Head {
                scanned: rest.len(),
            };
            return Ok(Taken::Part {
                used: skipped,
                invite: false,
            });
        };
        let end = head.bytes;
        let request = |body, used| Taken::Request {
            used: skipped + used,
            head,
            body,
        };
        match head.framing {
            Framing::None => Ok(request(Ok(&[]), end)),
            Framing::Chunked => {
                self.state = State::Chunked(Box::new(Chunked {
                    head: rest.get(..end).unwrap_or_default().to_vec(),
                    decoder: Decoder::new(self.body_bytes_max),
                }));
                let used = skipped + end;
                if head.expects_continue && used == bytes.len() {
                    return Ok(Taken::Part { used, invite: true });
                }
                self.take_chunks(bytes.get(used..).unwrap_or_default(), used)
            }
            Framing::Length(length) => {
                let whole = usize::try_from(length)
                    .ok()
                    .filter(|length| *length <= self.body_bytes_max)
                    .map(|length| end + length);
                match whole.map(|whole| (whole, rest.get(end..whole))) {
                    None => Ok(request(Err(TooLarge), end)),
                    Some((whole, Some(body))) => Ok(request(Ok(body), whole)),
                    Some((whole, None)) => {
                        self.state = State::Body { whole };
                        Ok(Taken::Part {
                            used: skipped,
                            invite: head.expects_continue,
                        })
                    }
                }
            }
        }
    }

    /// The head is read again once its body is there: that is cheaper than keeping it.
    fn take_body<'a>(&'a mut self, bytes: &'a [u8], whole: usize) -> Result<Taken<'a>, BadHead> {
        let Some(request) = bytes.get(..whole) else {
            return Ok(Taken::Part {
                used: 0,
                invite: false,
            });
        };
        let head = head::parse(request)?.ok_or(BadHead::RequestLine)?;
        Ok(Taken::Request {
            used: whole,
            head,
            body: Ok(request.get(head.bytes..).unwrap_or_default()),
        })
    }

    fn take_chunks<'a>(&'a mut self, bytes: &[u8], before: usize) -> Result<Taken<'a>, BadHead> {
        let State::Chunked(chunked) = &mut self.state else {
            return Ok(Taken::Part {
                used: before,
                invite: false,
            });
        };
        let (used, body) = match chunked.decoder.feed(bytes) {
            Ok(used) if !chunked.decoder.is_done() => {
                return Ok(Taken::Part {
                    used: before + used,
                    invite: false,
                });
            }
            Ok(used) => (used, Ok(chunked.decoder.body())),
            Err(BadChunks::TooLarge) => (bytes.len(), Err(TooLarge)),
            Err(BadChunks::Malformed) => {
                let message = "the chunked body is malformed";
                let error = WireError::new(ErrorCode::InvalidField, message);
                return Ok(Taken::Refused(error));
            }
        };
        Ok(Taken::Request {
            used: before + used,
            head: head::parse(&chunked.head)?.ok_or(BadHead::RequestLine)?,
            body,
        })
    }
}

/// Line breaks between two requests, which some clients send after a body.
fn leading_line_breaks(bytes: &[u8]) -> usize {
    let pairs = bytes.chunks_exact(2);
    2 * pairs.take_while(|pair| *pair == b"\r\n").count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out of `raw`, given in pieces of `piece` bytes: the path and body of each
    /// request, or how it ended.
    fn requests(raw: &[u8], piece: usize) -> Vec<String> {
        let mut intake = Intake::new(10);
        let (mut input, mut found) = (Vec::new(), Vec::new());
        for part in raw.chunks(piece) {
            input.extend_from_slice(part);
            loop {
                let (used, text) = match intake.take(&input) {
                    Taken::Part { used, invite } => {
                        found.extend(invite.then(|| "go on".to_owned()));
                        input.drain(..used);
                        break;
                    }
                    Taken::Request { used, head, body } => {
                        let body = body.map(String::from_utf8_lossy);
                        (used, format!("{} {body:?}", head.path))
                    }
                    Taken::Refused(error) => {
                        found.push(error.message.into_owned());
                        return found;
                    }
                };
                let ends = text.ends_with("Err(TooLarge)");
                found.push(text);
                if ends {
                    return found;
                }
                intake.settle();
                input.drain(..used);
            }
        }
        assert!(intake.is_in_head(), "{raw:?} ends in a body");
        found
    }

    #[test]
    fn requests_are_the_same_however_they_come() {
        let raw = b"GET /a HTTP/1.1\r\n\r\n\
            POST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nxyz\r\n\
            POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n\
            POST /d HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789\
            GET /e HTTP/1.0\r\n\r\n";
        for piece in 1..=raw.len() {
            assert_eq!(
                requests(raw, piece),
                [
                    "/a Ok(\"\")",
                    "/b Ok(\"xyz\")",
                    "/c Ok(\"abc\")",
                    "/d Ok(\"0123456789\")",
                    "/e Ok(\"\")"
                ],
                "in pieces of {piece}"
            );
        }
    }

    #[test]
    fn one_byte_over_the_limit_ends_it() {
        for raw in [
            "POST /a HTTP/1.1\r\nContent-Length: 11\r\n\r\n",
            "POST /a HTTP/1.1\r\nContent-Length: 10000000000\r\n\r\n",
            "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n",
        ] {
            assert_eq!(
                requests(raw.as_bytes(), raw.len()),
                ["/a Err(TooLarge)"],
                "{raw}"
            );
        }
    }

    #[test]
    fn a_peer_that_waits_is_told_to_go_on_once() {
        for framing in ["Content-Length: 2", "Transfer-Encoding: chunked"] {
            let head = format!("POST /a HTTP/1.1\r\nExpect: 100-continue\r\n{framing}\r\n\r\n");
            let mut intake = Intake::new(10);
            assert!(matches!(
                intake.take(head.as_bytes()),
                Taken::Part { invite: true, .. }
            ));
        }
        let all = b"POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab";
        assert_eq!(requests(all, all.len()), ["/a Ok(\"ab\")"]);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let lines = "\r\n".repeat(LEADING_BYTES_MAX / 2 + 1);
        for (raw, message) in [
            (lines.as_str(), "the request line is malformed"),
            ("nonsense\r\n\r\n", "the request line is malformed"),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "the chunked body is malformed",
            ),
        ] {
            for piece in 1..=raw.len() {
                assert_eq!(
                    requests(raw.as_bytes(), piece),
                    [message],
                    "{raw:?} {piece}"
                );
            }
        }
        let fewer = format!("{}GET /a HTTP/1.1\r\n\r\n", &lines[2..]);
        assert_eq!(requests(fewer.as_bytes(), 1), ["/a Ok(\"\")"]);
    }
}

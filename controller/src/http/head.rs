//! The head of a request: request line and headers, to the letter and nothing more lenient.
//!
//! What two programs could read in two ways is refused: a bare line feed, a folded header, two
//! lengths, a length beside chunks. Only the headers that change what the server does are kept.

mod cursor;

use tapio_wire::{ErrorCode, WireError};

use super::limits::{HEAD_BYTES_MAX, HEADER_LINES_MAX};
use super::message::Method;
use cursor::{Cursor, GRAPHIC, Stop, TOKEN};

/// How the body is told from what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    None,
    Length(u64),
    Chunked,
}

/// A head, borrowed from the bytes it was read into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head<'a> {
    pub method: Method,
    /// An answer to HEAD has no body.
    pub is_head: bool,
    pub path: &'a str,
    pub query: &'a str,
    pub if_none_match: Option<&'a str>,
    pub framing: Framing,
    pub keep_alive: bool,
    /// HTTP/1.0 has neither chunks nor interim answers.
    pub is_1_0: bool,
    pub expects_continue: bool,
    /// Bytes of the head, the empty line included.
    pub bytes: usize,
}

/// A head that cannot be obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadHead {
    TooLong,
    TooManyLines,
    RequestLine,
    Version,
    Header,
    Length,
    TransferEncoding,
    TwoFramings,
}

impl From<BadHead> for WireError {
    fn from(bad: BadHead) -> Self {
        let message = match bad {
            BadHead::TooLong => "the request head is longer than 16384 bytes",
            BadHead::TooManyLines => "the request head has more than 64 header lines",
            BadHead::RequestLine => "the request line is malformed",
            BadHead::Version => "the HTTP version must be 1.0 or 1.1",
            BadHead::Header => "a header line is malformed",
            BadHead::Length => "Content-Length must be one whole number",
            BadHead::TransferEncoding => "Transfer-Encoding must be chunked",
            BadHead::TwoFramings => "Content-Length and Transfer-Encoding exclude each other",
        };
        Self::new(ErrorCode::InvalidField, message)
    }
}

/// Reads the head that `bytes` begin with; `None` while its end is not there yet.
///
/// One pass: a table says of each byte where it may stand, so that finding the end of a word and
/// checking it are the same step.
pub fn parse(bytes: &[u8]) -> Result<Option<Head<'_>>, BadHead> {
    let (shown, is_cut) = match bytes.get(..HEAD_BYTES_MAX) {
        Some(shown) => (shown, true),
        None => (bytes, false),
    };
    match read(&mut Cursor::new(shown)) {
        Ok(head) => Ok(Some(head)),
        Err(Stop::Partial) if is_cut => Err(BadHead::TooLong),
        Err(Stop::Partial) => Ok(None),
        Err(Stop::Bad(bad)) => Err(bad),
    }
}

fn read<'a>(cursor: &mut Cursor<'a>) -> Result<Head<'a>, Stop> {
    let method = cursor.word(TOKEN, b' ', BadHead::RequestLine)?;
    let target = cursor.word(GRAPHIC, b' ', BadHead::RequestLine)?;
    let version = cursor.word(GRAPHIC, b'\r', BadHead::RequestLine)?;
    cursor.take(b'\n', BadHead::RequestLine)?;
    let is_1_0 = is_1_0(version)?;
    let (path, query) = path_and_query(target)?;
    let mut headers = Headers::default();
    let mut lines = 0;
    while cursor.peek()? != b'\r' {
        if lines == HEADER_LINES_MAX {
            return Err(BadHead::TooManyLines.into());
        }
        lines += 1;
        let name = cursor.word(TOKEN, b':', BadHead::Header)?;
        let value = cursor.value()?;
        headers.take(name, value.trim_ascii())?;
    }
    cursor.take(b'\r', BadHead::Header)?;
    cursor.take(b'\n', BadHead::Header)?;
    Ok(Head {
        method: match method {
            b"GET" => Method::Get,
            b"POST" => Method::Post,
            _ => Method::Other,
        },
        is_head: method == b"HEAD",
        path,
        query,
        if_none_match: headers.if_none_match,
        framing: headers.framing(is_1_0)?,
        keep_alive: match headers.connection {
            Connection::Close => false,
            Connection::KeepAlive => true,
            Connection::Unsaid => !is_1_0,
        },
        is_1_0,
        expects_continue: headers.expects_continue && !is_1_0,
        bytes: cursor.at(),
    })
}

fn is_1_0(version: &[u8]) -> Result<bool, BadHead> {
    match version {
        b"HTTP/1.1" => Ok(false),
        b"HTTP/1.0" => Ok(true),
        other if other.starts_with(b"HTTP/") => Err(BadHead::Version),
        _ => Err(BadHead::RequestLine),
    }
}

/// Of `/path?query` and of `http://host/path?query`, which proxies send.
fn path_and_query(target: &[u8]) -> Result<(&str, &str), BadHead> {
    let target = std::str::from_utf8(target).map_err(|_| BadHead::RequestLine)?;
    let target = if target.starts_with('/') || target == "*" {
        target
    } else {
        let rest = target.strip_prefix("http://").ok_or(BadHead::RequestLine)?;
        rest.find('/').map_or("/", |at| &rest[at..])
    };
    Ok(target.split_once('?').unwrap_or((target, "")))
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Connection {
    #[default]
    Unsaid,
    KeepAlive,
    Close,
}

#[derive(Debug, Default)]
struct Headers<'a> {
    if_none_match: Option<&'a str>,
    is_tagged: bool,
    connection: Connection,
    length: Option<u64>,
    chunked: bool,
    expects_continue: bool,
}

impl<'a> Headers<'a> {
    fn take(&mut self, name: &[u8], value: &'a [u8]) -> Result<(), BadHead> {
        // The length of the name decides most headers without comparing a letter.
        match name.len() {
            6 if name.eq_ignore_ascii_case(b"expect") => {
                self.expects_continue |= value.eq_ignore_ascii_case(b"100-continue");
            }
            10 if name.eq_ignore_ascii_case(b"connection") => self.connection(value),
            13 if name.eq_ignore_ascii_case(b"if-none-match") => self.tag(value),
            14 if name.eq_ignore_ascii_case(b"content-length") => self.length(value)?,
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(BadHead::TransferEncoding);
                }
                self.chunked = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// A tag that is no text is the tag of nothing here, and so are two: together they are a list.
    fn tag(&mut self, value: &'a [u8]) {
        let tag = std::str::from_utf8(value).ok();
        self.if_none_match = tag.filter(|_| !self.is_tagged);
        self.is_tagged = true;
    }

    /// `close` wins over whatever stands beside it.
    fn connection(&mut self, value: &[u8]) {
        for word in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if word.eq_ignore_ascii_case(b"close") {
                self.connection = Connection::Close;
            } else if word.eq_ignore_ascii_case(b"keep-alive")
                && self.connection == Connection::Unsaid
            {
                self.connection = Connection::KeepAlive;
            }
        }
    }

    fn length(&mut self, value: &[u8]) -> Result<(), BadHead> {
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return Err(BadHead::Length);
        }
        // A number too large for a u64 is a length all the same: one that is refused.
        let length = std::str::from_utf8(value)
            .ok()
            .and_then(|digits| digits.parse().ok())
            .unwrap_or(u64::MAX);
        if self.length.is_some_and(|before| before != length) {
            return Err(BadHead::Length);
        }
        self.length = Some(length);
        Ok(())
    }

    fn framing(&self, is_1_0: bool) -> Result<Framing, BadHead> {
        match (self.length, self.chunked) {
            (Some(_), true) => Err(BadHead::TwoFramings),
            (None, true) if is_1_0 => Err(BadHead::TransferEncoding),
            (None, true) => Ok(Framing::Chunked),
            (Some(0) | None, false) => Ok(Framing::None),
            (Some(length), false) => Ok(Framing::Length(length)),
        }
    }
}

#[cfg(test)]
mod tests;

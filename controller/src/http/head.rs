//! The head of a request: request line and headers, to the letter and nothing more lenient.
//!
//! What two programs could read in two ways is refused: a bare line feed, a folded header, two
//! lengths, a length beside chunks. Only the headers that change what the server does are kept.

use tapio_wire::{ErrorCode, WireError};

use super::limits::{HEAD_BYTES_MAX, HEADER_LINES_MAX};
use super::message::Method;

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

/// Where the head ends, if `bytes` holds its end. `scanned` bytes were looked at before.
pub fn end_of(bytes: &[u8], scanned: usize) -> Result<Option<usize>, BadHead> {
    let from = scanned.saturating_sub(3);
    let end = bytes
        .get(from..)
        .and_then(|rest| rest.windows(4).position(|four| four == b"\r\n\r\n"))
        .map(|at| from + at + 4);
    match end {
        Some(end) if end <= HEAD_BYTES_MAX => Ok(Some(end)),
        None if bytes.len() < HEAD_BYTES_MAX => Ok(None),
        Some(_) | None => Err(BadHead::TooLong),
    }
}

/// Reads a whole head, the empty line included.
pub fn parse(head: &[u8]) -> Result<Head<'_>, BadHead> {
    let text = std::str::from_utf8(head).map_err(|_| BadHead::Header)?;
    // Looking for one letter is several times cheaper than for two; the other is checked.
    let mut lines = text.split('\n').map(|line| line.strip_suffix('\r'));
    let request_line = lines.next().flatten().ok_or(BadHead::RequestLine)?;
    let (method, target, version) = request_line_of(request_line)?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = Headers::default();
    for (at, line) in lines.take_while(|line| *line != Some("")).enumerate() {
        if at == HEADER_LINES_MAX {
            return Err(BadHead::TooManyLines);
        }
        headers.take(line.ok_or(BadHead::Header)?)?;
    }
    let is_1_0 = version == Version::V1_0;
    Ok(Head {
        method: match method {
            "GET" => Method::Get,
            "POST" => Method::Post,
            _ => Method::Other,
        },
        is_head: method == "HEAD",
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
        bytes: head.len(),
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1_0,
    V1_1,
}

fn request_line_of(line: &str) -> Result<(&str, &str, Version), BadHead> {
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(BadHead::RequestLine);
    };
    if method.is_empty() || !method.bytes().all(is_token) {
        return Err(BadHead::RequestLine);
    }
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(BadHead::RequestLine);
    }
    let version = match version {
        "HTTP/1.1" => Version::V1_1,
        "HTTP/1.0" => Version::V1_0,
        other if other.starts_with("HTTP/") => return Err(BadHead::Version),
        _ => return Err(BadHead::RequestLine),
    };
    Ok((method, path_of(target)?, version))
}

/// The path of `/path` and of `http://host/path`, which proxies send.
fn path_of(target: &str) -> Result<&str, BadHead> {
    if target.starts_with('/') || target == "*" {
        return Ok(target);
    }
    let rest = target.strip_prefix("http://").ok_or(BadHead::RequestLine)?;
    rest.find('/').map_or(Ok("/"), |at| Ok(&rest[at..]))
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
    connection: Connection,
    length: Option<u64>,
    chunked: bool,
    expects_continue: bool,
}

impl<'a> Headers<'a> {
    fn take(&mut self, line: &'a str) -> Result<(), BadHead> {
        let (name, value) = line.split_once(':').ok_or(BadHead::Header)?;
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(BadHead::Header);
        }
        if value
            .bytes()
            .any(|byte| byte.is_ascii_control() && byte != b'\t')
        {
            return Err(BadHead::Header);
        }
        let value = value.trim_matches([' ', '\t']);
        // The length of the name decides most headers without comparing a letter.
        match name.len() {
            6 if name.eq_ignore_ascii_case("expect") => {
                self.expects_continue |= value.eq_ignore_ascii_case("100-continue");
            }
            10 if name.eq_ignore_ascii_case("connection") => self.connection(value),
            13 if name.eq_ignore_ascii_case("if-none-match") => self.if_none_match = Some(value),
            14 if name.eq_ignore_ascii_case("content-length") => self.length(value)?,
            17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                if self.chunked || !value.eq_ignore_ascii_case("chunked") {
                    return Err(BadHead::TransferEncoding);
                }
                self.chunked = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// `close` wins over whatever stands beside it.
    fn connection(&mut self, value: &str) {
        for word in value.split(',') {
            let word = word.trim_matches([' ', '\t']);
            if word.eq_ignore_ascii_case("close") {
                self.connection = Connection::Close;
            } else if word.eq_ignore_ascii_case("keep-alive")
                && self.connection == Connection::Unsaid
            {
                self.connection = Connection::KeepAlive;
            }
        }
    }

    fn length(&mut self, value: &str) -> Result<(), BadHead> {
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        let length = value.parse().ok().filter(|_| digits);
        // A number too large for a u64 is a length all the same: one that is refused.
        let length = if digits {
            length.unwrap_or(u64::MAX)
        } else {
            return Err(BadHead::Length);
        };
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

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;

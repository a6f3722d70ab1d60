//! What a peer answers, read to the letter and within its bounds.
//!
//! An answer is a status, the two headers anybody here asks for, and a body of known end: by
//! length, in chunks, or up to the close of the connection. Everything else is skipped.

use super::connection::{Connection, Until};
use super::error::CallError;

/// Status line and headers together; also the most that is read at once.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// Interim answers (100 to 199) before the one that counts.
const INTERIM_MAX: usize = 4;

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub etag: Option<String>,
    /// Seconds after which the peer wants to be asked again.
    pub retry_after: Option<u64>,
    pub body: Vec<u8>,
    /// Whether the connection can take another request.
    pub(super) keeps: bool,
}

/// How far a body goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Length(usize),
    Chunked,
    /// To the end of the connection.
    Rest,
}

#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    etag: Option<String>,
    retry_after: Option<u64>,
    extent: Extent,
    keeps: bool,
}

/// Reads one answer whose body has at most `body_bytes_max` bytes.
pub fn read(
    connection: &mut Connection,
    body_bytes_max: usize,
    until: Until<'_>,
) -> Result<Answer, CallError> {
    let mut input = Input::new(connection, until);
    let mut head = input.head()?;
    for _ in 0..INTERIM_MAX {
        if head.status >= 200 {
            break;
        }
        head = input.head()?;
    }
    let is_bodiless = matches!(head.status, 100..=199 | 204 | 304);
    let body = match head.extent {
        _ if is_bodiless => Vec::new(),
        Extent::Length(bytes) if bytes > body_bytes_max => {
            return Err(CallError::TooLarge(body_bytes_max));
        }
        Extent::Length(bytes) => input.take(bytes)?,
        Extent::Chunked => input.chunks(body_bytes_max)?,
        Extent::Rest => input.rest(body_bytes_max)?,
    };
    Ok(Answer {
        status: head.status,
        etag: head.etag,
        retry_after: head.retry_after,
        body,
        // Bytes behind the answer belong to no request.
        keeps: head.keeps
            && (is_bodiless || head.extent != Extent::Rest)
            && input.at == input.bytes.len(),
    })
}

/// The connection, and what has come of it.
struct Input<'a> {
    connection: &'a mut Connection,
    until: Until<'a>,
    bytes: Vec<u8>,
    /// Up to here it is used.
    at: usize,
    /// A byte has come.
    has_begun: bool,
}

impl<'a> Input<'a> {
    fn new(connection: &'a mut Connection, until: Until<'a>) -> Self {
        Self {
            connection,
            until,
            bytes: Vec::new(),
            at: 0,
            has_begun: false,
        }
    }

    /// Reads more; false at the end of the connection.
    fn more(&mut self) -> Result<bool, CallError> {
        let mut piece = [0; HEAD_BYTES_MAX];
        let read = self.connection.read(&mut piece, self.until)?;
        if self.at >= HEAD_BYTES_MAX {
            // What is used makes room: small chunks may be many times what they hold.
            self.bytes.drain(..self.at);
            self.at = 0;
        }
        self.bytes.extend_from_slice(&piece[..read]);
        self.has_begun |= read > 0;
        Ok(read > 0)
    }

    fn more_or_cut(&mut self) -> Result<(), CallError> {
        match self.more()? {
            true => Ok(()),
            false if !self.has_begun => Err(CallError::NoAnswer),
            false => Err(CallError::Malformed("it is cut short")),
        }
    }

    fn head(&mut self) -> Result<Head, CallError> {
        loop {
            let unread = &self.bytes[self.at..];
            if let Some(end) = unread.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = parse_head(&unread[..end + 2])?;
                self.at += end + 4;
                return Ok(head);
            }
            if unread.len() >= HEAD_BYTES_MAX {
                return Err(CallError::Malformed("its head is too long"));
            }
            self.more_or_cut()?;
        }
    }

    fn take(&mut self, bytes: usize) -> Result<Vec<u8>, CallError> {
        while self.bytes.len() - self.at < bytes {
            self.more_or_cut()?;
        }
        let taken = self.bytes[self.at..self.at + bytes].to_vec();
        self.at += bytes;
        Ok(taken)
    }

    fn rest(&mut self, bytes_max: usize) -> Result<Vec<u8>, CallError> {
        while self.bytes.len() - self.at <= bytes_max {
            if !self.more()? {
                return Ok(self.bytes.split_off(self.at));
            }
        }
        Err(CallError::TooLarge(bytes_max))
    }

    fn line(&mut self) -> Result<String, CallError> {
        loop {
            let unread = &self.bytes[self.at..];
            if let Some(end) = unread.windows(2).position(|two| two == b"\r\n") {
                let line = String::from_utf8_lossy(&unread[..end]).into_owned();
                self.at += end + 2;
                return Ok(line);
            }
            if unread.len() > CHUNK_LINE_BYTES_MAX {
                return Err(CallError::Malformed("a chunk has no size"));
            }
            self.more_or_cut()?;
        }
    }

    fn chunks(&mut self, bytes_max: usize) -> Result<Vec<u8>, CallError> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let digits = line.split(';').next().unwrap_or_default().trim_end();
            let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            let bytes = usize::from_str_radix(digits, 16).ok().filter(|_| is_hex);
            let bytes = bytes.ok_or(CallError::Malformed("a chunk has no size"))?;
            if bytes == 0 {
                break;
            }
            if bytes > bytes_max - body.len() {
                return Err(CallError::TooLarge(bytes_max));
            }
            body.extend(self.take(bytes)?);
            if self.take(2)? != b"\r\n" {
                return Err(CallError::Malformed("a chunk has no end"));
            }
        }
        for _ in 0..TRAILERS_MAX {
            if self.line()?.is_empty() {
                return Ok(body);
            }
        }
        Err(CallError::Malformed("it has too many trailers"))
    }
}

const CHUNK_LINE_BYTES_MAX: usize = 256;
const TRAILERS_MAX: usize = 16;

/// `lines` ends with the line break of the last header.
fn parse_head(lines: &[u8]) -> Result<Head, CallError> {
    let text =
        std::str::from_utf8(lines).map_err(|_| CallError::Malformed("its head is no text"))?;
    let mut lines = text.split_terminator("\r\n");
    let (status, is_1_1) = parse_status(lines.next().unwrap_or_default())?;
    let mut head = Head {
        status,
        etag: None,
        retry_after: None,
        extent: Extent::Rest,
        keeps: is_1_1,
    };
    let mut length = None;
    for line in lines {
        let (name, value) = line
            .split_once(':')
            .ok_or(CallError::Malformed("a header has no name"))?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("etag") {
            head.etag = Some(value.to_owned());
        } else if name.eq_ignore_ascii_case("retry-after") {
            head.retry_after = value.parse().ok(); // its other form is a date
        } else if name.eq_ignore_ascii_case("connection") {
            head.keeps &= !value.eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            if !value.eq_ignore_ascii_case("chunked") {
                return Err(CallError::Malformed("its encoding is not known"));
            }
            head.extent = Extent::Chunked;
        } else if name.eq_ignore_ascii_case("content-length") {
            let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
            let bytes = value.parse().ok().filter(|_| is_number);
            let bytes: usize = bytes.ok_or(CallError::Malformed("its length is no number"))?;
            if length.replace(bytes).is_some_and(|other| other != bytes) {
                return Err(CallError::Malformed("it has two lengths"));
            }
        }
    }
    match (head.extent, length) {
        (Extent::Chunked, Some(_)) => return Err(CallError::Malformed("it has two lengths")),
        (Extent::Rest, Some(bytes)) => head.extent = Extent::Length(bytes),
        (Extent::Chunked | Extent::Rest | Extent::Length(_), _) => {}
    }
    Ok(head)
}

fn parse_status(line: &str) -> Result<(u16, bool), CallError> {
    let malformed = CallError::Malformed("it does not begin like one of HTTP/1.1");
    let Some(rest) = line.strip_prefix("HTTP/1.") else {
        return Err(malformed);
    };
    let Some((minor @ ("0" | "1"), rest)) = rest.split_once(' ') else {
        return Err(malformed);
    };
    let digits = rest.split(' ').next().unwrap_or_default();
    let is_number = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse() {
        Ok(status) if is_number && status >= 100 => Ok((status, minor == "1")),
        Ok(_) | Err(_) => Err(malformed),
    }
}

#[cfg(test)]
mod tests;

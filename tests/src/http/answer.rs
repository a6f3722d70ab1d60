//! What came back: the status, the headers and the whole body.
//!
//! Reads an answer to its own end and not a byte further, whether the end is told by a length, by
//! chunks or by the connection's, so that the next answer of a pipeline can be read after it.

use std::io::{self, BufRead, Read};

use serde_json::Value;

/// One answer. Header names are in lower case.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads the next answer; interim ones (1xx) are passed over.
    pub fn read(reader: &mut impl BufRead) -> io::Result<Self> {
        loop {
            let mut answer = Self::read_head(reader)?;
            if answer.status >= 200 {
                answer.body = answer.read_body(reader)?;
                return Ok(answer);
            }
        }
    }

    /// Reads a head, interim or final, and leaves the body where it is.
    pub fn read_head(reader: &mut impl BufRead) -> io::Result<Self> {
        let line = read_line(reader)?;
        let status = line
            .strip_prefix("HTTP/1.1 ")
            .or_else(|| line.strip_prefix("HTTP/1.0 "))
            .and_then(|rest| rest.get(..3)?.parse().ok())
            .ok_or_else(|| not_http("status line", &line))?;
        Ok(Self {
            status,
            headers: read_headers(reader)?,
            body: Vec::new(),
        })
    }

    fn read_body(&self, reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if self.status == 304 || self.status == 204 {
            return Ok(body);
        }
        if self.header("transfer-encoding") == Some("chunked") {
            loop {
                let line = read_line(reader)?;
                let size = u64::from_str_radix(line.trim(), 16)
                    .map_err(|_| not_http("chunk size", &line))?;
                read_exactly(reader, size, &mut body)?;
                read_line(reader)?;
                if size == 0 {
                    return Ok(body);
                }
            }
        }
        match self.header("content-length") {
            Some(text) => {
                let len = text.parse().map_err(|_| not_http("length", text))?;
                read_exactly(reader, len, &mut body)?;
            }
            None => {
                reader.read_to_end(&mut body)?;
            }
        }
        Ok(body)
    }

    /// The answer as it is passed on to somebody else, with a length of its own.
    pub fn to_bytes(&self) -> Vec<u8> {
        let own = ["connection", "content-length", "transfer-encoding"];
        let kept = self
            .headers
            .iter()
            .filter(|(name, _)| !own.contains(&name.as_str()));
        let headers: String = kept
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let (status, length) = (self.status, self.body.len());
        // A 304 has no body to give the length of.
        let length = match status {
            304 => String::new(),
            _ => format!("content-length: {length}\r\n"),
        };
        let head = format!("HTTP/1.1 {status} Said\r\n{headers}{length}\r\n");
        [head.into_bytes(), self.body.clone()].concat()
    }

    /// The value of a header that is there once.
    ///
    /// # Panics
    /// When it is there more than once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self
            .headers
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.as_str());
        let first = values.next();
        assert_eq!(values.next(), None, "{name} is there twice");
        first
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// # Panics
    /// When the body is no JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{error} in the body of {}: {}", self.status, self.text())
        })
    }

    /// The JSON of an answer that had to be 200.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()
    }
}

/// The headers up to the empty line, which is taken, too.
pub(super) fn read_headers(reader: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let line = read_line(reader)?;
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| not_http("header", &line))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

pub(super) fn not_http(what: &str, text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("no {what}: {text:?}"))
}

pub(super) fn read_line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
}

pub(super) fn read_exactly(
    reader: &mut impl BufRead,
    len: u64,
    body: &mut Vec<u8>,
) -> io::Result<()> {
    match reader.by_ref().take(len).read_to_end(body)? as u64 == len {
        true => Ok(()),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_one_stream_are_told_apart() {
        let mut stream: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n\
            HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}\
            HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n\
            HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n\
            HTTP/1.0 500 No\r\n\r\nto the end";
        let mut next = || Answer::read(&mut stream).map(|answer| (answer.status, answer.text()));
        assert_eq!(next().expect("an answer"), (200, "{}".to_owned()));
        assert_eq!(next().expect("an answer"), (304, String::new()));
        assert_eq!(next().expect("an answer"), (200, "abcd".to_owned()));
        assert_eq!(next().expect("an answer"), (500, "to the end".to_owned()));
        assert_eq!(
            next().expect_err("the end").kind(),
            io::ErrorKind::UnexpectedEof
        );
    }

    #[test]
    fn what_is_cut_off_is_no_answer() {
        for mut stream in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}"[..],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
            b"HTTP/1.1 200 OK\r\nContent-Le",
        ] {
            assert!(Answer::read(&mut stream).is_err());
        }
    }
}

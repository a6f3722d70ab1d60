//! A request as a server of the tests' own receives it.

use std::io::{self, BufRead};

use super::answer::{not_http, read_exactly, read_line};

/// One request. Header names are in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Incoming {
    /// The next request of a connection; nothing where it was closed between two.
    pub fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        if reader.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let line = read_line(reader)?;
        let mut words = line.split(' ');
        let (Some(method), Some(target), Some("HTTP/1.1"), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(not_http("request line", &line));
        };
        let mut incoming = Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: super::answer::read_headers(reader)?,
            body: Vec::new(),
        };
        if let Some(length) = incoming.header("content-length") {
            let length = length.parse().map_err(|_| not_http("length", length))?;
            let mut body = Vec::new();
            read_exactly(reader, length, &mut body)?;
            incoming.body = body;
        }
        Ok(Some(incoming))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The request as it is passed on to somebody else, over a connection of its own.
    pub fn to_bytes(&self) -> Vec<u8> {
        let own = ["connection", "content-length"];
        let kept = self
            .headers
            .iter()
            .filter(|(name, _)| !own.contains(&name.as_str()));
        let headers: String = kept
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let (method, target, length) = (&self.method, &self.target, self.body.len());
        let head = format!(
            "{method} {target} HTTP/1.1\r\n{headers}content-length: {length}\r\n\
             connection: close\r\n\r\n"
        );
        [head.into_bytes(), self.body.clone()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Request;

    #[test]
    fn requests_of_one_connection_are_told_apart() {
        let first = Request::post("/v1/events?a=b", "{}")
            .header("X-Y", "z")
            .to_bytes();
        let stream = [first, Request::get("/").to_bytes()].concat();
        let mut reader = &stream[..];
        let mut next = || Incoming::read(&mut reader).expect("a request");
        let post = next().expect("there is one");
        assert_eq!((post.method.as_str(), post.path()), ("POST", "/v1/events"));
        assert_eq!(
            (post.header("x-y"), &post.body[..]),
            (Some("z"), &b"{}"[..])
        );
        let passed = post.to_bytes();
        let again = Incoming::read(&mut &passed[..])
            .expect("a request")
            .expect("one");
        assert_eq!((again.target, again.body), (post.target, post.body));
        assert_eq!(next().map(|get| get.method), Some("GET".to_owned()));
        assert_eq!(next(), None);
    }
}

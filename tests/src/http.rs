//! HTTP/1.1 as an agent speaks it, over a plain socket, and able to misbehave.
//!
//! A request is bytes before it is anything else: a test can take them, bend them and send them by
//! hand. Nothing is retried, followed or decoded behind the test's back.

mod answer;
mod host;
mod incoming;

use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

pub use answer::Answer;
pub use host::{Host, Replies};
pub use incoming::Incoming;

/// An answer that takes longer than this is none. Claims about speed set their own, shorter.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A request, yet to be sent.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: None,
        }
    }

    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", target)
            .header("Content-Type", "application/json")
            .body(body)
    }

    pub fn post_json(target: &str, body: &Value) -> Self {
        Self::post(target, body.to_string())
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// The request as it goes over the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.head(self.body.as_ref().map(Vec::len)).into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }

    /// The head alone, announcing a body of this length, sent or not.
    pub fn head(&self, content_length: Option<usize>) -> String {
        let length = content_length.map(|len| ("Content-Length".to_owned(), len.to_string()));
        let headers: String = [("Host".to_owned(), "controller.test".to_owned())]
            .into_iter()
            .chain(self.headers.iter().cloned())
            .chain(length)
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        format!("{} {} HTTP/1.1\r\n{headers}\r\n", self.method, self.target)
    }

    /// The request with its body in chunks of at most `chunk` bytes.
    ///
    /// # Panics
    /// When `chunk` is zero.
    pub fn to_chunked_bytes(&self, chunk: usize) -> Vec<u8> {
        let chunked = self.clone().header("Transfer-Encoding", "chunked");
        let mut bytes = chunked.head(None).into_bytes();
        for part in self.body.as_deref().unwrap_or_default().chunks(chunk) {
            bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
            bytes.extend_from_slice(part);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        bytes
    }

    /// Sends it over a connection of its own that is closed afterwards.
    pub fn send(&self, to: SocketAddr) -> io::Result<Answer> {
        let request = self.clone().header("Connection", "close");
        Connection::open(to)?.exchange(&request.to_bytes())
    }
}

/// A connection that stays open between requests.
#[derive(Debug)]
pub struct Connection {
    reader: BufReader<TcpStream>,
}

impl Connection {
    pub fn open(to: SocketAddr) -> io::Result<Self> {
        Self::open_with(to, PATIENCE)
    }

    /// With another patience for each of connecting, reading and writing.
    pub fn open_with(to: SocketAddr, patience: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&to, patience)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        Ok(Self {
            reader: BufReader::new(stream),
        })
    }

    pub fn stream(&self) -> &TcpStream {
        self.reader.get_ref()
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    pub fn read_answer(&mut self) -> io::Result<Answer> {
        Answer::read(&mut self.reader)
    }

    /// Sends the bytes of one request and reads the answer to it.
    pub fn exchange(&mut self, bytes: &[u8]) -> io::Result<Answer> {
        self.send_bytes(bytes)?;
        self.read_answer()
    }

    pub fn send(&mut self, request: &Request) -> io::Result<Answer> {
        self.exchange(&request.to_bytes())
    }

    /// Whether the other side has closed the connection and left nothing unread.
    pub fn is_closed_by_peer(&self) -> io::Result<bool> {
        let stream = self.stream();
        stream.set_nonblocking(true)?;
        let seen = stream.peek(&mut [0]);
        stream.set_nonblocking(false)?;
        match seen {
            Ok(0) => Ok(true),
            Ok(_) => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(true),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_the_bytes_one_would_write() {
        let request = Request::post("/v1/events", "{}").header("X", "y");
        assert_eq!(
            String::from_utf8_lossy(&request.to_bytes()),
            "POST /v1/events HTTP/1.1\r\nHost: controller.test\r\n\
             Content-Type: application/json\r\nX: y\r\nContent-Length: 2\r\n\r\n{}"
        );
        assert!(
            String::from_utf8_lossy(&Request::post("/", "abc").to_chunked_bytes(2))
                .ends_with("Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
        );
    }
}

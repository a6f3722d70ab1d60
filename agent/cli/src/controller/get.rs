//! One request over one connection, and the body as it comes.
//!
//! It is asked in HTTP/1.0, so that nobody answers in chunks: the body ends with the connection,
//! and that it is whole is seen by its JSON. No redirect is followed.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use tapio_wire::endpoint::{Endpoint, Host};

use super::Fault;

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Between two pieces of an answer; a large fleet may take longer in all.
const SILENCE_MAX: Duration = Duration::from_secs(15);
const HEAD_BYTES_MAX: u64 = 16 << 10;

pub fn status(endpoint: &Endpoint) -> Result<impl Read + use<>, Fault> {
    let mut stream = connect(endpoint)?;
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    stream.set_write_timeout(Some(CONNECT_WITHIN))?;
    let request = format!(
        "GET {}/v1/status HTTP/1.0\r\nHost: {endpoint}\r\nAccept: application/json\r\n\r\n",
        endpoint.path
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = BufReader::new(stream);
    read_head(&mut answer)?;
    Ok(answer)
}

fn connect(endpoint: &Endpoint) -> Result<TcpStream, Fault> {
    let addresses: Vec<SocketAddr> = match &endpoint.host {
        Host::Address(address) => vec![SocketAddr::new(*address, endpoint.port)],
        Host::Name(name) => (name.as_str(), endpoint.port).to_socket_addrs()?.collect(),
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in &addresses {
        match TcpStream::connect_timeout(address, CONNECT_WITHIN) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last.into())
}

/// Up to the empty line, and no further.
fn read_head(answer: &mut impl BufRead) -> Result<(), Fault> {
    let mut head = answer.take(HEAD_BYTES_MAX);
    let mut line = Vec::new();
    head.read_until(b'\n', &mut line)?;
    let status = status_code(&line).ok_or(Fault::NotHttp)?;
    loop {
        line.clear();
        head.read_until(b'\n', &mut line)?;
        match line.trim_ascii_end() {
            [] if line.ends_with(b"\n") => break,
            [] => return Err(Fault::NotHttp),
            // The one header that would make the body another than it looks.
            field
                if field.len() > 17 && field[..18].eq_ignore_ascii_case(b"transfer-encoding:") =>
            {
                return Err(Fault::NotHttp);
            }
            _ => {}
        }
    }
    match status {
        200 => Ok(()),
        other => Err(Fault::Refused(other)),
    }
}

fn status_code(line: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(line).ok()?;
    let mut words = text.strip_prefix("HTTP/1.")?.split(' ');
    words.next()?;
    words.next()?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &str) -> Result<String, Fault> {
        let mut answer = head.as_bytes();
        read_head(&mut answer)?;
        Ok(String::from_utf8(answer.to_vec()).expect("text"))
    }

    #[test]
    fn the_body_begins_after_the_empty_line() {
        let body = read("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").expect("an answer");
        assert_eq!(body, "{}");
        assert_eq!(read("HTTP/1.0 200\n\n{}").expect("an answer"), "{}");
    }

    #[test]
    fn what_is_no_answer_of_a_controller_is_named() {
        for (head, wanted) in [
            ("", "what answers there does not speak HTTP"),
            (
                "SSH-2.0-x\r\n\r\n",
                "what answers there does not speak HTTP",
            ),
            (
                "HTTP/1.1 200 OK\r\nA: b",
                "what answers there does not speak HTTP",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                "what answers there does not speak HTTP",
            ),
            (
                "HTTP/1.1 302 Found\r\nLocation: x\r\n\r\n",
                "it answers 302 and no status",
            ),
        ] {
            let fault = read(head).expect_err(head);
            assert_eq!(fault.to_string(), wanted);
        }
        let endless = format!("HTTP/1.1 200 OK\r\n{}", "A: b\r\n".repeat(10_000));
        assert!(matches!(read(&endless), Err(Fault::NotHttp)));
    }
}

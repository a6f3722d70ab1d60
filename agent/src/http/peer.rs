//! What the peers in tests read of a request.

use std::io::Read;
use std::net::TcpStream;

/// The next head, and how long its body is if it says so; nothing once the agent has closed.
pub fn read_head(stream: &mut TcpStream) -> Option<(String, Option<usize>)> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).expect("text");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "))
        .map(|length| length.parse().expect("a number"));
    Some((head, length))
}

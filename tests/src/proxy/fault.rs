//! What can be wrong between an agent and its controller.

use std::net::SocketAddr;

use crate::http::Incoming;

/// Stands in every spoilt answer, so that a log that repeats one is told by it.
pub const MARK: &str = "a-mark-no-log-may-hold";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Nobody listens.
    Refused,
    /// The answer comes a byte at a time.
    Slow,
    /// The answer ends in its middle.
    CutInHalf,
    /// 500, in the envelope of the standard.
    ServerError,
    /// 200, and no JSON in it, or no HTTP at all.
    Garbage,
    /// 304 to a poll, for a tag that was not asked for.
    WrongTag,
    /// To a place of ours where nobody may come.
    Redirect,
}

impl Fault {
    pub const ALL: [Self; 7] = [
        Self::Refused,
        Self::Slow,
        Self::CutInHalf,
        Self::ServerError,
        Self::Garbage,
        Self::WrongTag,
        Self::Redirect,
    ];

    /// What is said instead of the controller's answer, where something is.
    pub(super) fn answer(self, incoming: &Incoming, trap: SocketAddr) -> Option<Vec<u8>> {
        match self {
            Self::None | Self::Refused | Self::Slow | Self::CutInHalf => None,
            Self::ServerError => Some(said(
                "500 Internal Server Error",
                "Content-Type: application/json\r\n",
                &format!(r#"{{"error":{{"code":"INTERNAL_ERROR","message":"{MARK}"}}}}"#),
            )),
            Self::Garbage if incoming.method == "GET" => {
                Some(format!("{MARK}\0\u{1b}]0;{MARK}\u{7}\r\n\r\n").into_bytes())
            }
            Self::Garbage => Some(said("200 OK", "", &format!("{{\"accepted\":\"{MARK}"))),
            Self::WrongTag if incoming.method == "GET" => {
                let tag = format!("ETag: \"sha256:{MARK}\"\r\n");
                Some(said("304 Not Modified", &tag, ""))
            }
            Self::WrongTag => None,
            Self::Redirect => {
                let target = &incoming.target;
                let location = format!("Location: http://{trap}{target}#{MARK}\r\n");
                Some(said("307 Temporary Redirect", &location, MARK))
            }
        }
    }
}

fn said(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = match status.starts_with("304") {
        true => String::new(),
        false => format!("Content-Length: {}\r\n", body.len()),
    };
    format!("HTTP/1.1 {status}\r\nX-Mark: {MARK}\r\n{headers}{length}\r\n{body}").into_bytes()
}

//! An answer as bytes: status line, headers, body, and the frames of a body made page by page.

use std::fmt::Write as _;
use std::io::Write as _;

use tapio_common::time::Timestamp;

use super::head::Head;
use super::message::{Body, Pages, Response};

/// What the request says about how it may be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    pub keep_alive: bool,
    pub is_1_0: bool,
    pub is_head: bool,
}

impl Manner {
    /// For a request whose head could not be read: the connection ends with the answer.
    pub const LAST: Self = Self {
        keep_alive: false,
        is_1_0: false,
        is_head: false,
    };

    pub fn of(head: &Head<'_>, may_keep: bool) -> Self {
        Self {
            keep_alive: head.keep_alive && may_keep,
            is_1_0: head.is_1_0,
            is_head: head.is_head,
        }
    }
}

/// The rest of a body that is made while it is sent.
pub struct Rest {
    pages: Pages,
    is_chunked: bool,
}

/// Tells a peer that waits for it to send its body.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Size line of a chunk: eight digits and a line break, filled in when its size is known.
const SIZE_LINE: &[u8] = b"00000000\r\n";
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Appends an answer to `out`. What is handed back is to be written after it.
pub fn write(response: Response, manner: Manner, date: &str, out: &mut Vec<u8>) -> Option<Rest> {
    let is_chunked = !manner.is_1_0;
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status_line(response.status).as_bytes());
    header(out, "Date", date);
    if !matches!(response.body, Body::Empty) {
        header(out, "Content-Type", response.content_type.name());
    }
    if let Some(etag) = &response.etag {
        header(out, "ETag", etag);
    }
    match &response.body {
        Body::Empty => {}
        Body::Bytes(bytes) => content_length(out, bytes.len()),
        Body::Shared(bytes) => content_length(out, bytes.len()),
        Body::Pages(_) if is_chunked => header(out, "Transfer-Encoding", "chunked"),
        Body::Pages(_) => {}
    }
    match (manner.keep_alive, manner.is_1_0) {
        (false, _) => header(out, "Connection", "close"),
        (true, true) => header(out, "Connection", "keep-alive"),
        (true, false) => {}
    }
    out.extend_from_slice(b"\r\n");
    if manner.is_head {
        return None;
    }
    match response.body {
        Body::Empty => None,
        Body::Bytes(bytes) => {
            out.extend_from_slice(&bytes);
            None
        }
        Body::Shared(bytes) => {
            out.extend_from_slice(&bytes);
            None
        }
        Body::Pages(pages) => Some(Rest { pages, is_chunked }),
    }
}

impl Rest {
    /// Appends the next page; false once that was the last.
    pub fn write_page(&mut self, out: &mut Vec<u8>) -> bool {
        if !self.is_chunked {
            return (self.pages)(out);
        }
        let size_line = out.len();
        out.extend_from_slice(SIZE_LINE);
        let page = out.len();
        let more = (self.pages)(out);
        let size = out.len() - page;
        if size == 0 {
            out.truncate(size_line); // an empty chunk would be the last one
        } else {
            // The slice is as long as what is written: both are SIZE_LINE.
            let _ = write!(&mut out[size_line..page], "{size:08x}\r\n");
            out.extend_from_slice(b"\r\n");
        }
        if !more {
            out.extend_from_slice(LAST_CHUNK);
        }
        more
    }
}

fn header(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn content_length(out: &mut Vec<u8>, len: usize) {
    // Writing to a Vec cannot fail.
    let _ = write!(out, "Content-Length: {len}\r\n");
}

const fn status_line(status: u16) -> &'static str {
    match status {
        200 => "200 OK\r\n",
        304 => "304 Not Modified\r\n",
        400 => "400 Bad Request\r\n",
        404 => "404 Not Found\r\n",
        413 => "413 Payload Too Large\r\n",
        422 => "422 Unprocessable Entity\r\n",
        503 => "503 Service Unavailable\r\n",
        _ => "500 Internal Server Error\r\n",
    }
}

/// The Date header's text, made anew once a second.
#[derive(Debug, Default)]
pub struct Date {
    second: u64,
    text: String,
}

impl Date {
    pub fn at(&mut self, unix_seconds: u64) -> &str {
        if self.second != unix_seconds || self.text.is_empty() {
            self.second = unix_seconds;
            self.text = imf_fixdate(unix_seconds);
        }
        &self.text
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
fn imf_fixdate(unix_seconds: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let place = |number: u64| usize::try_from(number).unwrap_or_default();
    let at = Timestamp(unix_seconds.saturating_mul(1_000_000_000)).calendar();
    let mut text = String::with_capacity(29);
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        DAYS[place(unix_seconds / 86_400 % 7)],
        at.day,
        MONTHS[place(at.month - 1)],
        at.year,
        at.hour,
        at.minute,
        at.second
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::message::ContentType;
    use crate::traffic::STATUSES;

    const MANNER: Manner = Manner {
        keep_alive: true,
        is_1_0: false,
        is_head: false,
    };

    fn written(response: Response, manner: Manner) -> String {
        let mut out = Vec::new();
        let mut rest = write(response, manner, "D", &mut out);
        while rest.as_mut().is_some_and(|rest| rest.write_page(&mut out)) {}
        String::from_utf8(out).unwrap()
    }

    fn paged(pages: &'static [&'static str]) -> Response {
        let mut pages = pages.iter();
        let body = move |out: &mut Vec<u8>| {
            out.extend_from_slice(pages.next().unwrap().as_bytes());
            pages.len() > 0
        };
        Response::new(200, ContentType::Json, Body::Pages(Box::new(body)))
    }

    #[test]
    fn a_body_with_its_length() {
        assert_eq!(
            written(Response::json(b"{}".to_vec()), MANNER),
            "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Type: application/json\r\n\
             Content-Length: 2\r\n\r\n{}"
        );
    }

    #[test]
    fn not_modified_has_a_tag_and_no_body() {
        let mut response = Response::new(304, ContentType::Json, Body::Empty);
        response.etag = Some("\"t\"".into());
        assert_eq!(
            written(response, MANNER),
            "HTTP/1.1 304 Not Modified\r\nDate: D\r\nETag: \"t\"\r\n\r\n"
        );
    }

    #[test]
    fn an_answer_to_head_has_the_headers_alone() {
        let head = Manner {
            is_head: true,
            ..MANNER
        };
        let text = written(Response::text(404, "gone"), head);
        assert!(text.ends_with("Content-Length: 4\r\n\r\n"), "{text}");
    }

    #[test]
    fn the_connection_is_spoken_of_where_it_is_not_the_default() {
        let said = |manner| written(Response::text(200, ""), manner);
        let last = Manner {
            keep_alive: false,
            ..MANNER
        };
        let old = Manner {
            is_1_0: true,
            ..MANNER
        };
        assert!(!said(MANNER).contains("Connection"));
        assert!(said(last).contains("\r\nConnection: close\r\n"));
        assert!(said(old).contains("\r\nConnection: keep-alive\r\n"));
    }

    #[test]
    fn pages_are_chunks_and_an_empty_page_is_none() {
        let text = written(paged(&["abc", "", "0123456789abcdef0"]), MANNER);
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        assert_eq!(
            body,
            "00000003\r\nabc\r\n00000011\r\n0123456789abcdef0\r\n0\r\n\r\n"
        );
        assert!(text.contains("\r\nTransfer-Encoding: chunked\r\n"));
        assert!(!text.contains("Content-Length"));
    }

    #[test]
    fn pages_for_http_1_0_end_with_the_connection() {
        let old = Manner {
            is_1_0: true,
            keep_alive: false,
            is_head: false,
        };
        let text = written(paged(&["abc", "def"]), old);
        assert!(
            text.ends_with("\r\nConnection: close\r\n\r\nabcdef"),
            "{text}"
        );
        assert!(!text.contains("chunked"));
    }

    #[test]
    fn every_status_has_its_line() {
        for status in STATUSES {
            assert!(status_line(status).starts_with(&status.to_string()));
        }
    }

    #[test]
    fn dates_are_those_of_http() {
        let mut date = Date::default();
        assert_eq!(date.at(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(date.at(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date.at(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
    }
}

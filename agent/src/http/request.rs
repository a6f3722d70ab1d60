//! What the agent asks: a method, a target, headers of the caller's, and a body or none.

use std::fmt;

use tapio_wire::endpoint::Endpoint;

/// One request. A header's value may be a secret, so there is no `Debug` of it.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Below the endpoint's own path; begins with a slash, or is empty.
    pub target: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    /// `Some` makes it a POST; its type is among the headers.
    pub body: Option<&'a [u8]>,
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "request for {}", self.target)
    }
}

impl Request<'_> {
    /// The bytes up to the body. Whoever sets headers sees to it that none holds a line break.
    pub fn head(&self, endpoint: &Endpoint) -> Vec<u8> {
        let method = if self.body.is_some() { "POST" } else { "GET" };
        let base = endpoint.path.as_str();
        let target = match (base, self.target) {
            ("", "") => "/",
            (_, target) => target,
        };
        let mut head = format!(
            "{method} {base}{target} HTTP/1.1\r\nHost: {endpoint}\r\nUser-Agent: tapio-agent/{}\r\n",
            env!("CARGO_PKG_VERSION")
        );
        for (name, value) in self.headers {
            for part in [name, ": ", value, "\r\n"] {
                head.push_str(part);
            }
        }
        if let Some(body) = self.body {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(url: &str, request: &Request<'_>) -> String {
        let endpoint = Endpoint::parse(url).expect(url);
        String::from_utf8(request.head(&endpoint)).expect("text")
    }

    #[test]
    fn a_request_is_what_stands_here() {
        let version = env!("CARGO_PKG_VERSION");
        let get = Request {
            target: "/v1/x?a=b",
            headers: &[("If-None-Match", "\"tag\"")],
            body: None,
        };
        assert_eq!(
            head("http://h:8080/base/", &get),
            format!(
                "GET /base/v1/x?a=b HTTP/1.1\r\nHost: h:8080\r\nUser-Agent: tapio-agent/{version}\r\n\
                 If-None-Match: \"tag\"\r\n\r\n"
            )
        );
        let post = Request {
            target: "",
            headers: &[],
            body: Some(b"{}"),
        };
        let text = head("http://h", &post);
        assert!(text.starts_with("POST / HTTP/1.1\r\nHost: h\r\n"), "{text}");
        assert!(text.ends_with("\r\nContent-Length: 2\r\n\r\n"), "{text}");
    }

    #[test]
    fn secrets_are_not_printed() {
        let request = Request {
            target: "/v1/x",
            headers: &[("Authorization", "Bearer hunter2")],
            body: Some(b"secret body"),
        };
        assert_eq!(format!("{request:?}"), "request for /v1/x");
    }
}

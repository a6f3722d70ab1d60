//! Where a peer is: a URL as the operator gives it, read once and refused there if at all.
//!
//! What is refused is never quoted: a URL with credentials in it must not reach a log.

use std::fmt;
use std::net::IpAddr;

const SCHEME: &str = "http://";
const PORT: u16 = 80;

/// Longer ones are no URLs of a peer.
const URL_BYTES_MAX: usize = 1_024;

/// `http://HOST[:PORT][/PATH]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub host: Host,
    pub port: u16,
    /// Empty, or begins with a slash and does not end with one.
    pub path: String,
}

/// An address needs no resolver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    Address(IpAddr),
    Name(String),
}

/// Why a URL is none that Tapio speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointError {
    Https,
    NotHttp,
    Credentials,
    NoHost,
    BadPort,
    /// A query or a fragment, neither of which an endpoint has.
    NotABase,
    Malformed,
}

impl EndpointError {
    pub const fn words(self) -> &'static str {
        match self {
            Self::Https => {
                "asks for https, which Tapio does not speak: use http:// to a local proxy \
                 or mesh that does"
            }
            Self::NotHttp => "does not begin with http://",
            Self::Credentials => "holds credentials, which would be sent in plaintext",
            Self::NoHost => "names no host",
            Self::BadPort => "has a port that is not 1 to 65535",
            Self::NotABase => "has a query or a fragment",
            Self::Malformed => "is no URL: it is too long, or holds characters no URL has",
        }
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.words())
    }
}

impl std::error::Error for EndpointError {}

impl Endpoint {
    pub fn parse(url: &str) -> Result<Self, EndpointError> {
        let is_printable = url.bytes().all(|byte| byte.is_ascii_graphic());
        if url.len() > URL_BYTES_MAX || !is_printable {
            return Err(EndpointError::Malformed);
        }
        if starts_with(url, "https:") {
            return Err(EndpointError::Https);
        }
        if !starts_with(url, SCHEME) {
            return Err(EndpointError::NotHttp);
        }
        let rest = &url[SCHEME.len()..];
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(EndpointError::Credentials);
        }
        if path.contains(['?', '#']) {
            return Err(EndpointError::NotABase);
        }
        let (host, port) = split_port(authority)?;
        Ok(Self {
            host: host_of(host)?,
            port,
            path: path.trim_end_matches('/').to_owned(),
        })
    }
}

fn starts_with(url: &str, scheme: &str) -> bool {
    url.get(..scheme.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

fn split_port(authority: &str) -> Result<(&str, u16), EndpointError> {
    let after_brackets = authority.rfind(']').map_or(0, |at| at + 1);
    let Some(colon) = authority[after_brackets..].find(':') else {
        return Ok((authority, PORT));
    };
    let (host, port) = authority.split_at(after_brackets + colon);
    let digits = &port[1..];
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse() {
        Ok(port) if port > 0 && is_number => Ok((host, port)),
        Ok(_) | Err(_) => Err(EndpointError::BadPort),
    }
}

fn host_of(text: &str) -> Result<Host, EndpointError> {
    if text.is_empty() {
        return Err(EndpointError::NoHost);
    }
    if let Some(inner) = text.strip_prefix('[') {
        let address = inner.strip_suffix(']').and_then(|inner| inner.parse().ok());
        return address
            .map(|address| Host::Address(IpAddr::V6(address)))
            .ok_or(EndpointError::Malformed);
    }
    if let Ok(address) = text.parse() {
        return Ok(Host::Address(IpAddr::V4(address)));
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    match text.bytes().all(fits) {
        true => Ok(Host::Name(text.to_owned())),
        false => Err(EndpointError::Malformed),
    }
}

/// As the `Host` header has it, and the log.
impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(IpAddr::V6(address)) => write!(out, "[{address}]")?,
            Host::Address(IpAddr::V4(address)) => write!(out, "{address}")?,
            Host::Name(name) => out.write_str(name)?,
        }
        match self.port {
            PORT => Ok(()),
            port => write!(out, ":{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_part_by_part() {
        for (url, shown, path) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080", ""),
            ("HTTP://controller", "controller", ""),
            ("http://controller:80/", "controller", ""),
            ("http://[::1]:9/a/b/", "[::1]:9", "/a/b"),
            ("http://[fe80::1]", "[fe80::1]", ""),
            ("http://svc_1/x", "svc_1", "/x"),
        ] {
            let endpoint = Endpoint::parse(url).expect(url);
            assert_eq!(
                (endpoint.to_string().as_str(), endpoint.path.as_str()),
                (shown, path)
            );
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused_for_its_reason() {
        use EndpointError::{BadPort, Credentials, Https, Malformed, NoHost, NotABase, NotHttp};
        for (url, wanted) in [
            ("https://controller", Https),
            ("HTTPS://user:pass@controller", Https),
            ("ftp://controller", NotHttp),
            ("controller:8080", NotHttp),
            ("http:/controller", NotHttp),
            ("http://user:pass@controller", Credentials),
            ("http://token@controller:8080/x", Credentials),
            ("http://", NoHost),
            ("http://:8080", NoHost),
            ("http:///path", NoHost),
            ("http://c:0", BadPort),
            ("http://c:65536", BadPort),
            ("http://c:+80", BadPort),
            ("http://c:", BadPort),
            ("http://c?x=1", NotABase),
            ("http://c/a#b", NotABase),
            ("http://c d", Malformed),
            ("http://c\r\nHost: x", Malformed),
            ("http://::1", BadPort),
            ("http://[::1", BadPort),
            ("http://[::1]x", Malformed),
            ("http://c%41", Malformed),
        ] {
            assert_eq!(Endpoint::parse(url), Err(wanted), "{url}");
        }
        let long = format!("http://{}", "a".repeat(URL_BYTES_MAX));
        assert_eq!(Endpoint::parse(&long), Err(Malformed));
    }
}

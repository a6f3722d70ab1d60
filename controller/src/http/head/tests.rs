use super::*;

fn read(text: &str) -> Result<Head<'_>, BadHead> {
    let head = parse(text.as_bytes())?.expect("a whole head");
    assert_eq!(head.bytes, text.len());
    Ok(head)
}

fn headers(lines: &str) -> Result<Head<'static>, BadHead> {
    let text = format!("POST /v1/events HTTP/1.1\r\n{lines}\r\n");
    read(text.leak())
}

#[test]
fn a_head_as_agents_send_it() {
    let head = read(
        "GET /v1/agents/config?agent_id=a&node_name=n HTTP/1.1\r\nHost: h:1\r\n\
         if-none-match:\t\"sha256:0\" \r\nAccept: */*\r\n\r\n",
    )
    .unwrap();
    assert_eq!(head.method, Method::Get);
    assert_eq!(head.path, "/v1/agents/config");
    assert_eq!(head.query, "agent_id=a&node_name=n");
    assert_eq!(head.if_none_match, Some("\"sha256:0\""));
    assert_eq!(head.framing, Framing::None);
    assert!(head.keep_alive);
    assert!(!head.is_1_0);
}

#[test]
fn targets_and_methods() {
    for (line, method, path) in [
        ("GET / HTTP/1.1", Method::Get, "/"),
        ("POST /a HTTP/1.1", Method::Post, "/a"),
        ("get /a HTTP/1.1", Method::Other, "/a"),
        ("OPTIONS * HTTP/1.1", Method::Other, "*"),
        ("GET http://h:1/a?b HTTP/1.1", Method::Get, "/a"),
        ("GET http://h:1 HTTP/1.1", Method::Get, "/"),
    ] {
        let text = format!("{line}\r\n\r\n");
        let head = read(&text).unwrap();
        assert_eq!((head.method, head.path), (method, path), "{line}");
    }
    assert!(read("HEAD / HTTP/1.1\r\n\r\n").unwrap().is_head);
}

#[test]
fn what_is_no_request_line() {
    for line in [
        "",
        " ",
        "GET",
        "GET /",
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "G:T / HTTP/1.1",
        "GET a HTTP/1.1",
        "GET https://h/ HTTP/1.1",
        "GET / ftp/1.1",
        "GET /\u{7f} HTTP/1.1",
        "GET /é HTTP/1.1",
    ] {
        let text = format!("{line}\r\n\r\n");
        let outcome = parse(text.as_bytes());
        assert_eq!(outcome, Err(BadHead::RequestLine), "{line:?}");
    }
    assert_eq!(read("GET / HTTP/2.0\r\n\r\n"), Err(BadHead::Version));
    assert_eq!(read("PRI * HTTP/2.0\r\n\r\n"), Err(BadHead::Version));
}

#[test]
fn connections_stay_open_as_the_version_says_unless_told_otherwise() {
    for (version, header, kept) in [
        ("1.1", "", true),
        ("1.0", "", false),
        ("1.0", "Connection: Keep-Alive\r\n", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "Connection: keep-alive, Close\r\n", false),
        (
            "1.1",
            "Connection: close\r\nConnection: keep-alive\r\n",
            false,
        ),
        ("1.1", "Connection: upgrade\r\n", true),
    ] {
        let text = format!("GET / HTTP/{version}\r\n{header}\r\n");
        assert_eq!(read(&text).unwrap().keep_alive, kept, "{version} {header}");
    }
}

#[test]
fn how_a_body_is_framed() {
    for (lines, framing) in [
        ("", Ok(Framing::None)),
        ("Content-Length: 0\r\n", Ok(Framing::None)),
        ("Content-Length: 7\r\n", Ok(Framing::Length(7))),
        (
            "Content-Length: 7\r\nContent-Length: 7\r\n",
            Ok(Framing::Length(7)),
        ),
        (
            "Content-Length: 99999999999999999999\r\n",
            Ok(Framing::Length(u64::MAX)),
        ),
        (
            "Content-Length: 7\r\nContent-Length: 8\r\n",
            Err(BadHead::Length),
        ),
        ("Content-Length: +7\r\n", Err(BadHead::Length)),
        ("Content-Length: 7, 7\r\n", Err(BadHead::Length)),
        ("Content-Length:\r\n", Err(BadHead::Length)),
        ("transfer-encoding: CHUNKED\r\n", Ok(Framing::Chunked)),
        (
            "Transfer-Encoding: gzip, chunked\r\n",
            Err(BadHead::TransferEncoding),
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            Err(BadHead::TransferEncoding),
        ),
        (
            "Content-Length: 7\r\nTransfer-Encoding: chunked\r\n",
            Err(BadHead::TwoFramings),
        ),
    ] {
        assert_eq!(headers(lines).map(|head| head.framing), framing, "{lines}");
    }
    let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(read(old), Err(BadHead::TransferEncoding));
}

#[test]
fn what_is_no_header() {
    for line in [
        "no colon",
        ": v",
        "a b: v",
        "a : v",
        " folded: v",
        "a: b\0c",
        "a: b\nc: d",
        "a: b\rc",
    ] {
        let outcome = headers(&format!("{line}\r\n"));
        assert_eq!(outcome, Err(BadHead::Header), "{line:?}");
    }
}

#[test]
fn a_value_may_hold_what_is_no_text() {
    let latin = b"GET / HTTP/1.1\r\na: \xe9\r\nIf-None-Match: \xe9\r\n\r\n";
    let head = parse(latin).unwrap().unwrap();
    assert_eq!(head.if_none_match, None);
}

#[test]
fn two_tags_are_a_list_and_match_nothing() {
    let tag = "If-None-Match: \"a\"\r\n";
    let found = |lines: &str| headers(lines).unwrap().if_none_match;
    assert_eq!(found(tag), Some("\"a\""));
    assert_eq!(found(&tag.repeat(2)), None);
    assert_eq!(found(&tag.repeat(3)), None);
}

#[test]
fn heads_are_bounded_in_lines_and_bytes() {
    assert!(headers(&"a: b\r\n".repeat(64)).is_ok());
    assert_eq!(headers(&"a: b\r\n".repeat(65)), Err(BadHead::TooManyLines));
    let filler = |len: usize| format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "x".repeat(len - 23));
    assert!(read(&filler(HEAD_BYTES_MAX)).is_ok());
    let over = filler(HEAD_BYTES_MAX + 1);
    assert_eq!(parse(over.as_bytes()), Err(BadHead::TooLong));
    assert_eq!(parse(&[b'x'; HEAD_BYTES_MAX]), Err(BadHead::TooLong));
    assert_eq!(parse(&[b'x'; HEAD_BYTES_MAX - 1]), Ok(None));
}

#[test]
fn nothing_is_said_of_a_head_before_its_end() {
    let text = b"GET / HTTP/1.1\r\na: b\r\n\r\nrest";
    for len in 0..text.len() {
        let head = parse(&text[..len]).unwrap();
        assert_eq!(
            head.map(|head| head.bytes),
            (len >= 24).then_some(24),
            "{len}"
        );
    }
}

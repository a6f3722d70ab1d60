use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use super::*;
use crate::http::Endpoint;
use crate::stop::Stop;

/// What comes of one call to a peer that answers so; and what it was asked.
fn ask<T: Send>(
    answer: &str,
    call: impl FnOnce(&mut Exchange<'_>, &Leave<'_>) -> T + Send,
) -> (T, String) {
    let peer = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = peer.local_addr().expect("bound");
    let endpoint = Endpoint::parse(&format!("http://{address}")).expect("a URL");
    let link = Link::new(endpoint, "agent 1".into(), "node/1".into()).expect("an eventfd");
    let stop = Stop::new().expect("an eventfd");
    thread::scope(|scope| {
        let peer = scope.spawn(move || {
            let (mut stream, _) = peer.accept().expect("a connection");
            let mut asked = vec![0; 64 << 10];
            let read = stream.read(&mut asked).expect("readable");
            stream.write_all(answer.as_bytes()).expect("writable");
            String::from_utf8_lossy(&asked[..read]).into_owned()
        });
        let leave = Leave::new(&stop, Duration::ZERO);
        let mut exchange = Exchange::new(&link);
        let outcome = call(&mut exchange, &leave);
        (outcome, peer.join().expect("no panic"))
    })
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

fn poll(answer: &str, hash: Option<&str>) -> Result<Fetched, Trouble> {
    ask(answer, |exchange, leave| exchange.config(hash, leave)).0
}

#[test]
fn the_poll_says_who_asks_and_what_it_has() {
    let said = answer("304", "ETag: \"sha256:0a\"\r\n", "");
    let (outcome, asked) = ask(&said, |exchange, leave| {
        exchange.config(Some("sha256:0a"), leave)
    });
    assert!(matches!(outcome, Ok(Fetched::Unchanged)), "{outcome:?}");
    let start = "GET /v1/agents/config?agent_id=agent%201&node_name=node%2F1 HTTP/1.1\r\n";
    assert!(asked.starts_with(start), "{asked}");
    assert!(
        asked.contains("\r\nIf-None-Match: \"sha256:0a\"\r\n"),
        "{asked}"
    );
    let (_, asked) = ask(&said, |exchange, leave| exchange.config(None, leave));
    assert!(!asked.contains("If-None-Match"), "{asked}");
}

#[test]
fn nothing_changed_is_believed_of_the_very_config_alone() {
    let wrong = answer("304", "ETag: \"sha256:0b\"\r\n", "");
    let none = answer("304", "", "");
    assert!(matches!(
        poll(&wrong, Some("sha256:0a")),
        Err(Trouble::OtherTag)
    ));
    assert!(matches!(poll(&wrong, None), Err(Trouble::OtherTag)));
    assert!(matches!(poll(&none, None), Err(Trouble::OtherTag)));
    assert!(matches!(
        poll(&none, Some("sha256:0a")),
        Ok(Fetched::Unchanged)
    ));
}

#[test]
fn an_offer_comes_with_its_tag_and_its_very_bytes() {
    let offered = poll(&answer("200", "ETag: \"sha256:0b\"\r\n", "{ }"), None);
    let Ok(Fetched::Offered { body, tagged }) = offered else {
        panic!("{offered:?}");
    };
    assert_eq!(
        (body.as_slice(), tagged.as_deref()),
        (b"{ }".as_slice(), Some("sha256:0b"))
    );
}

#[test]
fn other_statuses_are_told_by_number_and_by_the_protocols_own_code() {
    let refusal = r#"{"error":{"code":"INTERNAL_ERROR","message":"hunter2"}}"#;
    for (said, wanted) in [
        (answer("500", "", refusal), "it answered 500 INTERNAL_ERROR"),
        (answer("404", "", refusal), "it answered 404"),
        (answer("502", "", "<html>hunter2"), "it answered 502"),
        (
            answer("307", "Location: http://127.0.0.1:1/hunter2\r\n", ""),
            "it answered 307",
        ),
    ] {
        let trouble = poll(&said, None).expect_err(&said);
        assert_eq!(trouble.to_string(), wanted);
        assert!(!trouble.is_unreached());
    }
}

#[test]
fn a_body_that_is_too_large_is_none() {
    let huge = " ".repeat(CONFIG_RESPONSE_BYTES_MAX + 1);
    let trouble = poll(&answer("200", "", &huge), None).expect_err("it is too large");
    assert!(
        matches!(trouble, Trouble::Call(CallError::TooLarge(_))),
        "{trouble:?}"
    );
}

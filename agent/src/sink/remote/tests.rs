use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::Instant;

use tapio_common::catalogue::{Anomaly, Severity};
use tapio_common::ledger::SinkCounts;
use tapio_common::sink::Written;
use tapio_common::time::{Now, Timestamp};

use super::*;
use crate::http::peer::read_head;

const NOW: Now = Now {
    wall: Timestamp(0),
    boot_nanos: 0,
};

/// A dialect as plain as can be: the lines, and a number of rejected ones for an answer.
const PLAIN: Dialect = Dialect {
    name: SinkName::Http,
    target: "/in",
    content_type: "text/plain",
    encode: |batch| batch.iter().flat_map(|block| block.lines.clone()).collect(),
    is_passing: |status| status == 503,
    read: |body| Receipt {
        rejected: words(body).parse().unwrap_or(0),
        words: words(body),
    },
};

fn answer(status: u16, more: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{more}\r\n{body}")
}

/// Head and body of the next request.
fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let (head, length) = read_head(stream)?;
    let mut body = vec![0; length.expect("a length")];
    stream.read_exact(&mut body).expect("all of it");
    Some((head, String::from_utf8(body).expect("text")))
}

/// A peer that gives these answers, one per request, an empty one for none at all.
fn serve(listener: &TcpListener, answers: &[String]) -> Vec<(String, String)> {
    let mut served = Vec::new();
    let mut answers = answers.iter().peekable();
    while answers.peek().is_some() {
        let (mut stream, _) = listener.accept().expect("a connection");
        while answers.peek().is_some() {
            let Some(request) = request(&mut stream) else {
                break;
            };
            served.push(request);
            match answers.next() {
                Some(answer) if !answer.is_empty() => {
                    stream.write_all(answer.as_bytes()).expect("writable");
                }
                Some(_) | None => break,
            }
        }
    }
    served
}

struct Run {
    counts: SinkCounts,
    served: Vec<(String, String)>,
}

/// Offers lines of this many bytes, lets the peer answer them all, and stops.
fn run(lines: u64, bytes: usize, headers: Vec<Header>, answers: &[String]) -> Run {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/base", listener.local_addr().expect("bound"));
    let account = SinkAccount::default();
    let stop = Stop::new().expect("an eventfd");
    let endpoint = Endpoint::parse(&url).expect("a URL");
    let Opened { mut front, task } = connect(PLAIN, endpoint, headers, &account);
    let task = task.expect("it has a thread");
    let served = thread::scope(|scope| {
        let peer = scope.spawn(|| serve(&listener, answers));
        let sending = scope.spawn(|| task(&stop));
        for number in 0..lines {
            let mut line = format!("{number:0bytes$}").into_bytes();
            line[bytes - 1] = b'\n';
            front.take(&Written {
                line: &line,
                at: Timestamp(number),
                anomaly: Anomaly::OomKill,
                severity: Severity::Critical,
            });
        }
        front.flush(NOW);
        let served = peer.join().expect("no panic");
        drop(stop.guard());
        drop(front);
        sending.join().expect("no panic").expect("it ends well");
        served
    });
    let counts = account.counts();
    assert_eq!(counts.pending, 0);
    assert_eq!(counts.delivered + counts.dropped_total(), lines);
    Run { counts, served }
}

#[test]
fn a_batch_is_one_request_with_its_headers() {
    let path = std::env::temp_dir().join(format!("tapio-remote-{}", std::process::id()));
    fs::write(&path, "Bearer hunter2\n").expect("room");
    let header = Header::open("Authorization", &path).expect("a line");
    let run = run(3, 8, vec![header], &[answer(204, "", "")]);
    fs::remove_file(&path).expect("it is there");
    let (head, body) = &run.served[0];
    assert!(head.starts_with("POST /base/in HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nContent-Type: text/plain\r\n"), "{head}");
    assert!(
        head.contains("\r\nAuthorization: Bearer hunter2\r\n"),
        "{head}"
    );
    assert_eq!(body.lines().count(), 3);
    assert_eq!(run.counts.delivered, 3);
}

#[test]
fn what_passes_is_tried_again_with_the_same_bytes() {
    let answers = [
        answer(503, "Retry-After: 0\r\n", "busy"),
        String::new(),
        answer(200, "", ""),
    ];
    let run = run(2, 8, Vec::new(), &answers);
    let bodies: Vec<&String> = run.served.iter().map(|(_, body)| body).collect();
    assert_eq!(bodies.len(), 3);
    assert!(bodies.windows(2).all(|two| two[0] == two[1]), "{bodies:?}");
    assert_eq!(run.counts.delivered, 2);
}

#[test]
fn what_is_refused_for_good_is_dropped_and_redirects_are_not_followed() {
    for status in [302, 400, 401, 404, 500] {
        let run = run(
            2,
            8,
            Vec::new(),
            &[answer(status, "Location: /else\r\n", "no")],
        );
        assert_eq!(run.counts.dropped["refused"], 2, "{status}");
        assert_eq!(run.served.len(), 1);
    }
}

#[test]
fn a_secret_that_is_refused_may_be_replaced() {
    let path = std::env::temp_dir().join(format!("tapio-remote-replaced-{}", std::process::id()));
    fs::write(&path, "old").expect("room");
    let header = Header::open("X-Key", &path).expect("a line");
    fs::write(&path, "new").expect("room");
    let run = run(
        1,
        8,
        vec![header],
        &[answer(401, "", ""), answer(200, "", "")],
    );
    fs::remove_file(&path).expect("it is there");
    assert_eq!(run.counts.delivered, 1);
    assert!(run.served[1].0.contains("X-Key: new"), "{:?}", run.served);
}

#[test]
fn what_a_peer_rejects_of_a_batch_is_refused_and_the_rest_delivered() {
    let run = run(5, 8, Vec::new(), &[answer(200, "", "2")]);
    assert_eq!(
        (run.counts.delivered, run.counts.dropped["refused"]),
        (3, 2)
    );
    let all = self::run(5, 8, Vec::new(), &[answer(200, "", "9")]);
    assert_eq!(all.counts.dropped["refused"], 5, "no more than there were");
}

#[test]
fn too_much_at_once_is_sent_in_halves() {
    // Two blocks of 16 KiB make one batch.
    let answers = [
        answer(413, "", ""),
        answer(200, "", ""),
        answer(413, "", ""),
    ];
    let run = run(40, 512, Vec::new(), &answers);
    assert_eq!(run.served.len(), 3);
    assert_eq!(
        (run.counts.delivered, run.counts.dropped["refused"]),
        (32, 8)
    );
}

#[test]
fn a_peer_that_never_answers_delays_a_stop_by_the_grace_and_no_more() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let account = SinkAccount::default();
    let stop = Stop::new().expect("an eventfd");
    let endpoint = Endpoint::parse(&url).expect("a URL");
    let Opened { mut front, task } = connect(PLAIN, endpoint, Vec::new(), &account);
    let task = task.expect("it has a thread");
    thread::scope(|scope| {
        let sending = scope.spawn(|| task(&stop));
        front.take(&Written {
            line: b"{}\n",
            at: Timestamp(0),
            anomaly: Anomaly::OomKill,
            severity: Severity::Critical,
        });
        front.flush(NOW);
        // The request is in, and will get no answer.
        let (mut stream, _) = listener.accept().expect("a connection");
        request(&mut stream).expect("a request");
        let asked = Instant::now();
        drop(stop.guard());
        drop(front);
        sending.join().expect("no panic").expect("it ends well");
        assert!(
            asked.elapsed() < GRACE + Duration::from_secs(2),
            "{:?}",
            asked.elapsed()
        );
    });
    assert_eq!(account.counts().dropped["stopped"], 1);
}

fn settings(sinks: &[SinkName], headers: &[(Option<SinkName>, &str)]) -> Settings {
    let mut settings = Settings::blank();
    settings.sinks = sinks.to_vec();
    let source = |(sink, path): &(Option<SinkName>, &str)| crate::settings::HeaderSource {
        sink: *sink,
        name: "X-Key".to_owned(),
        path: PathBuf::from(path),
    };
    settings.sink_headers = headers.iter().map(source).collect();
    settings
}

fn opened(url: Option<&str>, settings: &Settings) -> Result<(), SinkError> {
    let account = SinkAccount::default();
    let endpoint = url.map(|url| Endpoint::parse(url).expect(url));
    let opened = super::open(PLAIN, endpoint.as_ref(), settings, &account);
    opened.map(|_| ())
}

#[test]
fn what_is_missing_is_named_and_a_secret_goes_to_its_own_peer_alone() {
    let alone = &[SinkName::Http];
    let said = opened(None, &settings(alone, &[]))
        .expect_err("no place to send to")
        .to_string();
    assert!(said.contains("--http-url http://"), "{said}");
    let here = Some("http://h");
    let absent = settings(alone, &[(None, "/nonexistent")]);
    let said = opened(here, &absent).expect_err("no secret").to_string();
    assert!(
        said.starts_with("--sink-header: the header in /nonexistent"),
        "{said}"
    );
    let both = &[SinkName::Http, SinkName::Otlp];
    let said = opened(here, &settings(both, &[(None, "/nonexistent")]))
        .expect_err("whose?")
        .to_string();
    assert!(said.contains("http:X-Key or otlp:X-Key"), "{said}");
    let other = settings(both, &[(Some(SinkName::Otlp), "/nonexistent")]);
    assert!(opened(here, &other).is_ok(), "it is not ours");
}

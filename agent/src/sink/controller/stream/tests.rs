use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use tapio_common::catalogue::{Anomaly, Outcome, Severity};
use tapio_common::ident::UlidSource;
use tapio_common::occurrence::{Head, write_line};
use tapio_common::time::Timestamp;
use tapio_wire::EventBatch;

use super::*;
use crate::accounts::ControllerAccount;
use crate::http::peer::read_head;
use crate::http::{Chance, Endpoint};
use crate::managed::Link;

const TAKEN: &str =
    r#"{"wire_version":"tapio-wire/v1","accepted":0,"rejected":0,"next_config_version":"1"}"#;

/// A folder with so many occurrences in one segment.
struct Scratch(PathBuf);

const FIRST: &str = "1970-01-01T00.jsonl";
const SECOND: &str = "1970-01-01T01.jsonl";

impl Scratch {
    fn with(events: u64) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tapio-stream-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a new folder");
        let scratch = Self(path);
        scratch.add(FIRST, 0..events);
        scratch
    }

    /// These too, at the end of a segment.
    fn add(&self, segment: &str, events: std::ops::Range<u64>) {
        let mut lines = Vec::new();
        let mut ids = UlidSource::new([1; 10]);
        for number in events {
            let head = Head {
                id: ids.next(number),
                at: Timestamp(number),
                anomaly: Anomaly::OomKill,
                severity: Severity::Critical,
                outcome: Outcome::Failure,
                error: None,
                node: "n",
            };
            write_line(&mut lines, &head, |facts| facts.u64("n", number));
        }
        let mut options = OpenOptions::new();
        let mut file = options
            .create(true)
            .append(true)
            .open(self.0.join(segment))
            .expect("writable");
        file.write_all(&lines).expect("writable");
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("it is ours");
    }
}

/// One batch as the peer got it: its sequence and its moments.
type Got = (u64, Vec<u64>);

/// What a peer gets that answers each request in turn as `answer` says, until the stream ends.
fn run(
    scratch: &Scratch,
    account: &SinkAccount,
    mut answer: impl FnMut(&Got) -> (u16, String) + Send,
) -> Vec<Got> {
    run_with(scratch, account, |_, got| answer(got))
}

/// The same, with an eye on what both threads of the agent share.
fn run_with(
    scratch: &Scratch,
    account: &SinkAccount,
    mut answer: impl FnMut(&Link, &Got) -> (u16, String) + Send,
) -> Vec<Got> {
    let peer = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = peer.local_addr().expect("bound");
    let (stop, done) = (
        Stop::new().expect("an eventfd"),
        Stop::new().expect("an eventfd"),
    );
    let link = link(address);
    link.set_greeted();
    thread::scope(|scope| {
        let served = scope.spawn(|| {
            let mut got = Vec::new();
            loop {
                let (mut stream, _) = peer.accept().expect("a connection");
                while let Some(batch) = read_batch(&mut stream) {
                    let (status, body) = answer(&link, &batch);
                    got.push(batch);
                    let length = body.len();
                    let said =
                        format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}");
                    if stream.write_all(said.as_bytes()).is_err() {
                        break;
                    }
                }
                if done.is_closed() {
                    return got;
                }
            }
        });
        let counters = ControllerAccount::default();
        let bell = Arc::new(Bell::new().expect("an eventfd"));
        bell.end();
        stream(scratch, &link, &counters, &bell, account).run(&stop);
        drop(done.guard());
        drop(std::net::TcpStream::connect(address)); // the peer sees that it is over
        served.join().expect("no panic")
    })
}

fn stream<'a>(
    scratch: &Scratch,
    link: &'a Link,
    counters: &'a ControllerAccount,
    bell: &Arc<Bell>,
    account: &'a SinkAccount,
) -> Stream<'a> {
    let directory = Directory::open(&scratch.0).expect("a directory");
    let courier = Courier::new(link, counters, Chance::new(1));
    Stream::new(directory, courier, Arc::clone(bell), account).expect("it can be read")
}

fn link(address: SocketAddr) -> Link {
    let endpoint = Endpoint::parse(&format!("http://{address}")).expect("a URL");
    let link = Link::new(endpoint, "a".into(), "n".into()).expect("an eventfd");
    link.set_batching(tapio_wire::Batching {
        send_interval_ms: 0,
        max_batch_events: 4,
    });
    link
}

fn read_batch(stream: &mut std::net::TcpStream) -> Option<Got> {
    let (_, length) = read_head(stream)?;
    let mut body = vec![0; length.expect("a body")];
    stream.read_exact(&mut body).ok()?;
    let batch = EventBatch::parse(&body, 4).expect("what is sent can be read");
    let moments = batch.events.iter().map(|event| event.timestamp_unix_nanos);
    Some((batch.sequence, moments.collect()))
}

fn taken(got: &Got) -> (u16, String) {
    let events = got.1.len();
    (
        200,
        TAKEN.replace("\"accepted\":0", &format!("\"accepted\":{events}")),
    )
}

fn refused(status: u16, code: &str) -> (u16, String) {
    let body = format!(r#"{{"error":{{"code":"{code}","message":"no"}}}}"#);
    (status, body)
}

#[test]
fn batches_go_out_in_order_and_what_an_earlier_run_stored_is_counted_apart() {
    let (scratch, account) = (Scratch::with(10), SinkAccount::default());
    let got = run(&scratch, &account, taken);
    assert_eq!(
        got,
        [
            (1, vec![0, 1, 2, 3]),
            (2, vec![4, 5, 6, 7]),
            (3, vec![8, 9])
        ]
    );
    let counts = account.counts();
    assert_eq!(
        (counts.delivered, counts.earlier, counts.pending),
        (0, 10, 0)
    );
    assert!(
        run(&scratch, &account, taken).is_empty(),
        "nothing comes twice"
    );
}

#[test]
fn what_is_taken_too_late_is_sent_again_as_it_was() {
    let (scratch, account) = (Scratch::with(6), SinkAccount::default());
    let mut answers = 0;
    let got = run(&scratch, &account, |got| {
        answers += 1;
        match answers {
            1 => (500, String::new()),
            2 => refused(400, "UNSUPPORTED_VERSION"),
            3 => (400, "<html>".to_owned()), // of a proxy, not of the controller
            4 => (200, "{\"cut".to_owned()),
            5 => (302, String::new()),
            _ => taken(got),
        }
    });
    let first = (1, vec![0, 1, 2, 3]);
    assert!(got[..6].iter().all(|batch| *batch == first), "{got:?}");
    assert_eq!(got[6..], [(2, vec![4, 5])]);
    assert_eq!(account.counts().earlier, 6);
}

#[test]
fn a_batch_that_is_refused_for_good_is_set_aside_and_its_sequence_is_the_next_ones() {
    let (scratch, account) = (Scratch::with(10), SinkAccount::default());
    let got = run(&scratch, &account, |got| match got.1[0] {
        0 => refused(422, "REASONING_FIELD"),
        4 => refused(400, "MISSING_FIELD"),
        _ => taken(got),
    });
    assert_eq!(
        got,
        [
            (1, vec![0, 1, 2, 3]),
            (1, vec![4, 5, 6, 7]),
            (1, vec![8, 9])
        ]
    );
    let counts = account.counts();
    assert_eq!((counts.earlier, counts.earlier_dropped["refused"]), (2, 8));
    assert_eq!(counts.dropped_total(), 0, "it is none of this run's");
}

#[test]
fn what_is_refused_for_no_reason_of_the_protocol_is_set_aside_if_heartbeats_get_through() {
    for said in [
        (400, "<html>".to_owned()),
        (422, String::new()),
        refused(400, "UNSUPPORTED_VERSION"),
    ] {
        let (scratch, account) = (Scratch::with(6), SinkAccount::default());
        let got = run_with(&scratch, &account, |link, got| {
            link.count_heartbeat();
            match got.1[0] {
                0 => said.clone(),
                _ => taken(got),
            }
        });
        let tries = got.iter().filter(|got| got.1[0] == 0).count();
        assert_eq!(tries, 3, "no sooner and no later: {got:?}");
        assert_eq!(got.last(), Some(&(1, vec![4, 5])));
        assert_eq!(account.counts().earlier_dropped["refused"], 4);
    }
}

#[test]
fn a_batch_that_is_too_large_is_halved_until_what_is_too_large_stands_alone() {
    let (scratch, account) = (Scratch::with(6), SinkAccount::default());
    let got = run(&scratch, &account, |got| match got.1.contains(&2) {
        true => (413, String::new()),
        false => taken(got),
    });
    assert_eq!(
        got,
        [
            (1, vec![0, 1, 2, 3]),
            (1, vec![0, 1]),
            (2, vec![2, 3, 4, 5]),
            (2, vec![2, 3]),
            (2, vec![2]),
            (2, vec![3, 4, 5]),
        ]
    );
    let counts = account.counts();
    assert_eq!((counts.earlier, counts.earlier_dropped["refused"]), (5, 1));
}

#[test]
fn a_field_that_may_be_the_number_of_events_is_tried_with_fewer() {
    let (scratch, account) = (Scratch::with(9), SinkAccount::default());
    let got = run(&scratch, &account, |got| match got.1.len() > 2 {
        true => refused(400, "INVALID_FIELD"),
        false => taken(got),
    });
    assert_eq!(account.counts().earlier, 9, "{got:?}");
    assert_eq!(account.counts().dropped_total(), 0);
}

#[test]
fn an_agent_that_leaves_tries_once_where_nobody_is() {
    let (scratch, account) = (Scratch::with(9), SinkAccount::default());
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port");
    let link = link(nobody.local_addr().expect("bound"));
    drop(nobody);
    link.set_greeted();
    let counters = ControllerAccount::default();
    let bell = Arc::new(Bell::new().expect("an eventfd"));
    let stop = Stop::new().expect("an eventfd");
    drop(stop.guard());
    stream(&scratch, &link, &counters, &bell, &account).run(&stop);
    assert_eq!(counters.send_failures(), 1);
    let counts = account.counts();
    assert_eq!(counts.earlier_dropped.len(), 0, "it is all there");
}

#[test]
fn what_is_removed_while_nobody_takes_it_is_counted_before_the_agent_leaves() {
    let (scratch, account) = (Scratch::with(9), SinkAccount::default());
    scratch.add(SECOND, 9..13);
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port");
    let link = link(nobody.local_addr().expect("bound"));
    drop(nobody);
    link.set_greeted();
    let counters = ControllerAccount::default();
    let bell = Arc::new(Bell::new().expect("an eventfd"));
    let stop = Stop::new().expect("an eventfd");
    let stream = stream(&scratch, &link, &counters, &bell, &account);
    scratch.add(SECOND, 13..18);
    account.queue(5);
    fs::remove_file(scratch.0.join(FIRST)).expect("it is there");
    drop(stop.guard());
    stream.run(&stop);
    let counts = account.counts();
    assert_eq!(counts.earlier_dropped["expired"], 9);
    assert_eq!((counts.pending, counts.dropped_total()), (5, 0));
}

#[test]
fn a_batch_that_fills_up_does_not_wait_for_the_end_of_the_interval() {
    let (scratch, account) = (Scratch::with(1), SinkAccount::default());
    let peer = TcpListener::bind("127.0.0.1:0").expect("a port");
    let link = link(peer.local_addr().expect("bound"));
    link.set_batching(tapio_wire::Batching {
        send_interval_ms: 3_600_000,
        max_batch_events: 4,
    });
    link.set_greeted();
    let counters = ControllerAccount::default();
    let bell = Arc::new(Bell::new().expect("an eventfd"));
    let stop = Stop::new().expect("an eventfd");
    let stream = stream(&scratch, &link, &counters, &bell, &account);
    thread::scope(|scope| {
        scope.spawn(|| stream.run(&stop));
        scratch.add(FIRST, 1..4);
        account.queue(3);
        bell.ring();
        let (mut connection, _) = peer.accept().expect("within the hour");
        let got = read_batch(&mut connection).expect("a batch");
        assert_eq!(got, (1, vec![0, 1, 2, 3]));
        bell.end();
        drop(stop.guard());
    });
}

#[test]
fn what_waited_and_is_not_there_any_more_has_expired() {
    let (scratch, account) = (Scratch::with(1), SinkAccount::default());
    account.queue(3);
    run(&scratch, &account, taken);
    let counts = account.counts();
    assert_eq!((counts.pending, counts.dropped["expired"]), (0, 3));
    assert_eq!(counts.earlier, 1);
}

use std::cell::RefCell;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use tapio_common::time::Timestamp;
use tapio_wire::CompiledConfig;

use super::*;
use crate::batch::Item;
use crate::http::Endpoint;
use crate::http::peer::read_head;
use crate::kernel::FairShare;
use crate::live::Live;
use crate::managed::Intervals;
use crate::queue::{Sender, bounded};

const KNOWN: &str = r#"{"wire_version":"tapio-wire/v1","accepted":true,"next_config_version":"1"}"#;
const GREETED: &str = r#"{"wire_version":"tapio-wire/v1","accepted":true,"controller_id":"c",
    "config_version":"1","send_interval_ms":1000,"max_batch_events":256}"#;
/// As many servers say it: nothing follows, so no length does.
const UNCHANGED: &str = "HTTP/1.1 304 Not Modified\r\nETag: \"sha256:0a\"\r\n\r\n";

fn said(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

/// What a controller says to whoever asks for what it should.
fn well(asked: &str) -> String {
    match asked.split(' ').nth(1) {
        Some("/v1/agents/hello") => said(200, "", GREETED),
        Some("/v1/agents/heartbeat") => said(200, "", KNOWN),
        Some(_) | None => UNCHANGED.to_owned(),
    }
}

/// A folder for the last config.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tapio-turns-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("it is ours");
    }
}

/// An agent that runs on a config of hash `sha256:0a`, towards this address.
fn with_turns<T>(
    address: std::net::SocketAddr,
    then: impl FnOnce(Turns<'_>, &Leave<'_>) -> T,
) -> T {
    let (scratch, stop) = (Scratch::new(), Stop::new().expect("an eventfd"));
    let endpoint = Endpoint::parse(&format!("http://{address}")).expect("a URL");
    let link = Link::new(endpoint, "a".into(), "n".into()).expect("an eventfd");
    let (kept, accounts) = (Kept::new(), Accounts::new("boot", Timestamp(0), &[], &[]));
    let hour = Duration::from_secs(3_600);
    let managed = Managed {
        link: &link,
        kept: &kept,
        intervals: Intervals {
            poll: hour,
            heartbeat: hour,
        },
        last: LastConfig::in_folder(&scratch.0),
    };
    let live = Live {
        observers: &[],
        names: None,
    };
    let named = NamedConfig {
        config: CompiledConfig::default(),
        generation: 1,
        hash: "sha256:0a".into(),
    };
    let (items, _received) = bounded(8);
    let in_force = InForce::new(live, FairShare::OFF, "boot", items, Some(named));
    let turns = managed.turns(in_force, &accounts, 1);
    then(turns, &Leave::new(&stop, Duration::ZERO))
}

/// The same, towards a peer that answers so; what it was asked, by connection.
fn with_peer(
    answer: impl Fn(&str) -> String + Send,
    then: impl FnOnce(Turns<'_>, &Leave<'_>),
) -> Vec<Vec<String>> {
    let peer = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = peer.local_addr().expect("bound");
    thread::scope(|scope| {
        let served = scope.spawn(move || {
            let mut heard = Vec::new();
            loop {
                let (mut stream, _) = peer.accept().expect("a connection");
                let mut asked = Vec::new();
                while let Some(request) = read_request(&mut stream) {
                    stream
                        .write_all(answer(&request).as_bytes())
                        .expect("writable");
                    asked.push(request);
                }
                if asked.is_empty() {
                    return heard; // somebody only knocked: that is the end
                }
                heard.push(asked);
            }
        });
        with_turns(address, then);
        drop(TcpStream::connect(address));
        served.join().expect("no panic")
    })
}

/// Head and body.
fn read_request(stream: &mut TcpStream) -> Option<String> {
    let (head, length) = read_head(stream)?;
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8(body).expect("text"))
}

fn paths(asked: &[String]) -> Vec<&str> {
    asked
        .iter()
        .filter_map(|asked| asked.split([' ', '?']).nth(1))
        .collect()
}

fn make_all_due(turns: &mut Turns<'_>) {
    turns.poll.make_due(0);
    turns.beat.make_due(0);
}

#[test]
fn a_whole_turn_is_one_connection_whatever_the_answers_are_like() {
    let heard = with_peer(well, |mut turns, leave| {
        make_all_due(&mut turns);
        turns.turn(leave);
        assert!(turns.is_known && !turns.is_told);
        assert_eq!(turns.link.heartbeats(), 1);
    });
    let [turn] = &heard[..] else {
        panic!("{heard:?}");
    };
    assert_eq!(
        paths(turn),
        [
            "/v1/agents/hello",
            "/v1/agents/config",
            "/v1/agents/heartbeat"
        ]
    );
}

#[test]
fn a_heartbeat_that_nobody_is_there_for_has_failed_like_any_other() {
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = nobody.local_addr().expect("bound");
    drop(nobody);
    with_turns(address, |mut turns, leave| {
        turns.is_known = true;
        make_all_due(&mut turns);
        turns.turn(leave);
        let account = turns.accounts.controller();
        assert_eq!(account.send_failures(), 1);
        assert_eq!(account.fetches(FetchResult::Failed), 1);
        turns.is_known = false;
        make_all_due(&mut turns);
        turns.turn(leave);
        assert_eq!(account.send_failures(), 3, "a hello and a heartbeat more");
        assert_eq!(account.fetches(FetchResult::Failed), 2);
    });
}

#[test]
fn a_controller_is_not_back_while_one_kind_of_call_fails() {
    let polls = AtomicU32::new(0);
    let answer = |asked: &str| match asked.starts_with("GET ") {
        true if polls.fetch_add(1, Ordering::Relaxed) == 0 => said(500, "", ""),
        true | false => well(asked),
    };
    with_peer(answer, |mut turns, leave| {
        make_all_due(&mut turns);
        turns.turn(leave);
        assert!(turns.is_told);
        turns.poll.make_due(u64::MAX);
        turns.beat.make_due(0);
        turns.turn(leave);
        assert!(turns.is_told, "the poll has not come back");
        turns.poll.make_due(0);
        turns.turn(leave);
        assert!(!turns.is_told);
    });
}

#[test]
fn what_is_kept_out_is_said_in_the_same_turn_and_said_until_it_is_over() {
    let polls = AtomicU32::new(0);
    let answer = |asked: &str| match asked.starts_with("GET ") {
        true => match polls.fetch_add(1, Ordering::Relaxed) {
            0 => said(200, "ETag: \"sha256:0b\"\r\n", "{}"),
            1 => said(200, "", "{}"),
            _ => UNCHANGED.to_owned(),
        },
        false => well(asked),
    };
    let heard = with_peer(answer, |mut turns, leave| {
        turns.poll.make_due(0);
        turns.turn(leave);
        make_all_due(&mut turns);
        turns.turn(leave);
        turns.poll.make_due(0);
        turns.turn(leave);
    });
    let beats: Vec<bool> = heard
        .iter()
        .flatten()
        .filter(|asked| asked.contains("/v1/agents/heartbeat"))
        .map(|asked| asked.contains(r#""config_last_failed":{"config_hash":"sha256:0b""#))
        .collect();
    assert_eq!(beats, [true, true, false], "{heard:?}");
}

#[test]
fn who_leaves_before_the_first_turn_lets_the_batches_go() {
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = nobody.local_addr().expect("bound");
    let stop = Stop::new().expect("an eventfd");
    drop(stop.guard());
    with_turns(address, |turns, _| {
        let link = turns.link;
        assert!(!link.greeted().is_closed());
        turns.run(&stop);
        assert!(link.greeted().is_closed());
    });
}

/// The way to the batch thread, and the lines of a thread's log, each with what was on it then.
struct Watched {
    items: Sender<Item>,
    lines: Vec<(String, usize)>,
}

thread_local! {
    static WATCHED: RefCell<Option<Watched>> = const { RefCell::new(None) };
}

struct Witness;

impl log::Log for Witness {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        WATCHED.with_borrow_mut(|watched| {
            if let Some(watched) = watched {
                let on_their_way = watched.items.len();
                watched
                    .lines
                    .push((record.args().to_string(), on_their_way));
            }
        });
    }

    fn flush(&self) {}
}

#[test]
fn a_config_is_called_in_force_when_it_is() {
    log::set_logger(&Witness).expect("no other test has a logger");
    log::set_max_level(log::LevelFilter::Info);
    let config =
        include_str!("../../../../tests/data/wire/good/config-response/production-default.json");
    let answer = |asked: &str| match asked.starts_with("GET ") {
        true => said(200, "", config),
        false => well(asked),
    };
    with_peer(answer, |mut turns, leave| {
        let items = turns.in_force.items.clone();
        let lines = Vec::new();
        WATCHED.set(Some(Watched { items, lines }));
        turns.poll.make_due(0);
        turns.turn(leave);
    });
    let Watched { lines, .. } = WATCHED.take().expect("it was set");
    let told = lines.iter().find(|(line, _)| line.contains("is in force"));
    let (line, on_their_way) = told.unwrap_or_else(|| panic!("{lines:?}"));
    assert_eq!(*on_their_way, 1, "coverage comes before: {line}");
}

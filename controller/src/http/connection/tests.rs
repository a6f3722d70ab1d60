use std::io::{ErrorKind, Write};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::time::Duration;

use super::*;
use crate::config::{ActiveConfig, FIRST_GENERATION};
use crate::http::poll::{Interest, Poll};
use crate::moment::Clock;
use crate::registry::{Registration, Registry, Shared};
use crate::routes;
use crate::settings::Settings;
use std::sync::Arc;

const BODY_BYTES_MAX: usize = 1_024;

/// A connection between a client and the half under test, and everything it is lent.
struct Bench {
    client: TcpStream,
    connection: Connection,
    site: Site,
    date: Date,
    scratch: Vec<u8>,
    out: Vec<u8>,
    now_ms: u64,
    wish: Wish,
    leaving: bool,
}

impl Bench {
    fn new() -> Self {
        Self::with_agents(0)
    }

    fn with_agents(agents: usize) -> Self {
        let mut settings = Settings::blank();
        settings.body_bytes_max = BODY_BYTES_MAX;
        settings.controller_id = "c".to_owned();
        let config = ActiveConfig::new(FIRST_GENERATION, Default::default(), Default::default());
        let mut registry = Registry::new(config.unwrap(), agents);
        let now = Clock::start().now();
        for number in 0..agents {
            let name: Arc<str> = format!("agent-{number:05}-{}", "x".repeat(200)).into();
            let registration = Registration {
                agent_id: Arc::clone(&name),
                node_name: Arc::clone(&name),
                tapio_version: name,
            };
            assert!(registry.hello(registration, None, now));
        }
        let registry = Arc::new(Shared::new(registry));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        client
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        Self {
            client,
            connection: Connection::new(server, BODY_BYTES_MAX, 0),
            site: Site::new(&settings, Clock::start(), registry, None, routes::dispatch),
            date: Date::default(),
            scratch: vec![0; limits::READ_BYTES],
            out: Vec::new(),
            now_ms: 0,
            wish: Wish::Read,
            leaving: false,
        }
    }

    /// Waits until the wish of the last turn can be granted, and grants it.
    #[track_caller]
    fn turn(&mut self) -> Wish {
        let interest = match self.wish {
            Wish::Read => Interest::Read,
            Wish::Write => Interest::Write,
            Wish::Close => panic!("it is closed"),
        };
        let (mut poll, mut tokens) = (Poll::new().unwrap(), Vec::new());
        poll.add(self.connection.stream().as_fd(), 7, interest)
            .unwrap();
        poll.wait(Some(10_000), &mut tokens).unwrap();
        assert_eq!(
            tokens,
            [7],
            "nothing happened for its wish to {:?}",
            self.wish
        );
        self.turn_now()
    }

    fn turn_now(&mut self) -> Wish {
        let mut turn = Turn {
            site: &self.site,
            now: Moment {
                unix_seconds: 0,
                uptime_ms: self.now_ms,
            },
            date: &mut self.date,
            scratch: &mut self.scratch,
            out: &mut self.out,
            leaving: self.leaving,
        };
        self.wish = self.connection.turn(&mut turn);
        assert!(self.out.is_empty());
        self.wish
    }

    fn send(&mut self, text: &str) {
        self.client.write_all(text.as_bytes()).unwrap();
    }

    /// Reads from the client's side until so much came or the connection ended.
    fn receive(&mut self, len: usize) -> String {
        let mut received = vec![0; len];
        let mut filled = 0;
        while filled < len {
            match self.client.read(&mut received[filled..]) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) => panic!("{error} after {filled} bytes"),
            }
        }
        received.truncate(filled);
        String::from_utf8(received).unwrap()
    }
}

const HEALTHZ: &str = "GET /healthz HTTP/1.1\r\n\r\n";
const HEALTHY: &str = "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\n\r\nok\n";

#[test]
fn one_request_is_one_turn_and_leaves_no_buffer() {
    let mut bench = Bench::new();
    assert_eq!(bench.connection.worth(0), Worth::Fresh);
    assert_eq!(bench.connection.worth(limits::FRESH_MS_MAX), Worth::Silent);
    bench.send(HEALTHZ);
    assert_eq!(bench.turn(), Wish::Read);
    assert_eq!(bench.receive(HEALTHY.len()), HEALTHY);
    assert_eq!(bench.connection.buffered_bytes(), 0);
    assert_eq!(bench.connection.worth(0), Worth::Idle);
    assert_eq!(bench.turn_now(), Wish::Read, "nothing there is no end");
}

#[test]
fn a_request_may_come_in_pieces() {
    let mut bench = Bench::new();
    let (head, tail) = HEALTHZ.split_at(10);
    bench.send(head);
    bench.turn();
    assert_eq!(bench.connection.worth(0), Worth::Busy);
    assert!(bench.connection.buffered_bytes() > 0);
    bench.send(tail);
    bench.turn();
    assert_eq!(bench.receive(HEALTHY.len()), HEALTHY);
    assert_eq!(bench.connection.buffered_bytes(), 0);
}

#[test]
fn pipelined_requests_are_answered_in_order_a_bounded_number_a_turn() {
    let mut bench = Bench::new();
    let count = limits::REQUESTS_PER_TURN_MAX + 3;
    bench.send(&HEALTHZ.repeat(count));
    assert_eq!(bench.turn(), Wish::Write, "some wait for their turn");
    assert_eq!(bench.turn(), Wish::Read);
    let answers = HEALTHY.repeat(count);
    assert_eq!(bench.receive(answers.len()), answers);
}

#[test]
fn a_peer_that_never_reads_is_read_no_further() {
    let mut bench = Bench::with_agents(1_000);
    bench.send(&"GET /v1/status HTTP/1.1\r\n\r\n".repeat(500));
    let mut most = 0;
    bench.turn();
    // Until the buffers between the two ends are full.
    let mut poll = Poll::new().unwrap();
    poll.add(bench.connection.stream().as_fd(), 1, Interest::Write)
        .unwrap();
    let mut tokens = vec![1];
    while !tokens.is_empty() {
        assert_eq!(bench.turn_now(), Wish::Write);
        most = most.max(bench.connection.buffered_bytes());
        poll.wait(Some(100), &mut tokens).unwrap();
    }
    assert!(most < 400_000, "{most} bytes are held");
    assert_eq!(bench.connection.worth(0), Worth::Busy);
    assert_eq!(bench.connection.deadline_ms(), limits::WRITE_STALL_MS_MAX);
}

#[test]
fn a_status_of_many_pages_arrives_whole_at_a_peer_without_chunks() {
    let mut bench = Bench::with_agents(1_000);
    let old = "GET /v1/status HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    bench.send(old);
    bench.client.set_nonblocking(true).unwrap();
    let (mut answer, mut piece) = (Vec::new(), vec![0; 65_536]);
    while bench.wish != Wish::Close {
        bench.turn();
        loop {
            match bench.client.read(&mut piece) {
                Ok(0) => break,
                Ok(len) => answer.extend_from_slice(&piece[..len]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
    drop(bench.connection);
    bench.client.set_nonblocking(false).unwrap();
    bench.client.read_to_end(&mut answer).unwrap();
    let text = String::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Connection: close"), "{head}");
    let status = tapio_wire::Status::parse(body.as_bytes()).unwrap();
    assert_eq!(status.agents.len(), 1_000);
}

#[test]
fn too_large_a_body_is_refused_before_it_comes_and_then_thrown_away() {
    let mut bench = Bench::new();
    bench.send("POST /v1/events HTTP/1.1\r\nContent-Length: 10000000000\r\n\r\n");
    assert_eq!(bench.turn(), Wish::Read);
    let answer = bench.receive(usize::MAX >> 40);
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("\r\nConnection: close\r\n"));
    bench.send(&"x".repeat(10_000));
    assert_eq!(
        bench.turn(),
        Wish::Read,
        "it is read so that the peer sees the answer"
    );
    assert_eq!(bench.connection.deadline_ms(), limits::LINGER_MS_MAX);
    bench.client.shutdown(Shutdown::Write).unwrap();
    while bench.wish != Wish::Close {
        bench.turn();
    }
}

#[test]
fn what_is_no_request_is_answered_and_ended() {
    let mut bench = Bench::new();
    bench.send("NONSENSE\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n");
    bench.turn();
    let answer = bench.receive(65_536);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("INVALID_FIELD"));
    assert_eq!(answer.matches("HTTP/1.1").count(), 1);
}

#[test]
fn the_end_of_a_half_closed_peer_comes_after_its_answer() {
    let mut bench = Bench::new();
    bench.send(HEALTHZ);
    bench.client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(bench.turn(), Wish::Read);
    assert_eq!(bench.turn(), Wish::Close);
    assert_eq!(bench.receive(HEALTHY.len()), HEALTHY);
}

#[test]
fn while_leaving_every_answer_is_the_last() {
    let mut bench = Bench::new();
    bench.leaving = true;
    bench.send(HEALTHZ);
    assert_eq!(bench.turn(), Wish::Close);
    let answer = bench.receive(HEALTHY.len() + "Connection: close\r\n".len());
    assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
}

#[test]
fn each_phase_has_its_own_patience() {
    let mut bench = Bench::new();
    assert_eq!(bench.connection.deadline_ms(), limits::IDLE_MS_MAX);
    bench.now_ms = 5;
    bench.send("POST /v1/events HTTP/1.1\r\n");
    bench.turn();
    assert_eq!(bench.connection.deadline_ms(), 5 + limits::HEAD_MS_MAX);
    bench.now_ms = 50;
    bench.send("Content-Length: 10\r\n\r\n");
    bench.turn();
    assert_eq!(
        bench.connection.deadline_ms(),
        5 + limits::REQUEST_MS_MAX,
        "a request that dribbles in gains no time"
    );
    bench.now_ms = 60;
    bench.send("0123456789");
    bench.turn();
    assert_eq!(bench.connection.deadline_ms(), 60 + limits::IDLE_MS_MAX);
}

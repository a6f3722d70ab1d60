use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use super::*;
use crate::stop::Stop;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

const LIMITS: Limits = Limits {
    connect: Duration::from_secs(20),
    call: Duration::from_secs(20),
    body_bytes_max: 100,
};

const GET: Request<'_> = Request {
    target: "/x",
    headers: &[],
    body: None,
};

fn client(address: SocketAddr, limits: Limits) -> Client {
    let endpoint = Endpoint::parse(&format!("http://{address}")).expect("a URL");
    Client::new(endpoint, limits)
}

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    (listener, address)
}

/// Reads up to the end of a head.
fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).expect("readable") > 0 {
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("text")
}

#[test]
fn calls_share_a_connection_until_it_is_closed() {
    let (listener, address) = listen();
    let stop = Stop::new().expect("an eventfd");
    let leave = Leave::new(&stop, Duration::ZERO);
    thread::scope(|scope| {
        let peer = scope.spawn(move || {
            let mut served = Vec::new();
            for calls in [2, 1] {
                let (mut stream, _) = listener.accept().expect("a connection");
                for _ in 0..calls {
                    served.push(read_head(&mut stream));
                    stream.write_all(OK).expect("writable");
                }
                assert_eq!(stream.read(&mut [0]).expect("readable"), 0, "it is closed");
            }
            served
        });
        let mut client = client(address, LIMITS);
        for closes in [false, true, true] {
            let answer = client.call(&GET, &leave).expect("an answer");
            assert_eq!(
                (answer.status, answer.body.as_slice()),
                (200, b"{}".as_slice())
            );
            if closes {
                client.close();
            }
        }
        let served = peer.join().expect("no panic");
        assert!(
            served
                .iter()
                .all(|head| head.starts_with("GET /x HTTP/1.1\r\n"))
        );
    });
}

#[test]
fn a_kept_connection_that_is_gone_costs_a_fresh_one_and_no_call() {
    let (listener, address) = listen();
    let stop = Stop::new().expect("an eventfd");
    let leave = Leave::new(&stop, Duration::ZERO);
    thread::scope(|scope| {
        scope.spawn(move || {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().expect("a connection");
                read_head(&mut stream);
                stream.write_all(OK).expect("writable");
            }
        });
        let mut client = client(address, LIMITS);
        for _ in 0..2 {
            assert_eq!(client.call(&GET, &leave).expect("an answer").status, 200);
        }
    });
}

#[test]
fn a_redirect_is_an_answer_and_nobody_follows_it() {
    let (elsewhere, other) = listen();
    let (listener, address) = listen();
    let stop = Stop::new().expect("an eventfd");
    let leave = Leave::new(&stop, Duration::ZERO);
    thread::scope(|scope| {
        scope.spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            read_head(&mut stream);
            let said = format!(
                "HTTP/1.1 307 T\r\nLocation: http://{other}/x\r\nContent-Length: 0\r\n\r\n"
            );
            stream.write_all(said.as_bytes()).expect("writable");
        });
        let answer = client(address, LIMITS)
            .call(&GET, &leave)
            .expect("an answer");
        assert_eq!(answer.status, 307);
    });
    elsewhere.set_nonblocking(true).expect("a socket");
    assert!(elsewhere.accept().is_err(), "nobody came");
}

#[test]
fn an_early_answer_ends_a_body_that_nobody_reads() {
    let (listener, address) = listen();
    let stop = Stop::new().expect("an eventfd");
    let leave = Leave::new(&stop, Duration::ZERO);
    let body = vec![b'x'; 64 << 20];
    let post = Request {
        body: Some(&body),
        ..GET
    };
    thread::scope(|scope| {
        let peer = scope.spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            read_head(&mut stream);
            stream
                .write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
                .expect("writable");
            stream
        });
        let mut client = client(address, LIMITS);
        assert_eq!(client.call(&post, &leave).expect("an answer").status, 413);
        assert!(
            client.kept.is_none(),
            "half a request cannot be followed by another"
        );
        drop(peer.join().expect("no panic"));
    });
}

#[test]
fn a_peer_that_dribbles_gains_no_time() {
    let (listener, address) = listen();
    let stop = Stop::new().expect("an eventfd");
    let leave = Leave::new(&stop, Duration::ZERO);
    let limits = Limits {
        call: Duration::from_millis(150),
        ..LIMITS
    };
    thread::scope(|scope| {
        scope.spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let pause = Stop::new().expect("an eventfd");
            // Ends when the client has gone.
            while stream.write_all(b"H").is_ok() {
                pause.wait(Some(Duration::from_millis(5)));
            }
        });
        let outcome = client(address, limits).call(&GET, &leave);
        assert!(matches!(outcome, Err(CallError::Late)), "{outcome:?}");
    });
}

#[test]
fn a_stop_ends_a_call_at_once() {
    let (_silent, address) = listen();
    let stop = Stop::new().expect("an eventfd");
    thread::scope(|scope| {
        let caller = scope.spawn(|| {
            let leave = Leave::new(&stop, Duration::ZERO);
            let limits = Limits {
                call: Duration::from_secs(3_600),
                ..LIMITS
            };
            client(address, limits).call(&GET, &leave)
        });
        drop(stop.guard());
        let outcome = caller.join().expect("no panic");
        assert!(matches!(outcome, Err(CallError::Left)), "{outcome:?}");
    });
}

#[test]
fn nobody_there_is_said_so() {
    let (listener, address) = listen();
    drop(listener);
    let stop = Stop::new().expect("an eventfd");
    let leave = Leave::new(&stop, Duration::ZERO);
    let outcome = client(address, LIMITS).call(&GET, &leave);
    let Err(CallError::Unconnected(error)) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

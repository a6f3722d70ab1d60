//! Connections that fail, die, or get into trouble; and those that only look like it.
//!
//! Everything happens over loopback. A wire is cut by a socket filter that drops what arrives.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::icmp::refuse_packet_to;
use crate::netlink::destroy;
use crate::os::{argument, await_word, checked, say};
use tapio_tests::filter::drop_everything;

use crate::sockets::{Info, connect, listener, own_network, pair, reset_on_close, set, socket};

fn namespace() -> u64 {
    fs::metadata("/proc/self/ns/net").map_or(0, |file| file.ino())
}

fn log(src_port: u16, dst_port: u16, caused: u64) -> ExitCode {
    log_with(src_port, dst_port, caused, "")
}

/// And what the socket itself says of its connection, now that it is over.
fn log_of(socket: &impl AsRawFd, src_port: u16, dst_port: u16) -> ExitCode {
    let info = Info::of(socket);
    let (rtt_us, window, retransmits) = (info.rtt_us(), info.window(), info.retransmits());
    let says = format!(r#","rtt_us":{rtt_us},"window":{window},"retransmits":{retransmits}"#);
    log_with(src_port, dst_port, 1, &says)
}

fn log_with(src_port: u16, dst_port: u16, caused: u64, more: &str) -> ExitCode {
    let netns = namespace();
    say(&format!(
        r#"{{"caused":{caused},"src_port":{src_port},"dst_port":{dst_port},"netns":{netns}{more}}}"#
    ));
    ExitCode::SUCCESS
}

/// `in-namespace VERB…`: the scene in a network namespace of its own, which is kept until a word.
pub fn in_namespace(words: &[String]) -> ExitCode {
    own_network(true);
    let end = crate::verbs::play(words);
    await_word();
    end
}

/// `refused ADDRESS COUNT [PER_SECOND]`: attempts at a port where nobody listens, one after the other.
pub fn refused(words: &[String]) -> ExitCode {
    let to: SocketAddr = argument(words, 0);
    let count: u64 = argument(words, 1);
    let per_second: u64 = words.get(2).map_or(0, |_| argument(words, 2));
    let interval_ns = 1_000_000_000u64.checked_div(per_second).unwrap_or(0);
    let from_ns = crate::os::clock_ns();
    let mut caused = 0;
    for number in 0..count {
        if interval_ns > 0 {
            crate::os::wait_until_ns(from_ns + number * interval_ns);
        }
        let error = connect(&socket(to), to).expect_err("causer: somebody listens there");
        caused += u64::from(error.kind() == ErrorKind::ConnectionRefused);
    }
    log(0, to.port(), caused)
}

/// `times-out`: an attempt whose SYNs are dropped, and the one more that it is allowed.
pub fn times_out(_: &[String]) -> ExitCode {
    let listener = deaf_listener();
    let to = listener.local_addr().expect("causer: its address");
    let fd = socket(to);
    set(&fd, libc::IPPROTO_TCP, libc::TCP_SYNCNT, 1);
    let error = connect(&fd, to).expect_err("causer: nobody answers");
    assert_eq!(error.kind(), ErrorKind::TimedOut, "causer");
    log(0, to.port(), 1) // by then the socket has forgotten its attempts
}

fn deaf_listener() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").expect("causer: a listener");
    drop_everything(&listener);
    listener
}

/// `unreachable`: an attempt whose SYN a router cannot pass on.
pub fn unreachable(_: &[String]) -> ExitCode {
    let listener = deaf_listener();
    let to = listener.local_addr().expect("causer: its address");
    let router = refuse_packet_to(to.port(), 0);
    let error = connect(&socket(to), to).expect_err("causer: somebody answers");
    assert_eq!(error.kind(), ErrorKind::HostUnreachable, "causer");
    router.join().expect("causer: the router said so");
    log(0, to.port(), 1)
}

/// `cancelled`: an attempt that its own program gives up.
pub fn cancelled(_: &[String]) -> ExitCode {
    let listener = deaf_listener();
    let to = listener.local_addr().expect("causer: its address");
    drop(begin(to));
    log(0, to.port(), 0)
}

/// An attempt that goes on by itself.
fn begin(to: SocketAddr) -> OwnedFd {
    let fd = socket(to);
    // SAFETY: no pointers are involved.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
    checked("F_SETFL", i64::from(flags));
    let error = connect(&fd, to).expect_err("causer: nobody answers");
    assert_eq!(error.raw_os_error(), Some(libc::EINPROGRESS), "causer");
    fd
}

fn allow_files(files: u64) {
    let limit = libc::rlimit {
        rlim_cur: files,
        rlim_max: files,
    };
    // SAFETY: the limit is a whole rlimit that lives across the call.
    let result = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    checked("setrlimit", i64::from(result));
}

/// `no-route`: an attempt for which this namespace has no route.
pub fn no_route(_: &[String]) -> ExitCode {
    own_network(false);
    let to: SocketAddr = "198.51.100.1:9".parse().expect("an address");
    let error = connect(&socket(to), to).expect_err("causer: there is a route");
    assert_eq!(error.raw_os_error(), Some(libc::ENETUNREACH), "causer");
    log(0, to.port(), 0)
}

/// `exhausted`: an attempt that finds no local port.
pub fn exhausted(_: &[String]) -> ExitCode {
    own_network(true);
    fs::write("/proc/sys/net/ipv4/ip_local_port_range", "40000 40001").expect("causer: a range");
    let listener = TcpListener::bind("127.0.0.1:5000").expect("causer: a listener");
    let to = listener.local_addr().expect("causer: its address");
    let mut held = Vec::new();
    let error = loop {
        match TcpStream::connect(to) {
            Ok(stream) => held.push(stream),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable, "causer");
    log(0, to.port(), 0)
}

/// `reset peer`: the accepted end resets, while the other waits for its word.
/// `reset ours`: the connecting end resets itself.
/// `reset close-wait`: the peer says FIN, and then RST.
pub fn reset(words: &[String]) -> ExitCode {
    let (mut ours, mut theirs) = pair();
    let local = ours.local_addr().expect("causer: its address").port();
    let remote = ours.peer_addr().expect("causer: its address").port();
    match words.first().map(String::as_str) {
        Some("peer") => {
            reset_on_close(&theirs);
            drop(theirs);
            expect_error(&mut ours, ErrorKind::ConnectionReset);
        }
        Some("ours") => {
            reset_on_close(&ours);
            drop(ours);
            expect_error(&mut theirs, ErrorKind::ConnectionReset);
            return log_of(&theirs, local, remote);
        }
        _ => {
            theirs.write_all(b"last words").expect("causer: a word");
            theirs
                .shutdown(std::net::Shutdown::Write)
                .expect("causer: FIN");
            let mut said = String::new();
            ours.read_to_string(&mut said).expect("causer: its word");
            reset_on_close(&theirs);
            drop(theirs);
            let error = ours.write_all(b"?").expect_err("causer: nobody is there");
            assert_eq!(error.kind(), ErrorKind::BrokenPipe, "causer");
        }
    }
    log_of(&ours, local, remote)
}

/// `accepted ADDRESS BACKLOG alone|shared`: a connection to a listener that stays, reset by who connected.
pub fn accepted(words: &[String]) -> ExitCode {
    let is_shared = words.get(2).is_some_and(|word| word == "shared");
    let listener = listener(argument(words, 0), argument(words, 1), is_shared);
    let port = listener.local_addr().expect("causer: its address").port();
    let ours = TcpStream::connect(("127.0.0.1", port)).expect("causer: a connection");
    let (mut theirs, _) = listener.accept().expect("causer: it was accepted");
    let local = ours.local_addr().expect("causer: its address").port();
    reset_on_close(&ours);
    drop(ours);
    expect_error(&mut theirs, ErrorKind::ConnectionReset);
    log(local, port, 1)
}

/// `aborted`: a connection that an operator ends by `ss -K`, or what that says to the kernel.
pub fn aborted(_: &[String]) -> ExitCode {
    let (mut ours, _theirs) = pair();
    let local = ours.local_addr().expect("causer: its address");
    let remote = ours.peer_addr().expect("causer: its address");
    destroy(local, remote);
    expect_error(&mut ours, ErrorKind::ConnectionAborted);
    log(local.port(), remote.port(), 1)
}

/// `outnumbered COUNT ADDRESS`: so many attempts that nobody answers, and while they wait one that is refused.
pub fn outnumbered(words: &[String]) -> ExitCode {
    allow_files(argument::<u64>(words, 0) + 64);
    let listener = deaf_listener();
    let to = listener.local_addr().expect("causer: its address");
    let waiting: Vec<_> = (0..argument(words, 0)).map(|_: u64| begin(to)).collect();
    let nobody: SocketAddr = argument(words, 1);
    let error = connect(&socket(nobody), nobody).expect_err("causer: somebody listens there");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "causer");
    drop(waiting);
    log(0, nobody.port(), 1)
}

fn expect_error(stream: &mut TcpStream, wanted: ErrorKind) {
    let error = stream
        .read(&mut [0])
        .expect_err("causer: the connection stands");
    assert_eq!(error.kind(), wanted, "causer");
}

/// `lost MILLISECONDS`: the wire is cut under a connection, whose program waits so long for an answer.
pub fn lost(words: &[String]) -> ExitCode {
    let patience_ms: libc::c_int = argument(words, 0);
    let (ours, theirs) = pair();
    lose(ours, &theirs, patience_ms, ErrorKind::TimedOut)
}

/// `icmp-killed`: the same, while a router says that it cannot pass on what is sent.
pub fn icmp_killed(_: &[String]) -> ExitCode {
    let (ours, theirs) = pair();
    let remote = ours.peer_addr().expect("causer: its address").port();
    let router = refuse_packet_to(remote, 1);
    let end = lose(ours, &theirs, 1_500, ErrorKind::HostUnreachable);
    router.join().expect("causer: the router said so");
    end
}

fn lose(mut ours: TcpStream, theirs: &TcpStream, patience_ms: i32, wanted: ErrorKind) -> ExitCode {
    let local = ours.local_addr().expect("causer: its address").port();
    let remote = ours.peer_addr().expect("causer: its address").port();
    drop_everything(theirs);
    set(
        &ours,
        libc::IPPROTO_TCP,
        libc::TCP_USER_TIMEOUT,
        patience_ms,
    );
    ours.write_all(b"hello?").expect("causer: a word");
    expect_error(&mut ours, wanted);
    log_of(&ours, local, remote)
}

/// `slow COUNT [BEFORE]`: as many connections as they should be, and one to the same place whose
/// acknowledgements come late, because the peer leaves what it gets unread.
pub fn slow(words: &[String]) -> ExitCode {
    let count: u32 = argument(words, 0);
    let listener = TcpListener::bind("127.0.0.1:0").expect("causer: a listener");
    let to = listener.local_addr().expect("causer: its address");
    let before: u32 = words.get(1).map_or(1, |_| argument(words, 1));
    let lowest_us = (0..before).map(|_| round_trip_of_one(&listener, to)).min();
    let mut ours = TcpStream::connect(to).expect("causer: a connection");
    let (theirs, _) = listener.accept().expect("causer: it was accepted");
    let local = ours.local_addr().expect("causer: its address").port();
    set(&ours, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1);
    for _ in 0..count {
        set(&theirs, libc::IPPROTO_TCP, libc::TCP_QUICKACK, 0);
        ours.write_all(b".").expect("causer: a word");
        await_acknowledgement(&ours);
    }
    drop(ours);
    let says = format!(r#","lowest_us":{}"#, lowest_us.unwrap_or(0));
    log_with(local, to.port(), 1, &says)
}

/// What the socket says of a connection that is made and closed.
fn round_trip_of_one(listener: &TcpListener, to: SocketAddr) -> u32 {
    let ours = TcpStream::connect(to).expect("causer: a connection");
    let _theirs = listener.accept().expect("causer: it was accepted");
    let round_trip_us = Info::of(&ours).rtt_us();
    drop(ours);
    round_trip_us
}

/// Waits until nothing that was sent is unacknowledged.
fn await_acknowledgement(stream: &TcpStream) {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let mut unsent: libc::c_int = 0;
        // SAFETY: the answer has room for one number.
        let result = unsafe { libc::ioctl(stream.as_raw_fd(), libc::TIOCOUTQ, &raw mut unsent) };
        checked("TIOCOUTQ", i64::from(result));
        if unsent == 0 {
            return;
        }
        assert!(Instant::now() < until, "causer: never acknowledged");
        crate::os::wait_until_ns(crate::os::clock_ns() + 1_000_000);
    }
}

/// `healthy COUNT`: connections that are made, used and closed as they should be.
pub fn healthy(words: &[String]) -> ExitCode {
    /// A closed connection keeps its port for a minute; a listener of its own has all of them.
    const PER_ADDRESS: u64 = 20_000;
    let count: u64 = argument(words, 0);
    let mut made = 0;
    let mut port = 0;
    while made < count {
        let address = format!("127.0.0.{}:0", 1 + made / PER_ADDRESS);
        let listener = TcpListener::bind(address).expect("causer: a listener");
        let to = listener.local_addr().expect("causer: its address");
        port = to.port();
        for _ in 0..PER_ADDRESS.min(count - made) {
            let mut ours = TcpStream::connect(to).expect("causer: a connection");
            let (mut theirs, _) = listener.accept().expect("causer: it was accepted");
            let mut word = [0; 5];
            ours.write_all(b"hello").expect("causer: a word");
            theirs.read_exact(&mut word).expect("causer: its word");
            theirs.write_all(&word).expect("causer: a word");
            ours.read_exact(&mut word).expect("causer: its word");
            made += 1;
        }
    }
    log(0, port, 0)
}

/// `spin SECONDS`: does nothing but run.
pub fn spin(words: &[String]) -> ExitCode {
    let until = Instant::now() + Duration::from_secs(argument(words, 0));
    say("{}");
    while Instant::now() < until {
        std::hint::spin_loop();
    }
    ExitCode::SUCCESS
}

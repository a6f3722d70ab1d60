//! A wire of one's own that becomes slow, loses everything or takes nothing: a queueing discipline on
//! the loopback of a network namespace. What the socket itself says of it (TCP_INFO, which `ss -i`
//! prints) goes into the log.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::netlink::ask;
use crate::os::{argument, clock_ns, say, wait_until_ns};
use crate::sockets::{Info, own_network, pair, reset_on_close, set};
use tapio_tests::filter::drop_everything;

const RTM_NEWQDISC: u16 = 36;
const TCA_KIND: u16 = 1;
const TCA_OPTIONS: u16 = 2;
const TC_H_ROOT: u32 = 0xffff_ffff;
const HANDLE: u32 = 1 << 16;
const LOOPBACK: u32 = 1;
const QUEUE_LIMIT: u32 = 1_000;
/// The unit of a qdisc's clock.
const NS_PER_TICK: u64 = 64;

/// How the loopback treats every packet.
#[derive(Clone, Copy, Default)]
struct Treatment {
    delay: Duration,
    loses_all: bool,
}

fn attribute(to: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let bytes = u16::try_from(4 + value.len()).expect("a short attribute");
    to.extend(bytes.to_ne_bytes());
    to.extend(kind.to_ne_bytes());
    to.extend(value);
    to.resize(to.len().next_multiple_of(4), 0);
}

fn options(treatment: Treatment) -> Vec<u8> {
    let ticks = u64::try_from(treatment.delay.as_nanos()).expect("a short delay") / NS_PER_TICK;
    let loss = if treatment.loses_all { u32::MAX } else { 0 };
    let latency = u32::try_from(ticks).expect("a short delay");
    [latency, QUEUE_LIMIT, loss, 0, 0, 0]
        .iter()
        .flat_map(|word| word.to_ne_bytes())
        .collect()
}

/// Puts netem in front of the loopback of this namespace, or changes it.
fn treat(treatment: Treatment) {
    queue_by(b"netem\0", &options(treatment));
}

/// Lets the loopback of this namespace take nothing more: what is sent fails at once, and locally.
fn take_nothing() {
    let limit = 0u32.to_ne_bytes();
    queue_by(b"pfifo\0", &limit);
}

fn queue_by(kind: &[u8], options: &[u8]) {
    let mut body = vec![0; 4]; // struct tcmsg: no family
    for word in [LOOPBACK, HANDLE, TC_H_ROOT, 0] {
        body.extend(word.to_ne_bytes());
    }
    attribute(&mut body, TCA_KIND, kind);
    attribute(&mut body, TCA_OPTIONS, options);
    let flags = libc::NLM_F_CREATE | libc::NLM_F_REPLACE;
    let error = ask(libc::NETLINK_ROUTE, RTM_NEWQDISC, flags, &body);
    let kind = String::from_utf8_lossy(kind);
    assert_eq!(error, 0, "causer: no {kind} here");
}

/// A word there and back.
fn exchange(ours: &mut TcpStream, theirs: &mut TcpStream) {
    let mut word = [0; 4];
    ours.write_all(b"word").expect("causer: a word");
    theirs.read_exact(&mut word).expect("causer: it arrives");
    theirs.write_all(&word).expect("causer: a word");
    ours.read_exact(&mut word).expect("causer: it comes back");
}

/// `degrades MILLISECONDS`: a connection as it should be, and one to the same place under which every
/// packet begins to take so long.
pub fn degrades(words: &[String]) -> ExitCode {
    const WORDS: u32 = 6;
    let delay = Duration::from_millis(argument(words, 0));
    own_network(true);
    let listener = TcpListener::bind("127.0.0.1:0").expect("causer: a listener");
    let to = listener.local_addr().expect("causer: its address");
    let connection = || {
        let ours = TcpStream::connect(to).expect("causer: a connection");
        let (theirs, _) = listener.accept().expect("causer: it was accepted");
        set(&ours, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1);
        (ours, theirs)
    };
    let (mut first, mut its_end) = connection();
    exchange(&mut first, &mut its_end);
    let before_us = Info::of(&first).rtt_us();
    drop(first);
    let (mut ours, mut theirs) = connection();
    exchange(&mut ours, &mut theirs);
    treat(Treatment {
        delay,
        loses_all: false,
    });
    let mut highest_us = 0;
    for _ in 0..WORDS {
        exchange(&mut ours, &mut theirs);
        highest_us = highest_us.max(Info::of(&ours).rtt_us());
    }
    let local = ours.local_addr().expect("causer: its address").port();
    drop(ours);
    say(&format!(
        r#"{{"src_port":{local},"dst_port":{},"before_us":{before_us},"highest_us":{highest_us}}}"#,
        to.port()
    ));
    ExitCode::SUCCESS
}

fn await_retransmits(stream: &TcpStream, wanted: u32) {
    let until = Instant::now() + Duration::from_secs(30);
    while Info::of(stream).retransmits() < wanted {
        assert!(Instant::now() < until, "causer: never sent again");
        wait_until_ns(clock_ns() + 1_000_000);
    }
}

/// `stifled COUNT`: what a connection sent is lost, and so often it cannot be sent again: this machine
/// itself does not take it.
pub fn stifled(words: &[String]) -> ExitCode {
    own_network(true);
    let (mut ours, mut theirs) = pair();
    exchange(&mut ours, &mut theirs);
    let local = ours.local_addr().expect("causer: its address").port();
    drop_everything(&theirs);
    ours.write_all(b"word").expect("causer: a word");
    take_nothing();
    await_retransmits(&ours, argument(words, 0));
    let retransmits = Info::of(&ours).retransmits();
    reset_on_close(&ours);
    say(&format!(
        r#"{{"src_port":{local},"retransmits":{retransmits}}}"#
    ));
    ExitCode::SUCCESS
}

/// `loses COUNT`: what a connection sends is lost until it has sent it again so often; then it arrives.
pub fn loses(words: &[String]) -> ExitCode {
    let wanted: u32 = argument(words, 0);
    own_network(true);
    let (mut ours, mut theirs) = pair();
    exchange(&mut ours, &mut theirs);
    let local = ours.local_addr().expect("causer: its address").port();
    treat(Treatment {
        delay: Duration::ZERO,
        loses_all: true,
    });
    ours.write_all(b"word").expect("causer: a word");
    await_retransmits(&ours, wanted);
    treat(Treatment::default());
    theirs
        .read_exact(&mut [0; 4])
        .expect("causer: it arrives after all");
    let retransmits = Info::of(&ours).retransmits();
    say(&format!(
        r#"{{"src_port":{local},"retransmits":{retransmits}}}"#
    ));
    ExitCode::SUCCESS
}

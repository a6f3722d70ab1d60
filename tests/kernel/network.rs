//! Connections: each way to fail or die for real, and what only looks like one.
//!
//! The causer's pid and ports tell its events from those of whatever else runs here.

mod floods;
mod people;
mod wire;

use serde_json::{Value, json};
use tapio_tests::agent::{Event, Report, TestAgent};

use crate::cgroup::Cgroup;
use crate::oracle::{ALL, Trace};
use crate::scene::{Scene, number};

const REFUSED: &str = "kernel.network.connection_refused";
const TIMEOUT: &str = "kernel.network.connection_timeout";
const UNREACHABLE: &str = "kernel.network.connection_unreachable";
const RESET: &str = "kernel.network.connection_reset";
const LOST: &str = "kernel.network.connection_lost";
const SPIKE: &str = "kernel.network.retransmit_spike";
const DEGRADED: &str = "kernel.network.rtt_degradation";

/// Of changes of state, those to CLOSE.
const ENDS: &str = "newstate == 7";

/// Nobody listens on the port of tcpmux.
const NOBODY: &str = "127.0.0.1:1";

/// A scene that has ended, with its own log of what it caused.
struct Caused {
    pid: u32,
    log: Value,
}

impl Caused {
    #[track_caller]
    fn by(cgroup: &Cgroup, words: &str) -> Self {
        let mut scene = Scene::member(cgroup, words);
        let log = scene.line();
        assert!(scene.end().success(), "{words}");
        Self {
            pid: scene.pid(),
            log,
        }
    }

    fn count(&self) -> u64 {
        number(&self.log, "caused")
    }

    /// Whether an event is of the connection that this scene's process made.
    fn is_in(&self, event: &Event) -> bool {
        event.fact("pid") == u64::from(self.pid)
    }

    fn events<'a>(&self, report: &'a Report) -> Vec<&'a Event> {
        let events = report.events.iter();
        events.filter(|event| self.is_in(event)).collect()
    }
}

/// The kernel's own text of the end that an event tells, word by word.
#[track_caller]
fn assert_traced(event: &Event, trace: &Trace) {
    let text = |name: &str| event.fact(name).as_str().unwrap_or_default().to_owned();
    let (family, mark) = match text("family").as_str() {
        "ipv6" => ("AF_INET6", "v6"),
        _ => ("AF_INET", ""),
    };
    let words = [
        format!("sport={}", event.fact("src_port")),
        format!("dport={}", event.fact("dst_port")),
        format!("saddr{mark}={}", text("src_ip")),
        format!("daddr{mark}={}", text("dst_ip")),
        format!("oldstate=TCP_{}", text("old_state")),
        format!("newstate=TCP_{}", text("new_state")),
        format!("family={family}"),
        format!("protocol=IPPROTO_{}", text("protocol").to_uppercase()),
    ];
    let lines = trace.lines_with(&words);
    assert_eq!(lines.len(), 1, "{words:?}: {lines:?} of {event:?}");
}

/// What the socket said of its connection once that was over.
#[track_caller]
fn assert_as_the_socket_says(event: &Event, caused: &Caused) {
    assert_eq!(*event.fact("srtt_us"), caused.log["rtt_us"], "{event:?}");
    assert_eq!(*event.fact("snd_cwnd"), caused.log["window"], "{event:?}");
    let retransmits = &caused.log["retransmits"];
    assert_eq!(event.fact("total_retrans"), retransmits, "{event:?}");
}

/// The one event of this type that a scene causes.
#[track_caller]
fn only_event(words: &str, config: &Value, event_type: &str) -> (Caused, Event, Cgroup) {
    let trace = Trace::from_now("sock/inet_sock_set_state", ENDS);
    let mut agent = TestAgent::observe_network(config, &[]);
    let cgroup = Cgroup::new();
    let caused = Caused::by(&cgroup, words);
    agent.expect(event_type, |event| {
        event.is(event_type) && caused.is_in(event)
    });
    let report = agent.stop();
    let [event] = caused.events(&report)[..] else {
        panic!("{words}: {:?}", caused.events(&report));
    };
    let event = event.clone();
    assert!(event.is(event_type), "{event:?}");
    assert_eq!(*event.fact("netns"), caused.log["netns"]);
    assert_traced(&event, &trace);
    cgroup.assert_named_by(&event);
    (caused, event, cgroup)
}

/// A scene after which nothing is said of its process; a refusal tells when all would have been.
#[track_caller]
fn nothing_of(words: &str) {
    let mut agent = TestAgent::observe_network(&json!({}), &[]);
    let cgroup = Cgroup::new();
    let caused = Caused::by(&cgroup, words);
    let after = Caused::by(&cgroup, &format!("refused {NOBODY} 1"));
    agent.expect("refusal", |event| after.is_in(event));
    let report = agent.stop();
    assert_eq!(caused.events(&report), Vec::<&Event>::new(), "{words}");
}

#[test]
fn a_refused_connection() {
    for (address, ip, family) in [
        ("127.0.0.1:1", "127.0.0.1", "ipv4"),
        ("[::1]:1", "::1", "ipv6"),
        ("[::ffff:127.0.0.1]:1", "::ffff:127.0.0.1", "ipv6"),
    ] {
        let words = format!("--comm refused-one refused {address} 1");
        let (_, event, _) = only_event(&words, &json!({}), REFUSED);
        assert_eq!(event.fact("dst_ip"), ip);
        assert_eq!(event.fact("src_ip"), ip);
        assert_eq!(event.fact("dst_port"), 1);
        assert!(event.fact("src_port").as_u64() > Some(1_023), "{event:?}");
        assert_eq!(event.fact("family"), family);
        assert_eq!(event.fact("protocol"), "tcp");
        assert_eq!(event.fact("comm"), "refused-one");
        assert_eq!(event.fact("errno"), libc::ECONNREFUSED);
        assert_eq!(event.fact("old_state"), "SYN_SENT");
        assert_eq!(event.fact("new_state"), "CLOSE");
        assert_eq!(event.0["error"]["code"], "ECONNREFUSED");
        assert_eq!(event.0["severity"], "warning");
        assert_eq!(event.0["outcome"], "failure");
        assert_eq!(*event.fact("not_observed"), Value::Null, "{event:?}");
    }
}

/// The timer that ends it runs in the middle of somebody else's work.
#[test]
fn a_timeout_is_of_whoever_connected_and_not_of_whoever_runs_then() {
    let trace = Trace::from_now("tcp/tcp_retransmit_skb", ALL);
    // A SYN that goes out again is no retransmit of a connection, however few of those make a spike.
    let mut agent = TestAgent::observe_network(&json!({"retransmit_count": 1}), &[]);
    let cgroup = Cgroup::new();
    let mut spinner = Scene::member(&cgroup, "--cpu 0 spin 6");
    spinner.line();
    let caused = Caused::by(&cgroup, "--comm patient --cpu 0 times-out");
    let event = agent.expect("timeout", |event| event.is(TIMEOUT) && caused.is_in(event));
    assert_eq!(event.fact("comm"), "patient");
    // In its three seconds a SYN goes out again after one, and from 6.5 on after two as well.
    let retries = event.fact("syn_retries").as_u64();
    assert!(matches!(retries, Some(1..=2)), "{event:?}");
    let ends = ["src_port", "dst_port"].map(|end| event.fact(end).to_string());
    let its = [format!("sport={}", ends[0]), format!("dport={}", ends[1])];
    let traced = u64::try_from(trace.lines_with(&its).len()).expect("a count");
    assert_eq!(retries, Some(traced));
    assert_eq!(event.fact("errno"), libc::ETIMEDOUT);
    assert_eq!(*event.fact("dst_port"), caused.log["dst_port"]);
    assert_eq!(event.0["outcome"], "timeout");
    assert_eq!(event.0["severity"], "error");
    cgroup.assert_named_by(&event);
    spinner.end();
    let report = agent.stop();
    assert_eq!(caused.events(&report).len(), 1);
    let of_spinner = |event: &&Event| event.fact("pid") == u64::from(spinner.pid());
    assert_eq!(report.events.iter().filter(of_spinner).count(), 0);
}

#[test]
fn an_attempt_that_a_router_cannot_pass_on() {
    let (caused, event, _) = only_event("unreachable", &json!({}), UNREACHABLE);
    assert_eq!(event.fact("errno"), libc::EHOSTUNREACH);
    assert_eq!(event.fact("old_state"), "SYN_SENT");
    assert_eq!(*event.fact("dst_port"), caused.log["dst_port"]);
    assert_eq!(event.0["severity"], "error");
}

/// It ends by its timer, and carries what the router said meanwhile.
#[test]
fn a_connection_that_dies_after_icmp_carries_its_error() {
    let (caused, event, _) = only_event("icmp-killed", &json!({}), LOST);
    assert_eq!(event.fact("errno"), libc::EHOSTUNREACH);
    assert_eq!(event.fact("old_state"), "ESTABLISHED");
    assert_eq!(*event.fact("src_port"), caused.log["src_port"]);
}

#[test]
fn an_attempt_that_its_program_gives_up_is_no_failure() {
    nothing_of("cancelled");
}

/// An operator's kill is counted, and that is all.
#[test]
fn a_connection_that_an_operator_ends_is_no_failure() {
    let agent = TestAgent::observe_network(&json!({}), &[]);
    let cgroup = Cgroup::new();
    let caused = Caused::by(&cgroup, "aborted");
    let report = agent.stop();
    assert_eq!(caused.events(&report), Vec::<&Event>::new());
    assert!(
        report.ledger.types[RESET].filtered >= 1,
        "{:?}",
        report.ledger
    );
}

#[test]
fn without_a_route_there_is_no_attempt() {
    nothing_of("no-route");
}

#[test]
fn without_a_local_port_there_is_no_attempt() {
    nothing_of("exhausted");
}

#[test]
fn a_reset_by_the_peer() {
    let (caused, event, _) = only_event("reset peer", &json!({}), RESET);
    assert_eq!(event.fact("errno"), libc::ECONNRESET);
    assert_eq!(event.fact("old_state"), "ESTABLISHED");
    assert_eq!(*event.fact("src_port"), caused.log["src_port"]);
    assert_eq!(*event.fact("dst_port"), caused.log["dst_port"]);
    assert!(event.fact("srtt_us").as_u64() > Some(0), "{event:?}");
    assert_as_the_socket_says(&event, &caused);
}

#[test]
fn a_reset_after_the_peers_fin_is_a_broken_pipe() {
    let (caused, event, _) = only_event("reset close-wait", &json!({}), RESET);
    assert_eq!(event.fact("errno"), libc::EPIPE);
    assert_eq!(event.fact("old_state"), "CLOSE_WAIT");
    assert_eq!(*event.fact("src_port"), caused.log["src_port"]);
    assert_as_the_socket_says(&event, &caused);
}

#[test]
fn a_connection_whose_wire_is_cut() {
    let (caused, event, _) = only_event("lost 1500", &json!({}), LOST);
    assert_eq!(event.fact("errno"), libc::ETIMEDOUT);
    assert_eq!(*event.fact("src_port"), caused.log["src_port"]);
    assert_eq!(*event.fact("dst_port"), caused.log["dst_port"]);
    assert!(event.fact("total_retrans").as_u64() > Some(0), "{event:?}");
    assert_as_the_socket_says(&event, &caused);
    assert_eq!(event.0["severity"], "error");
}

/// Sent again after 0.2, 0.4, 0.8 and 1.6 seconds, and by a probe before them.
#[test]
fn retransmits_are_told_when_they_reach_the_count_and_once_in_a_window() {
    const WINDOW_MS: u64 = 10_000;
    for (count, window_ms, wanted) in [
        (2, WINDOW_MS, 1),
        (3, WINDOW_MS, 1),
        (30, WINDOW_MS, 0),
        (4, 150, 0),
    ] {
        let config =
            json!({"retransmit_count": count, "retransmit_window_ns": window_ms * 1_000_000});
        let agent = TestAgent::observe_network(&config, &[]);
        let cgroup = Cgroup::new();
        let caused = Caused::by(&cgroup, "lost 2500");
        let report = agent.stop();
        let events = caused.events(&report);
        let spikes: Vec<_> = events.iter().filter(|event| event.is(SPIKE)).collect();
        assert_eq!(spikes.len(), wanted, "{count}: {events:?}");
        for spike in spikes {
            assert_eq!(spike.fact("count"), count);
            assert_eq!(*spike.fact("src_port"), caused.log["src_port"]);
            assert_eq!(spike.0["outcome"], "in_progress");
            cgroup.assert_named_by(spike);
        }
    }
}

/// The socket counts what it tried, and from 6.18 on the hook tells of it: with an error.
#[test]
fn what_could_not_be_sent_again_is_no_retransmit() {
    let trace = Trace::from_now("tcp/tcp_retransmit_skb", ALL);
    let agent = TestAgent::observe_network(&json!({"retransmit_count": 2}), &[]);
    let cgroup = Cgroup::new();
    let caused = Caused::by(&cgroup, "stifled 4");
    let report = agent.stop();
    assert!(number(&caused.log, "retransmits") >= 4, "{}", caused.log);
    let its_port = format!("sport={}", caused.log["src_port"]);
    let is_error = |word: &str| word.starts_with("err=") && word != "err=0";
    let traced = trace.lines_with(&[its_port]);
    let sent = traced.iter().filter(|line| !line.split(' ').any(is_error));
    assert_eq!(sent.count(), 0, "the scene failed: {traced:?}");
    let events = caused.events(&report);
    assert!(!events.iter().any(|event| event.is(SPIKE)), "{events:?}");
}

/// An acknowledgement is held back for 40 ms, of which the smoothed value takes an eighth each time.
#[test]
fn a_round_trip_beyond_the_limit_is_told_once_its_baseline_has_its_samples() {
    for (samples_min, before, wanted) in [(1, 1, 1), (2, 1, 0), (3, 3, 1)] {
        let limit = json!({"rtt_spike_abs_us": 15_000, "rtt_spike_ratio": 100,
            "rtt_min_baseline_samples": samples_min});
        let agent = TestAgent::observe_network(&limit, &[]);
        let cgroup = Cgroup::new();
        let caused = Caused::by(&cgroup, &format!("slow 30 {before}"));
        let report = agent.stop();
        let events = caused.events(&report);
        assert_eq!(events.len(), wanted, "{events:?}");
        for event in events {
            assert!(event.is(DEGRADED), "{event:?}");
            let current_us = event.fact("current_us").as_u64();
            assert!(current_us > Some(15_000), "{event:?}");
            assert_eq!(*event.fact("baseline_us"), caused.log["lowest_us"]);
            assert_eq!(event.fact("samples"), samples_min);
            assert_eq!(*event.fact("src_port"), caused.log["src_port"]);
            cgroup.assert_named_by(event);
        }
    }
}

#[test]
fn the_same_address_in_two_namespaces_is_two_places() {
    let mut agent = TestAgent::observe_network(&json!({}), &[]);
    let cgroup = Cgroup::new();
    let words = format!("in-namespace refused {NOBODY} 1");
    let mut scenes = [
        Scene::member(&cgroup, &words),
        Scene::member(&cgroup, &words),
    ];
    let [one, other] = scenes.each_mut().map(|scene| {
        let (pid, log) = (scene.pid(), scene.line());
        let event = agent.expect("refusal", |event| event.fact("pid") == u64::from(pid));
        assert_eq!(*event.fact("netns"), log["netns"]);
        log["netns"].clone()
    });
    assert_ne!(one, other);
    for scene in &mut scenes {
        scene.go();
        assert!(scene.end().success());
    }
}

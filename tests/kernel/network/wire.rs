//! A wire that becomes slow or loses everything, by netem; what the socket says of it is the oracle.

use serde_json::json;
use tapio_tests::agent::TestAgent;

use super::{Caused, DEGRADED, SPIKE};
use crate::cgroup::Cgroup;
use crate::oracle::{ALL, Trace};
use crate::scene::number;

/// Each way takes 150 ms from then on, so the smoothed round trip climbs towards 300.
#[test]
fn a_round_trip_that_jumps_is_told_by_the_limit_and_by_the_ratio() {
    let cases = [(100_000, 1_000), (10_000_000, 4)];
    for (limit_us, ratio) in cases {
        let config = json!({"rtt_spike_abs_us": limit_us, "rtt_spike_ratio": ratio,
            "rtt_min_baseline_samples": 1});
        let agent = TestAgent::observe_network(&config, &[]);
        let cgroup = Cgroup::new();
        let caused = Caused::by(&cgroup, "degrades 150");
        let report = agent.stop();
        let events = caused.events(&report);
        let degraded: Vec<_> = events.iter().filter(|event| event.is(DEGRADED)).collect();
        let [event] = degraded[..] else {
            panic!("{limit_us} {ratio}: {events:?}");
        };
        let fact = |name: &str| event.fact(name).as_u64().expect("a number");
        let (baseline, current) = (fact("baseline_us"), fact("current_us"));
        let highest = number(&caused.log, "highest_us");
        assert_eq!(baseline, number(&caused.log, "before_us"), "{event:?}");
        assert!(
            current > limit_us || current > baseline * ratio,
            "{event:?}"
        );
        assert!(current <= highest, "{event:?} {}", caused.log);
        assert_eq!(*event.fact("src_port"), caused.log["src_port"]);
        assert_eq!(*event.fact("dst_port"), caused.log["dst_port"]);
        cgroup.assert_named_by(event);
    }
}

/// The connection lives through it: what it lost is told once, and it ends as it should.
#[test]
fn what_is_lost_and_sent_again_is_told_while_the_connection_lives() {
    let trace = Trace::from_now("tcp/tcp_retransmit_skb", ALL);
    let agent = TestAgent::observe_network(&json!({"retransmit_count": 3}), &[]);
    let cgroup = Cgroup::new();
    let caused = Caused::by(&cgroup, "loses 4");
    let report = agent.stop();
    let events = caused.events(&report);
    let [event] = events[..] else {
        panic!("{events:?}");
    };
    assert!(event.is(SPIKE), "{event:?}");
    assert_eq!(event.fact("count"), 3);
    assert_eq!(event.fact("total_retrans"), 3, "{event:?}");
    let retransmits = number(&caused.log, "retransmits");
    assert!(retransmits >= 4);
    let its_port = format!("sport={}", caused.log["src_port"]);
    let traced = trace.lines_with(&[its_port]).len();
    assert_eq!(
        u64::try_from(traced),
        Ok(retransmits),
        "and the kernel's text"
    );
    assert_eq!(*event.fact("src_port"), caused.log["src_port"]);
    assert_eq!(event.0["outcome"], "in_progress");
    cgroup.assert_named_by(event);
}

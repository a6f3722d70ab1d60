//! Who is behind a connection: who connected, who listens, and the agent itself.

use serde_json::{Value, json};
use tapio_tests::agent::TestAgent;

use super::{Caused, RESET};
use crate::cgroup::Cgroup;

/// The end that was accepted has nobody who connected it; the program that resets is told nothing.
#[test]
fn an_accepted_connection_has_a_listener_and_no_pid() {
    let mut agent = TestAgent::observe_network(&json!({}), &[]);
    let cgroup = Cgroup::new();
    let caused = Caused::by(&cgroup, "--comm the-listener reset ours");
    let port = caused.log["dst_port"].clone();
    let event = agent.expect("reset", |event| {
        event.is(RESET) && *event.fact("src_port") == port
    });
    assert_eq!(*event.fact("dst_port"), caused.log["src_port"]);
    assert_eq!(*event.fact("pid"), Value::Null);
    assert_eq!(event.not_observed("pid"), "accepted");
    // Its listener was closed when the connection stood, so nobody listens there any more.
    assert_eq!(event.not_observed("listener_pid"), "listen_not_seen");
    let report = agent.stop();
    assert!(caused.events(&report).is_empty(), "of the end that reset");
}

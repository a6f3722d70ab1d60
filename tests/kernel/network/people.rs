//! Who is behind a connection: who connected, who listens, and the agent itself.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::process::Command;

use serde_json::{Value, json};
use tapio_tests::agent::{EVENT_MAX, Event, TestAgent, network_config};
use tapio_tests::deadline::wait_for;
use tapio_tests::folder::TestFolder;
use tapio_tests::program::Program;

use super::{Caused, NOBODY, REFUSED, RESET};
use crate::cgroup::{Cgroup, Hierarchy, Standing, mount_point};
use crate::scene::{Scene, causer, causer_path};

/// As many owners as the kernel's program has room for.
const OWNERS: u64 = 16_384;

/// The reset of the end that was accepted; whoever connected did it, and is told nothing.
#[track_caller]
fn reset_of_accepted(words: &str) -> (Caused, Event, Cgroup) {
    let mut agent = TestAgent::observe_network(&json!({}), &[]);
    let cgroup = Cgroup::new();
    let caused = Caused::by(&cgroup, &format!("--comm the-listener {words}"));
    let port = caused.log["dst_port"].clone();
    let event = agent.expect("reset", |event| {
        event.is(RESET) && *event.fact("src_port") == port
    });
    assert_eq!(*event.fact("dst_port"), caused.log["src_port"]);
    assert_eq!(*event.fact("pid"), Value::Null, "{event:?}");
    assert_eq!(event.not_observed("pid"), "accepted", "{event:?}");
    let report = agent.stop();
    assert!(caused.events(&report).is_empty(), "of the end that reset");
    (caused, event, cgroup)
}

/// On its own address or on all of them; with a backlog of 0 too, which leaves no mark on what it takes in.
#[test]
fn an_accepted_connection_has_a_listener_and_no_pid() {
    for (at, family) in [
        ("127.0.0.1:0 1", "ipv4"),
        ("0.0.0.0:0 1", "ipv4"),
        ("[::]:0 1", "ipv6"),
        ("127.0.0.1:0 0", "ipv4"),
    ] {
        let (caused, event, cgroup) = reset_of_accepted(&format!("accepted {at} alone"));
        assert_eq!(event.fact("listener_pid"), caused.pid, "{at}: {event:?}");
        assert_eq!(event.fact("listener_comm"), "the-listener");
        assert_eq!(event.fact("family"), family);
        cgroup.assert_named_by(&event);
    }
}

/// Its socket knows the v2 cgroup alone; where a v1 cgroup names its listener, it names this as well.
#[test]
fn an_accepted_connection_is_named_as_its_listener_is() {
    let mut agent = TestAgent::observe_network(&json!({}), &[]);
    let service = Cgroup::v2();
    let container = mount_point(Hierarchy::V1Memory).map(|_| Cgroup::new());
    let mut command = causer("accepted 127.0.0.1:0 1 alone");
    if let Some(container) = &container {
        container.hold(&mut command, Standing::Member);
    }
    let mut scene = Scene::play(&service, Standing::Member, command);
    let port = scene.line()["dst_port"].clone();
    scene.end();
    let event = agent.expect("reset", |event| {
        event.is(RESET) && *event.fact("src_port") == port
    });
    container
        .as_ref()
        .unwrap_or(&service)
        .assert_named_by(&event);
    agent.stop();
}

#[test]
fn of_several_who_may_listen_on_a_port_nobody_is_named() {
    let (_, event, _) = reset_of_accepted("accepted 127.0.0.1:0 1 shared");
    assert_eq!(event.not_observed("listener_pid"), "port_is_shared");
}

#[test]
fn a_listener_that_is_gone_is_not_named() {
    let (_, event, _) = reset_of_accepted("reset ours");
    assert_eq!(event.not_observed("listener_pid"), "listen_not_seen");
}

/// More attempts at a time than owners can be kept of: it costs a name, which is counted.
#[test]
fn without_room_for_its_owner_an_attempt_is_told_without_one() {
    let folder = TestFolder::new();
    let metrics = folder.join("metrics.prom");
    let flags = ["--metrics-file", metrics.to_str().expect("a path")];
    let mut agent = TestAgent::observe_network(&json!({}), &flags);
    let cgroup = Cgroup::new();
    // An address of its own is what its refusal is told from others' by.
    let nobody = "127.77.66.55:1";
    let caused = Caused::by(&cgroup, &format!("outnumbered {OWNERS} {nobody}"));
    let event = agent.expect("refusal", |event| {
        event.is(REFUSED) && event.fact("dst_ip") == "127.77.66.55"
    });
    assert_eq!(*event.fact("pid"), Value::Null, "{event:?}");
    assert_eq!(event.not_observed("pid"), "owner_table_full", "{event:?}");
    // What is over makes room again.
    let after = Caused::by(&cgroup, &format!("refused {NOBODY} 1"));
    agent.expect("refusal", |event| after.is_in(event));
    assert!(caused.events(&agent.stop()).is_empty());
    let page = fs::read_to_string(metrics).expect("its metrics");
    let row = page
        .lines()
        .find_map(|line| line.strip_prefix(r#"tapio_table_full_total{observer="network"} "#));
    assert!(row.is_some_and(|count| count != "0"), "{page}");
}

/// It sends what it sees to where every connection is reset, and says nothing of that: not even where
/// its number is another one than the kernel's.
#[test]
fn the_agent_does_not_tell_of_its_own_connections() {
    let receiver = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = receiver.local_addr().expect("its address");
    let folder = TestFolder::new();
    let config = folder.write("config.json", network_config(&json!({})).to_string());
    let mut command = Command::new(causer_path());
    command.arg("contained").arg(Program::Agent.path());
    command.args(["--sink", "stdout", "--sink", "http", "--http-url"]);
    command
        .arg(format!("http://{at}/"))
        .arg("--config")
        .arg(config);
    command.args(["--observers", "network"]);
    let mut agent = TestAgent::spawn(folder, command);
    let cgroup = Cgroup::new();
    let first = Caused::by(&cgroup, &format!("refused {NOBODY} 1"));
    agent.expect("refusal", |event| first.is_in(event));
    // A connection that is closed before all of it was read is reset.
    receiver.set_nonblocking(true).expect("a listener");
    let (mut visitor, _) = wait_for("the agent to come", EVENT_MAX, || receiver.accept().ok());
    visitor.set_nonblocking(false).expect("a connection");
    visitor
        .set_read_timeout(Some(EVENT_MAX))
        .expect("a connection");
    visitor
        .read_exact(&mut [0])
        .expect("it has something to say");
    drop(visitor);
    let second = Caused::by(&cgroup, &format!("refused {NOBODY} 1"));
    agent.expect("refusal", |event| second.is_in(event));
    let report = agent.stop();
    let own = |event: &&Event| event.fact("dst_port") == at.port();
    assert_eq!(report.events.iter().find(own), None);
}

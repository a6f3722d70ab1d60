//! Observers switched off and on in the middle of what they look at.
//!
//! Config decides what is told. What is kept of a request, a connection or a process is kept and
//! let go whatever the config says, so what is told afterwards is right.

use serde_json::Value;
use tapio_tests::agent::{Event, TestAgent, container_config, network_config, storage_config};
use tapio_tests::folder::TestFolder;
use tapio_tests::program::Program;
use tapio_tests::steered::SteeredController;

use crate::ABNORMAL_EXIT;
use crate::cgroup::Cgroup;
use crate::scene::{Scene, number};
use crate::storage::one_disk;

/// Longer than it takes an agent to hear of another config and to say that it runs it.
const MEANWHILE_MS: u64 = 8_000;
const MILLI: u64 = 1_000_000;

/// A config in which nobody looks.
fn off() -> Value {
    let mut config = container_config("workloads", &[]);
    config["container"]["enabled"] = false.into();
    config
}

/// An agent that this controller leads, under its first config.
#[track_caller]
fn led_by(controller: &SteeredController, observers: &str) -> TestAgent {
    let mut command = std::process::Command::new(Program::Agent.path());
    command
        .args([
            "--sink",
            "stdout",
            "--fair-share",
            "0",
            "--observers",
            observers,
        ])
        .args(["--config-poll-interval", "1", "--heartbeat-interval", "1"])
        .arg("--controller-endpoint")
        .arg(format!("http://{}", controller.address()));
    let agent = TestAgent::spawn(TestFolder::new(), command);
    controller.await_applied();
    agent
}

fn of_process(agent: &mut TestAgent, pid: u32) -> Vec<Event> {
    let events = agent.events().iter();
    events
        .filter(|event| event.fact("pid") == pid)
        .cloned()
        .collect()
}

#[test]
fn a_request_under_way_while_its_observer_is_switched_off_or_on() {
    let _alone = one_disk();
    let on = storage_config(1_000 * MILLI, 600_000 * MILLI);
    let controller = SteeredController::start(&on);
    let mut agent = led_by(&controller, "storage");
    let cgroup = Cgroup::new();
    let words = format!("io read delay-ms {MEANWHILE_MS}");

    let mut issued_on = Scene::member(&cgroup, &words);
    controller.steer(&off());
    issued_on.line();
    issued_on.end();

    let mut issued_off = Scene::member(&cgroup, &words);
    controller.steer(&on);
    let log = issued_off.line();
    issued_off.end();
    let spike = agent.expect("the spike", |event| event.fact("pid") == issued_off.pid());
    let latency_us = spike.fact("latency_us").as_u64();
    assert!(latency_us >= Some(MEANWHILE_MS * 1_000), "{spike:?}");
    assert!(latency_us <= log["took_us"].as_u64(), "{spike:?}");
    assert_eq!(spike.fact("config_generation"), 3, "that of its end");
    cgroup.assert_named_by(&spike);

    // The addresses of the requests before are used again.
    let mut quick = Scene::member(&cgroup, "io read none 0 200");
    let took_us = number(&quick.line(), "took_us");
    quick.end();
    assert_eq!(
        of_process(&mut agent, issued_on.pid()),
        [],
        "it ended unseen"
    );
    for event in of_process(&mut agent, quick.pid()) {
        assert!(
            event.fact("latency_us").as_u64() <= Some(took_us),
            "{event:?}"
        );
    }
    agent.stop();
}

/// Whoever connected is known though nobody was to be told then.
#[test]
fn a_connection_made_while_its_observer_was_switched_off() {
    let controller = SteeredController::start(&off());
    let mut agent = led_by(&controller, "network");
    let cgroup = Cgroup::new();
    let words = format!("--comm early-one lost {MEANWHILE_MS}");
    let mut scene = Scene::member(&cgroup, &words);
    controller.steer(&network_config(&Value::Null));
    scene.line();
    scene.end();
    let lost = agent.expect("its end", |event| {
        event.is("kernel.network.connection_lost") && event.fact("pid") == scene.pid()
    });
    assert_eq!(lost.fact("comm"), "early-one");
    assert_eq!(lost.fact("config_generation"), 2, "that of its end");
    cgroup.assert_named_by(&lost);
    agent.stop();
}

#[test]
fn a_death_is_told_under_the_config_it_happens_under() {
    let on = container_config("workloads", &[]);
    let controller = SteeredController::start(&on);
    let mut agent = led_by(&controller, "container");
    let cgroup = Cgroup::new();
    let die = || {
        let mut scene = Scene::root(&cgroup, "exit 7");
        scene.end();
        scene.pid()
    };
    let before = die();
    agent.expect("a death", |event| event.fact("pid") == before);
    controller.steer(&off());
    let unseen = die();
    controller.steer(&on);
    let after = die();
    let told = agent.expect("a death", |event| event.fact("pid") == after);
    assert!(told.is(ABNORMAL_EXIT), "{told:?}");
    assert_eq!(
        told.fact("config_generation"),
        3,
        "as the controller counts"
    );
    assert_eq!(of_process(&mut agent, unseen), []);
    agent.stop();
}

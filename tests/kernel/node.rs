//! The node observer as this machine has it: with a unit that counts, or without one and saying so.
//!
//! Its program is driven by software events in agent/tests/sampling.rs; no machine of ours counts
//! cycles, so on hardware it was not exercised.

use tapio_common::catalogue::Observer;
use tapio_tests::agent::{TestAgent, container_config};
use tapio_tests::command::TestCommand;
use tapio_tests::program::Program;

const NO_PMU: &str = "no_pmu";

/// Whether the agent says that there is nothing to count with.
fn is_without_pmu() -> bool {
    let probe = TestCommand::new(Program::Agent).args(["probe", "--observers", "node"]);
    let page = probe.run().expect_code(0).stdout;
    assert!(page.contains("instructions"), "{page}");
    page.contains(NO_PMU)
}

#[test]
fn without_counters_it_is_degraded_and_the_others_go_on() {
    let mut config = container_config("workloads", &[]);
    config["node_pmc"]["enabled"] = true.into();
    let agent = TestAgent::observe_with("container,node", &config, &[]);
    let report = agent.stop();
    let is_degraded = report.stderr.contains("node is degraded: no_pmu");
    assert_eq!(is_degraded, is_without_pmu(), "{}", report.stderr);
    for anomaly in Observer::Node.anomalies() {
        let reason = format!("\"{}\":\"{NO_PMU}\"", anomaly.event_type());
        assert_eq!(report.stderr.contains(&reason), is_degraded, "{reason}");
    }
}

/// An agent that could observe nothing at all says why, and is not there.
#[test]
fn alone_it_needs_something_to_count_with() {
    let agent = TestCommand::new(Program::Agent).args(["--observers", "node", "--sink", "stdout"]);
    if is_without_pmu() {
        let refused = agent.run().expect_code(1);
        assert!(refused.stderr.contains(NO_PMU), "{}", refused.stderr);
    } else {
        TestAgent::observe_with("node", &container_config("workloads", &[]), &[]).stop();
    }
}

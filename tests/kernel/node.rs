//! The node observer as this machine has it: with a unit that counts, or without one and saying so.
//!
//! Its program is driven by software events in agent/tests/sampling.rs; no machine of ours counts
//! cycles, so on hardware it was not exercised. The witness is the kernel, which the test asks itself.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use tapio_common::catalogue::Observer;
use tapio_tests::agent::{TestAgent, container_config};
use tapio_tests::command::TestCommand;
use tapio_tests::program::Program;

const NO_PMU: &str = "no_pmu";

/// The first `struct perf_event_attr`, and where it says how long it is; all zeroes are cycles.
const ATTRIBUTES_BYTES: u32 = 64;
const SIZE_AT: usize = 4;

/// Whether the kernel, asked by this test, counts the cycles of the first CPU.
fn counts_cycles() -> bool {
    let mut attributes = [0u8; ATTRIBUTES_BYTES as usize];
    attributes[SIZE_AT..][..4].copy_from_slice(&ATTRIBUTES_BYTES.to_ne_bytes());
    let (every_process, first_cpu, no_group, no_flags) = (-1, 0, -1, 0);
    // SAFETY: the attributes are as long as they say and live across the call.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            attributes.as_ptr(),
            every_process,
            first_cpu,
            no_group,
            no_flags,
        )
    };
    if fd < 0 {
        let error = io::Error::last_os_error();
        let is_none = matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EOPNOTSUPP));
        assert!(is_none, "perf_event_open: {error}");
        return false;
    }
    // SAFETY: the descriptor is fresh and nobody else's.
    drop(unsafe { OwnedFd::from_raw_fd(fd.try_into().expect("a descriptor")) });
    true
}

/// Whether there is nothing to count with: the agent says it where the kernel does.
fn is_without_pmu() -> bool {
    let probe = TestCommand::new(Program::Agent).args(["probe", "--observers", "node"]);
    let page = probe.run().expect_code(0).stdout;
    assert!(page.contains("instructions"), "{page}");
    assert_eq!(page.contains(NO_PMU), !counts_cycles(), "{page}");
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

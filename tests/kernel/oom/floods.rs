//! The whole machine's memory, taken by itself like every flood, and only in guests.

use std::fs;
use std::os::unix::process::ExitStatusExt;

use serde_json::Value;
use tapio_tests::agent::{TestAgent, container_config};

use super::{killed, size, tolerance_bytes};
use crate::ABNORMAL_EXIT;
use crate::cgroup::Cgroup;
use crate::oracle::KernelLog;
use crate::scene::Scene;

fn memory_mib() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").expect("what memory there is");
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<u64>().ok()).expect("a size") / 1_024
}

/// It was nobody's limit, so no limit is named; that it was the machine's is not concluded.
#[test]
fn when_the_machine_runs_out_no_limit_is_named() {
    let mut log = KernelLog::from_now();
    let mut agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let cgroup = Cgroup::new();
    let words = format!("--oom-score-adj 1000 eat {} 0", memory_mib());
    let mut victim = Scene::root(&cgroup, &words);
    victim.line();
    victim.go();
    assert_eq!(victim.end().signal(), Some(libc::SIGKILL));
    assert_eq!(cgroup.oom_kills(), 1);
    let event = killed(&mut agent, victim.pid());
    let line = log.killed(victim.pid());
    let resident = size(&event, "anon_rss_bytes");
    assert!(
        resident.abs_diff(line.anon_rss) <= tolerance_bytes(),
        "{resident}, and the log: {line:?}"
    );
    for name in ["constraint", "memory_limit_bytes", "limit_cgroup_path"] {
        assert_eq!(*event.fact(name), Value::Null, "{event:?}");
        assert_eq!(event.not_observed(name), "no_limit_found", "{event:?}");
    }
    cgroup.assert_named_by(&event);
    let death = agent.expect("its death", |event| {
        event.is(ABNORMAL_EXIT) && event.fact("pid") == victim.pid()
    });
    assert_eq!(death.fact("oom_victim"), true);
    assert_eq!(death.fact("cause"), "oom_victim_marked");
    agent.stop();
}

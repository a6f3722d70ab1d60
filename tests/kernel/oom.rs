//! OOM kills: only where the kernel killed, with its own figures, and by whose limit.

mod floods;

use std::os::unix::process::ExitStatusExt;

use serde_json::Value;
use tapio_tests::agent::{Event, TestAgent, container_config};

use crate::cgroup::Cgroup;
use crate::oracle::{ALL, KernelLog, Trace};
use crate::programs::skipped;
use crate::scene::{Scene, number};
use crate::{ABNORMAL_EXIT, OOM_KILL};

const MIB: u64 = 1 << 20;
/// The kernel counts charges ahead in batches of 64 pages on every CPU, and resident pages likewise.
const BATCH_BYTES: u64 = 64 * 4_096;

fn tolerance_bytes() -> u64 {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    BATCH_BYTES * u64::try_from(cpus).expect("a count")
}

#[track_caller]
fn size(event: &Event, name: &str) -> u64 {
    event
        .fact(name)
        .as_u64()
        .unwrap_or_else(|| panic!("no {name} in {event:?}"))
}

/// The limit, and a usage that had come up to it.
#[track_caller]
fn assert_limited_by(event: &Event, cgroup: &Cgroup, limit: u64) {
    assert_eq!(event.fact("limit_cgroup_path"), cgroup.path(), "{event:?}");
    assert_eq!(event.fact("memory_limit_bytes"), limit, "{event:?}");
    assert_eq!(event.fact("constraint"), "memcg", "{event:?}");
    let usage = size(event, "memory_usage_bytes");
    assert!(
        usage <= limit && usage + BATCH_BYTES >= limit,
        "{usage} of {limit}"
    );
}

#[track_caller]
fn killed(agent: &mut TestAgent, pid: u32) -> Event {
    agent.expect("OOM kill", |event| {
        event.is(OOM_KILL) && event.fact("pid") == pid
    })
}

#[test]
fn a_kill_carries_the_kernels_own_figures() {
    let mut log = KernelLog::from_now();
    let mut agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let cgroup = Cgroup::new();
    cgroup.limit_memory(24 * MIB);
    let words = "--comm eats-too-much --oom-score-adj 500 --uid 12345 eat 64 4";
    let mut victim = Scene::root(&cgroup, words);
    victim.line();
    victim.go();
    assert_eq!(victim.end().signal(), Some(libc::SIGKILL));
    assert_eq!(cgroup.oom_kills(), 1);
    let event = killed(&mut agent, victim.pid());
    let shortage = log.shortage(victim.pid());
    assert_eq!(shortage.constraint, "CONSTRAINT_MEMCG");
    assert_eq!(*event.fact("limit_cgroup_path"), shortage.limit_cgroup);
    assert_eq!(*event.fact("cgroup_path"), shortage.victim_cgroup);
    assert_eq!(*event.fact("trigger_comm"), shortage.asked_by);
    let line = log.killed(victim.pid());
    assert_eq!(event.fact("comm"), line.comm.as_str());
    assert_eq!(
        (event.fact("uid"), line.uid),
        (&Value::from(12_345), 12_345)
    );
    assert_eq!(
        (event.fact("oom_score_adj"), line.oom_score_adj),
        (&Value::from(500), 500)
    );
    let sizes = [
        ("anon_rss_bytes", line.anon_rss),
        ("file_rss_bytes", line.file_rss),
        ("shmem_rss_bytes", line.shmem_rss),
    ];
    for (name, said) in sizes {
        let ours = size(&event, name);
        assert!(
            ours.abs_diff(said) <= tolerance_bytes(),
            "{name}: {ours}, and the log: {said}"
        );
    }
    assert!(size(&event, "anon_rss_bytes") > 12 * MIB, "{event:?}");
    assert!(
        size(&event, "shmem_rss_bytes") + tolerance_bytes() >= 4 * MIB,
        "{event:?}"
    );
    assert_eq!(event.fact("trigger_pid"), victim.pid());
    assert_eq!(event.fact("trigger_comm"), "eats-too-much");
    assert_eq!(event.0["severity"], "critical");
    assert_limited_by(&event, &cgroup, 24 * MIB);
    cgroup.assert_named_by(&event);
    let death = agent.expect("its death", |event| {
        event.is(ABNORMAL_EXIT) && event.fact("pid") == victim.pid()
    });
    assert_eq!(death.fact("signal"), libc::SIGKILL);
    assert_eq!(death.fact("oom_victim"), true);
    assert_eq!(death.fact("cause"), "oom_victim_marked");
    assert_eq!(death.fact("sender"), "kernel");
    assert_eq!(cgroup.events(&agent.stop()).len(), 2);
}

#[test]
fn the_limit_is_the_parents_where_the_parent_hit_it() {
    let mut agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let parent = Cgroup::new();
    let child = parent.child("child");
    parent.limit_memory(32 * MIB);
    child.limit_memory(512 * MIB);
    let mut victim = Scene::root(&child, "eat 64 0");
    victim.line();
    victim.go();
    assert_eq!(victim.end().signal(), Some(libc::SIGKILL));
    let event = killed(&mut agent, victim.pid());
    assert_limited_by(&event, &parent, 32 * MIB);
    child.assert_named_by(&event);
    assert_eq!(parent.events(&agent.stop()).len(), 2);
}

#[test]
fn whoever_asked_for_memory_is_told_from_whoever_was_killed() {
    let mut agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let cgroup = Cgroup::new();
    cgroup.limit_memory(32 * MIB);
    let mut large = Scene::root(&cgroup, "--comm the-large-one hold 22");
    large.line();
    let mut small = Scene::root(&cgroup, "--comm the-small-one eat 14 0");
    small.line();
    small.go();
    assert_eq!(large.end().signal(), Some(libc::SIGKILL));
    let event = killed(&mut agent, large.pid());
    assert_eq!(event.fact("comm"), "the-large-one");
    assert_eq!(event.fact("trigger_pid"), small.pid());
    assert_eq!(event.fact("trigger_comm"), "the-small-one");
    // It may be next: newer kernels do not wait for what the first one held to be given back.
    let both = small.end().signal() == Some(libc::SIGKILL);
    assert_eq!(cgroup.oom_kills(), 1 + u64::from(both));
    assert_eq!(
        cgroup.events(&agent.stop()).len(),
        2 + 2 * usize::from(both)
    );
}

/// A process that was killed by hand and is still dying is the largest when its cgroup runs out of
/// memory: the kernel marks it as a victim, and kills nobody.
#[test]
fn a_dying_process_that_is_marked_was_not_killed_for_memory() {
    let marks = Trace::from_now("oom/mark_victim", ALL);
    let agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let (cgroup, killers) = (Cgroup::new(), Cgroup::new());
    cgroup.limit_memory(40 * MIB);
    let mut tracer = Scene::root(&cgroup, "hold-dying 26");
    let dying = number(&tracer.line(), "pid");
    let mut hungry = Scene::root(&cgroup, "eat 18 0");
    hungry.line();
    let words = format!("kill {dying} {}", libc::SIGKILL);
    let sender = number(&Scene::root(&killers, &words).line(), "sender");
    assert_eq!(tracer.line()["dying"], true);
    hungry.go();
    assert_eq!(hungry.line()["survived"], true);
    tracer.go();
    assert_eq!(number(&tracer.line(), "status"), 9);
    tracer.end();
    hungry.end();
    let marked = marks.lines_with(&[format!("pid={dying}")]);
    assert!(!marked.is_empty(), "the scene failed: nothing was marked");
    assert_eq!(cgroup.oom_kills(), 0);
    let report = agent.stop();
    let events = cgroup.events(&report);
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0].is(ABNORMAL_EXIT), "{events:?}");
    assert_eq!(events[0].fact("pid"), dying);
    assert_eq!(events[0].fact("sender")["pid"], sender);
    assert_eq!(events[0].fact("oom_victim"), true);
}

/// 137 is what shells make of SIGKILL, and SIGKILL is what many send.
#[test]
fn neither_137_nor_sigkill_is_an_oom_kill() {
    let agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let cgroup = Cgroup::new();
    assert_eq!(Scene::root(&cgroup, "exit 137").end().code(), Some(137));
    assert_eq!(
        Scene::root(&cgroup, "die 9").end().signal(),
        Some(libc::SIGKILL)
    );
    let report = agent.stop();
    let events = cgroup.events(&report);
    assert_eq!(events.len(), 2);
    for event in events {
        assert!(event.is(ABNORMAL_EXIT), "{event:?}");
        assert_eq!(event.fact("oom_victim"), false, "{event:?}");
    }
}

/// The machine runs out, not the cgroup, which is as full as one of much page cache always is.
#[test]
fn a_full_cgroup_is_not_blamed_for_the_machines_shortage() {
    let mut agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let cgroup = Cgroup::new();
    let mut victim = Scene::root(&cgroup, "--oom-score-adj 1000 hold 16");
    victim.line();
    let limit = cgroup.memory_usage();
    cgroup.limit_memory(limit);
    assert!(
        cgroup.memory_usage() + BATCH_BYTES >= limit,
        "the scene failed: it is not full"
    );
    std::fs::write("/proc/sysrq-trigger", "f").expect("this kernel kills on request");
    assert_eq!(victim.end().signal(), Some(libc::SIGKILL));
    let event = killed(&mut agent, victim.pid());
    for fact in ["constraint", "limit_by", "limit_cgroup_path"] {
        assert_eq!(*event.fact(fact), Value::Null, "{event:?}");
    }
    assert_eq!(event.fact("not_observed")["constraint"], "no_limit_found");
    cgroup.assert_named_by(&event);
    assert_eq!(cgroup.events(&agent.stop()).len(), 2);
}

/// With `memory.oom.group` the kernel kills everyone there, and each of them is one kill.
#[test]
fn a_group_that_is_killed_whole_is_one_kill_each() {
    let agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let cgroup = Cgroup::new();
    cgroup.limit_memory(24 * MIB);
    cgroup.write("memory.oom.group", "1");
    let mut bystander = Scene::root(&cgroup, "hold 2");
    bystander.line();
    let mut hungry = Scene::root(&cgroup, "eat 64 0");
    hungry.line();
    hungry.go();
    for scene in [&mut bystander, &mut hungry] {
        assert_eq!(scene.end().signal(), Some(libc::SIGKILL));
    }
    assert!(cgroup.oom_kills() >= 2); // 5.10 counts the first victim twice
    // They die at once, and a run that another exit on its CPU gets into is skipped, and counted.
    let skipped = skipped(agent.pid(), "sched_process_exit");
    let report = agent.stop();
    let mut untold = 0;
    for scene in [&bystander, &hungry] {
        let count = |event_type| {
            let events = cgroup.events(&report).into_iter();
            let its = events.filter(|event| event.fact("pid") == scene.pid());
            its.filter(|event| event.is(event_type)).count()
        };
        assert_eq!(count(OOM_KILL), 1, "of {}", scene.pid());
        assert!(count(ABNORMAL_EXIT) <= 1, "of {}", scene.pid());
        untold += 1 - count(ABNORMAL_EXIT);
    }
    assert_eq!(cgroup.events(&report).len(), 4 - untold);
    let untold = u64::try_from(untold).expect("a count");
    assert!(untold <= skipped, "{untold} untold, {skipped} skipped");
}

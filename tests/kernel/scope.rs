//! Whose exits matter: roots of workloads, every core-dumping signal and SIGKILL; or everything.

use std::os::unix::process::ExitStatusExt;

use tapio_tests::agent::{TestAgent, container_config};

use crate::ABNORMAL_EXIT;
use crate::cgroup::Cgroup;
use crate::scene::{Scene, number};

/// The exits of one cgroup under a scope, as (pid, is_workload_root), in order of pid.
#[track_caller]
fn exits(scope: &str, play: impl FnOnce(&Cgroup)) -> Vec<(u64, bool)> {
    let agent = TestAgent::observe(&container_config(scope, &[]), &[]);
    let cgroup = Cgroup::new();
    play(&cgroup);
    let report = agent.stop();
    let mut found: Vec<(u64, bool)> = cgroup
        .events(&report)
        .into_iter()
        .inspect(|event| assert!(event.is(ABNORMAL_EXIT), "{event:?}"))
        .map(|event| {
            let root = event.fact("is_workload_root").as_bool();
            (
                event.fact("pid").as_u64().expect("a pid"),
                root.expect("a word on the root"),
            )
        })
        .collect();
    found.sort_unstable();
    found
}

#[test]
fn codes_and_plain_signals_of_members_are_out_of_scope_and_counted() {
    let agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let cgroup = Cgroup::new();
    assert_eq!(Scene::member(&cgroup, "exit 3").end().code(), Some(3));
    let mut terminated = Scene::member(&cgroup, &format!("die {}", libc::SIGTERM));
    assert_eq!(terminated.end().signal(), Some(libc::SIGTERM));
    let report = agent.stop();
    assert_eq!(cgroup.events(&report).len(), 0);
    let row = report.ledger.types[ABNORMAL_EXIT];
    assert!(row.seen >= 2 && row.filtered >= 2, "{row:?}");
}

#[test]
fn everything_is_in_scope_when_asked_for() {
    let mut wanted = Vec::new();
    let found = exits("all", |cgroup| {
        for words in ["exit 3", "die 15"] {
            let mut scene = Scene::member(cgroup, words);
            scene.end();
            wanted.push((u64::from(scene.pid()), false));
        }
    });
    wanted.sort_unstable();
    assert_eq!(found, wanted);
}

/// An orphan's parent lives in another cgroup too; that alone makes no root.
#[test]
fn an_orphan_is_no_root() {
    let mut orphan = 0;
    let play = |cgroup: &Cgroup| {
        let mut scene = Scene::root(cgroup, "orphan 3");
        orphan = number(&scene.line(), "pid");
        scene.end();
        cgroup.await_empty();
    };
    assert_eq!(exits("all", play), [(orphan, false)]);
    assert_eq!(
        exits("workloads", |cgroup| {
            Scene::root(cgroup, "orphan 3").end();
            cgroup.await_empty();
        }),
        []
    );
}

#[test]
fn a_session_leader_beside_its_parent_is_no_root() {
    let mut child = 0;
    let play = |cgroup: &Cgroup| {
        let mut scene = Scene::root(cgroup, "session 4");
        let line = scene.line();
        child = number(&line, "pid");
        assert_eq!(number(&line, "status"), 4 << 8);
        scene.end();
    };
    assert_eq!(exits("all", play), [(child, false)]);
}

#[test]
fn a_session_leader_from_another_cgroup_is_a_root() {
    let mut pid = 0;
    let play = |cgroup: &Cgroup| {
        let mut scene = Scene::root(cgroup, "exit 4");
        scene.end();
        pid = u64::from(scene.pid());
    };
    assert_eq!(exits("workloads", play), [(pid, true)]);
}

/// Its child dies by SIGKILL from inside: a pid of the inside must not be reported for either.
#[test]
fn the_first_of_a_pid_namespace_is_a_root() {
    let mut agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let cgroup = Cgroup::new();
    let mut scene = Scene::member(&cgroup, "pid-namespace 9");
    let first = number(&scene.line(), "pid");
    let killed = agent.expect("the killed child", |event| {
        event.is(ABNORMAL_EXIT) && cgroup.holds(event) && event.fact("signal") == libc::SIGKILL
    });
    assert_eq!(killed.fact("sender")["pid"], first);
    assert_eq!(killed.fact("is_workload_root"), false);
    assert_ne!(killed.fact("pid"), 2, "the pid of the inside");
    scene.go();
    assert_eq!(number(&scene.line(), "status"), 9 << 8);
    let left = agent.expect("the first", |event| event.fact("pid") == first);
    assert_eq!(left.fact("exit_code"), 9);
    assert_eq!(left.fact("is_workload_root"), true);
    assert_eq!(cgroup.events(&agent.stop()).len(), 2);
}

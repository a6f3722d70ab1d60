//! Who sent the signal that ended it: a process only where the kernel knows one.

use std::os::unix::process::ExitStatusExt;

use serde_json::json;
use tapio_tests::agent::{Event, TestAgent, container_config};
use tapio_tests::folder::TestFolder;

use crate::ABNORMAL_EXIT;
use crate::cgroup::{Cgroup, Hierarchy, Standing, enter, mount_point};
use crate::scene::{Scene, causer, number};

struct Stage {
    agent: TestAgent,
    /// Of the victims, and of whoever kills them: the sender's cgroup is to be told from the victim's.
    victims: Cgroup,
    killers: Cgroup,
}

impl Stage {
    fn new() -> Self {
        Self {
            agent: TestAgent::observe(&container_config("all", &[]), &[]),
            victims: Cgroup::new(),
            killers: Cgroup::new(),
        }
    }

    #[track_caller]
    fn death_of(&mut self, pid: u64) -> Event {
        self.agent.expect("death", |event| {
            event.is(ABNORMAL_EXIT) && event.fact("pid") == pid
        })
    }

    /// Nothing but that one death was told of the victims.
    #[track_caller]
    fn end(self) {
        assert_eq!(self.victims.events(&self.agent.stop()).len(), 1);
    }
}

#[track_caller]
fn a_process_is_named(words: &str, signal: libc::c_int) {
    let mut stage = Stage::new();
    let mut victim = Scene::root(&stage.victims, "pause");
    victim.line();
    let words = format!("--comm the-killer {words} {} {signal}", victim.pid());
    let sender = number(&Scene::root(&stage.killers, &words).line(), "sender");
    assert_eq!(victim.end().signal(), Some(signal));
    let death = stage.death_of(victim.pid().into());
    assert_eq!(death.fact("sender")["pid"], sender);
    assert_eq!(death.fact("sender")["comm"], "the-killer");
    assert_eq!(death.fact("sender")["cgroup_id"], stage.killers.id());
    assert_eq!(death.fact("signal"), signal);
    assert_eq!(death.fact("cause"), "signal_from_process");
    stage.victims.assert_named_by(&death);
    stage.end();
}

#[test]
fn kill_names_its_sender() {
    a_process_is_named("kill", libc::SIGKILL);
    a_process_is_named("kill", libc::SIGTERM);
}

#[test]
fn sigqueue_names_its_sender() {
    a_process_is_named("queue", libc::SIGUSR1);
}

/// The second SIGKILL reaches a process that is dying already; it changes nothing.
#[test]
fn of_two_kills_the_first_counts() {
    let mut stage = Stage::new();
    let mut victim = Scene::root(&stage.victims, "--cpu 0 pause");
    victim.line();
    let mut killers = Scene::root(&stage.killers, &format!("kill-twice {}", victim.pid()));
    let line = killers.line();
    assert_eq!(number(&line, "second_status"), 0, "the second did not send");
    assert_eq!(victim.end().signal(), Some(libc::SIGKILL));
    let death = stage.death_of(victim.pid().into());
    assert_eq!(death.fact("sender")["pid"], number(&line, "first"));
    stage.end();
}

/// The first SIGKILL ended it. Kernels before 5.17 deliver what comes while it dies, whatever the
/// number and whether to the process or to its thread.
#[test]
fn what_reaches_a_dying_process_claims_nothing() {
    let late = [("kill", libc::SIGTERM), ("thread-kill", libc::SIGKILL)];
    for (verb, signal) in late {
        let mut stage = Stage::new();
        let mut tracer = Scene::root(&stage.victims, "hold-dying 1");
        let dying = number(&tracer.line(), "pid");
        let send = |words: String| number(&Scene::root(&stage.killers, &words).line(), "sender");
        let first = send(format!("kill {dying} {}", libc::SIGKILL));
        assert_eq!(tracer.line()["dying"], true);
        let second = send(format!("{verb} {dying} {signal}"));
        assert_ne!(first, second);
        tracer.go();
        assert_eq!(number(&tracer.line(), "status"), 9);
        tracer.end();
        let death = stage.death_of(dying);
        assert_eq!(death.fact("sender")["pid"], first, "{verb}: {death:?}");
        assert_eq!(death.fact("cause"), "signal_from_process");
        stage.end();
    }
}

/// A SIGKILL that cuts a core dump short is what ended the process: the wait status is its own.
#[test]
fn a_kill_during_a_core_dump_names_its_sender() {
    let mut stage = Stage::new();
    let folder = TestFolder::new();
    let words = format!("kill-dumping 96 {}", folder.path().display());
    let mut scene = Scene::root(&stage.victims, &words);
    let line = scene.line();
    scene.end();
    assert_eq!(number(&line, "status"), 9, "the scene failed");
    let death = stage.death_of(number(&line, "pid"));
    assert_eq!(death.fact("signal"), libc::SIGKILL);
    assert_eq!(death.fact("sender")["pid"], number(&line, "sender"));
    assert_eq!(death.fact("cause"), "signal_from_process");
    stage.end();
}

/// A signal that the victim ignores by default is no sender's claim on the later death.
#[test]
fn an_ignored_signal_claims_no_death() {
    let mut stage = Stage::new();
    let mut victim = Scene::root(&stage.victims, "pause");
    victim.line();
    let send = |signal| {
        let words = format!("kill {} {signal}", victim.pid());
        number(&Scene::root(&stage.killers, &words).line(), "sender")
    };
    send(libc::SIGWINCH);
    let killer = send(libc::SIGKILL);
    victim.end();
    let death = stage.death_of(victim.pid().into());
    assert_eq!(death.fact("sender")["pid"], killer);
    assert_eq!(death.fact("signal"), libc::SIGKILL);
    stage.end();
}

#[track_caller]
fn the_kernel_sends(words: &str, signal: libc::c_int) {
    let mut stage = Stage::new();
    let mut victim = Scene::root(&stage.victims, words);
    assert_eq!(victim.end().signal(), Some(signal));
    let death = stage.death_of(victim.pid().into());
    assert_eq!(death.fact("sender"), "kernel");
    assert_eq!(death.fact("signal"), signal);
    assert_eq!(death.fact("oom_victim"), false);
    assert_eq!(death.fact("cause"), "not_observed");
    stage.end();
}

/// The timer fires in an interrupt: whoever runs at that moment has nothing to do with it.
#[test]
fn an_interval_timer_is_the_kernel() {
    the_kernel_sends("alarm", libc::SIGALRM);
}

/// Its signal says by a code below zero that it is not the kernel's, and nobody sent it all the same.
#[test]
fn a_timer_of_the_process_is_the_kernel() {
    the_kernel_sends("posix-timer", libc::SIGALRM);
}

/// SIGKILL from the kernel, and no memory involved.
#[test]
fn the_cpu_limit_is_the_kernel_and_no_oom() {
    the_kernel_sends("cpu-limit", libc::SIGKILL);
}

/// The parent's exit sends it, in the parent's name.
#[test]
fn the_parents_death_is_sent_by_the_parent() {
    let mut stage = Stage::new();
    let mut scene = Scene::root(&stage.victims, &format!("parent-death {}", libc::SIGKILL));
    let line = scene.line();
    let death = stage.death_of(number(&line, "pid"));
    assert_eq!(death.fact("sender")["pid"], number(&line, "parent"));
    scene.end();
    stage.end();
}

/// `cgroup.kill` signals in the name of whoever wrote to the file.
#[test]
fn cgroup_kill_is_sent_by_the_writer() {
    let mut agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let cgroup = Cgroup::v2();
    let mut command = causer("pause");
    // Where v1 is used as well, the v2 cgroup names whoever is not as deep in there.
    if let Some(root) = mount_point(Hierarchy::V1Memory) {
        enter(&root, &mut command, Standing::Member);
    }
    let mut victim = Scene::play(&cgroup, Standing::Root, command);
    victim.line();
    cgroup.write("cgroup.kill", "1");
    assert_eq!(victim.end().signal(), Some(libc::SIGKILL));
    let death = agent.expect("death", |event| event.fact("pid") == victim.pid());
    assert_eq!(death.fact("sender")["pid"], json!(std::process::id()));
    cgroup.assert_named_by(&death);
    assert_eq!(cgroup.events(&agent.stop()).len(), 1);
}

//! Floods, counted by whoever causes them: what was caused is what was seen and what was missed.
//!
//! The runners play everything called floods by itself, one after another: what two bring together
//! is nobody's promise.

use std::collections::BTreeSet;

use serde_json::Value;
use tapio_tests::agent::{Event, Report, TestAgent, container_config};

use crate::ABNORMAL_EXIT;
use crate::cgroup::Cgroup;
use crate::programs::skipped;
use crate::scene::{Scene, number};

/// Deaths of a flood.
const DEATHS: u64 = 50_000;

/// The agent's own default: so many a second of one cgroup and type.
const FAIR_SHARE: u64 = 200;

/// How much of a flood, or of its rate, is caused here. A guest, which is emulated, makes do with a
/// share: its first process says so, aloud.
pub fn share_of(all: u64) -> u64 {
    match std::env::var("TAPIO_FLOOD_DIVISOR") {
        Ok(text) => {
            all / text
                .parse::<u64>()
                .expect("TAPIO_FLOOD_DIVISOR is a number")
        }
        Err(_) => all,
    }
}

/// For how many facts this occurrence stands: one, or those of the fold that it closes.
fn stands_for(event: &Event) -> u64 {
    event.fact("count").as_u64().unwrap_or(1)
}

fn is_summary(event: &Event) -> bool {
    *event.fact("count") != Value::Null
}

/// Plays `flood WORDS` in this cgroup: how many deaths it caused.
#[track_caller]
fn flood(cgroup: &Cgroup, words: &str) -> u64 {
    let mut scene = Scene::root(cgroup, &format!("flood {words}"));
    let caused = number(&scene.line(), "caused");
    assert!(scene.end().success());
    caused
}

/// Everything that was caused is in the ledger, once, beside what others on this machine caused
/// meanwhile. Takes the agent to its end.
#[track_caller]
fn accounted(agent: TestAgent, cgroup: &Cgroup, caused: u64) -> Report {
    // Of the one program that sees deaths: what another one skipped explains none.
    let skipped = skipped(agent.pid(), "sched_process_exit");
    let report = agent.stop();
    let row = report.ledger.types[ABNORMAL_EXIT];
    let exits = report.events.iter().filter(|event| event.is(ABNORMAL_EXIT));
    let (ours, others): (Vec<&Event>, Vec<&Event>) = exits.partition(|event| cgroup.holds(event));
    let others: u64 = others.into_iter().map(stands_for).sum();
    let said: u64 = ours.into_iter().map(stands_for).sum();
    let of_sink = report.ledger.sinks["stdout"].dropped_total();
    let unsaid = row.lost + row.ambiguous + row.queue_drops + of_sink;
    let told = format!("{caused} caused, {said}+{others} told, {skipped} skipped: {row:?}");
    assert_eq!(row.filtered, 0, "everything is in scope: {told}");
    // Each fact that was seen was told, in person or by the fold it is in, or is counted as untold.
    assert_eq!(row.seen, said + others + unsaid, "{told}");
    // Where nothing was skipped and nothing was left untold, which may have been others', these are
    // an equality. A skipped run need not have been an abnormal exit.
    assert!(said <= caused, "told twice: {told}");
    assert!(row.seen <= caused + others + unsaid, "{told}");
    assert!(caused + others <= row.seen + skipped, "unaccounted: {told}");
    report
}

#[test]
fn a_flood_as_fast_as_it_goes_is_accounted_for() {
    for fair_share in ["0", "200"] {
        let flags = ["--fair-share", fair_share];
        let agent = TestAgent::observe(&container_config("all", &[]), &flags);
        let cgroup = Cgroup::new();
        let caused = flood(&cgroup, &format!("{} 0 2 abort", share_of(DEATHS)));
        assert_eq!(caused, share_of(DEATHS));
        accounted(agent, &cgroup, caused);
    }
}

#[test]
fn with_fair_share_off_five_thousand_a_second_are_told_one_by_one() {
    let agent = TestAgent::observe(&container_config("all", &[]), &["--fair-share", "0"]);
    let cgroup = Cgroup::new();
    let (deaths, per_second) = (share_of(DEATHS / 2), share_of(5_000));
    let caused = flood(&cgroup, &format!("{deaths} {per_second} 4 kill"));
    // Which leaves out what the kernel skipped, and nothing else.
    let report = accounted(agent, &cgroup, caused);
    report.assert_whole(ABNORMAL_EXIT);
    let events = cgroup.events(&report);
    assert!(!events.iter().any(|event| is_summary(event)));
}

/// The loud one is folded, and every death of the quiet one is told.
#[test]
fn a_crash_loop_does_not_hide_its_neighbour() {
    // A guest floods more slowly, and has its share divided as its floods are.
    let share = share_of(FAIR_SHARE).to_string();
    let config = container_config("workloads", &[]);
    let agent = TestAgent::observe(&config, &["--fair-share", &share]);
    let (loud, quiet) = (Cgroup::new(), Cgroup::new());
    let mut crash_loop = Scene::root(&loud, &format!("flood {} 0 2 kill", share_of(DEATHS)));
    let mut pids: BTreeSet<u32> = (0..40)
        .map(|_| {
            let mut scene = Scene::root(&quiet, "exit 9");
            scene.end();
            scene.pid()
        })
        .collect();
    let caused = number(&crash_loop.line(), "caused");
    crash_loop.end();
    let skipped = skipped(agent.pid(), "sched_process_exit");
    let report = agent.stop();
    let told: Vec<u32> = quiet
        .events(&report)
        .iter()
        .inspect(|event| assert!(!is_summary(event), "{event:?}"))
        .filter_map(|event| u32::try_from(event.fact("pid").as_u64()?).ok())
        .collect();
    for pid in &told {
        assert!(pids.remove(pid), "{pid} told twice, or never there");
    }
    let loud_events = loud.events(&report);
    assert!(
        loud_events.iter().any(|event| is_summary(event)),
        "nothing was folded"
    );
    // A fold stands for what it swallowed; where the kernel skipped nothing these are equalities.
    let told = loud_events.iter().copied().map(stands_for).sum::<u64>();
    assert!(told <= caused, "{told} told of {caused}");
    let untold = caused - told + u64::try_from(pids.len()).expect("a count");
    assert!(
        untold <= skipped,
        "{told} told of {caused}, {skipped} skipped, and not of {pids:?}"
    );
    report.assert_whole(ABNORMAL_EXIT);
}

/// What is out of scope costs no record, however much of it there is.
#[test]
fn a_flood_out_of_scope_is_only_counted() {
    let agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let cgroup = Cgroup::new();
    let caused = flood(&cgroup, &format!("{} 0 2 3", share_of(DEATHS / 2)));
    let skipped = skipped(agent.pid(), "sched_process_exit");
    let report = agent.stop();
    assert_eq!(cgroup.events(&report).len(), 0);
    let row = report.ledger.types[ABNORMAL_EXIT];
    assert!(
        row.filtered + skipped >= caused,
        "{skipped} skipped: {row:?}"
    );
}

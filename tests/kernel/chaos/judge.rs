//! What must hold after it, held against every witness.

use tapio_common::evidence::claim::Until;
use tapio_common::time::{NANOS_PER_SECOND, Timestamp};
use tapio_tests::delivery;
use tapio_tests::proxy::MARK;

use super::stage::Stage;
use crate::ABNORMAL_EXIT;
use crate::deaths::{Death, assert_whole, coverage, moments, segments};

/// Words of heads and bodies: whoever logs one of them logs a request or an answer.
const SECRETS: [&str; 5] = [
    MARK,
    "\"facts\"",
    "\"wire_version\"",
    "If-None-Match",
    "X-Mark",
];

/// An agent that is killed had given its word for all but this long: it gives it every 10 s while
/// something happens, as soon as it is at rest.
const WORD_NANOS: u64 = 12 * NANOS_PER_SECOND;

#[track_caller]
pub fn judge(stage: &Stage, deaths: &[Death]) {
    let directory = stage.managed.evidence();
    let (segments, accepted) = (segments(&directory), stage.accepted());
    let kept: usize = segments.values().map(Vec::len).sum();
    let missing = deaths_missing(stage, deaths);
    eprintln!(
        "{} deaths caused, {} while the agent was away; {kept} events kept, {} accepted, {} requests",
        deaths.len(),
        missing,
        accepted.len(),
        stage.proxy.requests()
    );
    let told = delivery::complaints(&segments, &accepted);
    assert!(told.is_empty(), "{}", told.join("\n"));
    let gaps = stage.gaps_and_regressions + stage.gaps_and_regressions_now();
    assert_eq!(gaps, 0, "gaps and regressions");
    assert_whole(&directory);
    assert!(!stage.proxy.was_followed(), "a redirect was followed");
    let logs = stage.all_logs();
    for secret in SECRETS {
        let line = logs.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in a log");
    }
}

/// Every death is kept once, or was caused while no agent looked; how many of those there were.
#[track_caller]
fn deaths_missing(stage: &Stage, deaths: &[Death]) -> usize {
    let directory = stage.managed.evidence();
    let (moments, coverage) = (moments(&directory), coverage(&directory));
    let (from, to) = stage.looked;
    let claim = coverage.claim(&[ABNORMAL_EXIT], from, Until::Moment(to));
    for doubt in &claim.doubts {
        let known = |(left, back): (Timestamp, Timestamp)| {
            doubt.from.0 >= left.0.saturating_sub(WORD_NANOS) && doubt.to <= back
        };
        assert!(
            stage.absences.iter().copied().any(known),
            "a hole that is none of the agent's restarts: {doubt:?}"
        );
    }
    let unseen = deaths.iter().filter(|death| match death.told(&moments) {
        0 => {
            let meets = |(from, to)| death.after <= to && death.before >= from;
            let mut holes = claim.doubts.iter().map(|doubt| (doubt.from, doubt.to));
            assert!(
                holes.any(meets),
                "{death:?} is missing, and nobody was away but {:?}",
                stage.absences
            );
            true
        }
        times => {
            assert_eq!(times, 1, "{death:?}");
            false
        }
    });
    unseen.count()
}

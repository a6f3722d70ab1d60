//! A fleet of one through everything that can happen to it, with real deaths all the while.
//!
//! Three witnesses that know nothing of each other: the causer's own log, the evidence directory, and
//! the controller's copy of what it accepted. Whatever is in the directory is in the copy once, in
//! order and as it was; whatever was caused is in the directory, unless the agent itself was away.
//! `scripts/soak` goes more rounds.

mod blow;
mod judge;
mod stage;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use blow::Blow;
use stage::Stage;
use tapio_tests::deadline::poll_for;

use crate::deaths::{Death, cause};

/// How many rounds of every blow; one where it is not set.
const ROUNDS_VARIABLE: &str = "TAPIO_CHAOS_ROUNDS";

/// A death now and then until it is enough.
fn keep_dying(enough: &AtomicBool) -> Vec<Death> {
    let mut deaths = Vec::new();
    while !enough.load(Ordering::Acquire) {
        deaths.push(cause());
        poll_for(stage::BETWEEN_DEATHS, || {
            enough.load(Ordering::Acquire).then_some(())
        });
    }
    deaths
}

#[test]
fn nothing_is_lost_or_doubled_whatever_happens_to_either_side() {
    let rounds: u32 = std::env::var(ROUNDS_VARIABLE)
        .map_or(1, |rounds| rounds.parse().expect("a number of rounds"));
    let mut stage = Stage::open();
    let enough = AtomicBool::new(false);
    let deaths = thread::scope(|scope| {
        let dying = scope.spawn(|| keep_dying(&enough));
        for round in 0..rounds {
            for blow in Blow::ALL {
                eprintln!("round {round}: {blow:?}");
                stage.suffer(blow);
            }
        }
        enough.store(true, Ordering::Release);
        dying.join().expect("the causer's log")
    });
    stage.come_to_rest();
    judge::judge(&stage, &deaths);
    stage.account_to_the_event();
}

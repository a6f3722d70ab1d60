//! Controllers of other builds, answered from their files to the agent.
//!
//! The files are embedded, because guests have no repository. Deaths are caused for the exchanges
//! that speak of events; what is in an event is the business of other tests.

use std::time::Duration;

use serde_json::Value;
use tapio_tests::agent::TestAgent;
use tapio_tests::deadline::poll_for;
use tapio_tests::golden::differences;
use tapio_tests::scripted::{Asked, Heard, ScriptedController};

use crate::managed::{Managed, sinks};
use crate::scene::causer;

/// The slowest exchange fails three times in a row, each with a longer pause.
const EXCHANGE_MAX: Duration = Duration::from_secs(60);

/// How many requests of this kind make the exchange whole.
fn wanted(script: &Value, asked: Asked) -> usize {
    let count = script["until"][asked.name()].as_u64().unwrap_or_default();
    usize::try_from(count).expect("a count")
}

fn of_kind(heard: &[Heard], asked: Asked) -> Vec<&Heard> {
    heard.iter().filter(|heard| heard.asked == asked).collect()
}

/// Until everything the exchange is about was asked.
#[track_caller]
fn converse(controller: &ScriptedController, script: &Value, agent: &TestAgent) -> Vec<Heard> {
    let is_whole = || {
        let heard = controller.heard();
        let enough = |asked: &Asked| of_kind(&heard, *asked).len() >= wanted(script, *asked);
        if Asked::ALL.iter().all(enough) {
            return Some(heard);
        }
        if wanted(script, Asked::Events) > 0 {
            causer("die 9").status().expect("the causer starts");
        }
        None
    };
    poll_for(EXCHANGE_MAX, is_whole).unwrap_or_else(|| {
        let heard = controller.heard();
        let counts = Asked::ALL.map(|asked| (asked.name(), of_kind(&heard, asked).len()));
        panic!("{}: {counts:?}\n{}", script["about"], agent.stderr())
    })
}

/// Which requests of control came right after another, as the file has it.
fn order_complaints(script: &Value, heard: &[Heard]) -> Vec<String> {
    let control: Vec<&Heard> = heard
        .iter()
        .filter(|heard| heard.asked != Asked::Events)
        .collect();
    let rules = script["after"].as_array().into_iter().flatten();
    rules
        .filter_map(|rule| {
            let at = control
                .iter()
                .position(|heard| rule[0] == heard.asked.name() && rule[1] == heard.number);
            let next = at.and_then(|at| control.get(at + 1));
            let comes = next.map_or("nothing", |next| next.asked.name());
            (rule[2] != comes).then(|| format!("{rule}: {comes} came"))
        })
        .collect()
}

/// Requests with events that had to be the same bytes and were not.
fn batch_complaints(script: &Value, heard: &[Heard]) -> Vec<String> {
    let batches = of_kind(heard, Asked::Events);
    let same = script["same_batch"].as_array().into_iter().flatten();
    let bodies: Vec<_> = same
        .filter_map(|number| batches.get(usize::try_from(number.as_u64()?).ok()?))
        .map(|heard| &heard.incoming.body)
        .collect();
    let differ = bodies.windows(2).any(|pair| pair[0] != pair[1]);
    differ
        .then(|| "a batch was sent again as another".to_owned())
        .into_iter()
        .collect()
}

/// What the last of a kind had to say.
fn last_complaints(script: &Value, heard: &[Heard]) -> Vec<String> {
    let last = script["last"].as_object().into_iter().flatten();
    last.flat_map(|(kind, wanted)| {
        let of_kind = heard.iter().rev().find(|heard| heard.asked.name() == kind);
        let found = of_kind.map_or(Value::Null, Heard::body);
        let own = ["/config_last_failed/reason".to_owned()];
        differences(&found, wanted, &own)
    })
    .collect()
}

#[track_caller]
fn play(text: &str) {
    let script: Value = serde_json::from_str(text).expect("JSON");
    let controller = ScriptedController::start(script.clone());
    let managed = Managed::new(controller.address());
    let agent = managed.start(sinks(wanted(&script, Asked::Events) > 0));
    let heard = converse(&controller, &script, &agent);
    let told = [
        controller.complaints(),
        order_complaints(&script, &heard),
        batch_complaints(&script, &heard),
        last_complaints(&script, &heard),
    ]
    .concat();
    assert!(
        told.is_empty(),
        "{}\n{}\n{}",
        script["about"],
        told.join("\n"),
        agent.stderr()
    );
    agent.stop();
}

#[test]
fn a_controller_of_the_first_day() {
    play(include_str!(
        "../data/wire/exchange/controller/first-day.json"
    ));
}

#[test]
fn a_controller_of_a_later_day() {
    play(include_str!("../data/wire/exchange/controller/newer.json"));
}

#[test]
fn a_controller_that_forgot_the_agent_is_greeted_at_once() {
    play(include_str!(
        "../data/wire/exchange/controller/restarted.json"
    ));
}

#[test]
fn a_controller_that_is_full_is_asked_again() {
    play(include_str!("../data/wire/exchange/controller/full.json"));
}

#[test]
fn a_config_that_does_not_fit_is_kept_out_and_reported() {
    play(include_str!(
        "../data/wire/exchange/controller/unfit-config.json"
    ));
}

#[test]
fn a_controller_in_trouble_gets_the_same_batch_until_it_takes_it() {
    play(include_str!(
        "../data/wire/exchange/controller/trouble.json"
    ));
}

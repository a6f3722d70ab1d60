//! Facts, never reasoning: nine keys, at any depth, in any spelling.

use serde_json::{Value, json};
use tapio_tests::controller::TestController;
use tapio_tests::http::{Answer, Request};
use tapio_tests::payload;

use crate::refusal::{self, REASONING};

/// A key a line, in snake case and in camel case.
const KEYS: &str = include_str!("../data/wire/reasoning-keys.tsv");

fn post(controller: &TestController, facts: Value) -> Answer {
    let mut batch = payload::batch("a", 1, 3);
    batch["events"][1]["facts"] = facts;
    controller.post(payload::EVENTS, &batch)
}

#[test]
fn every_key_is_refused_in_every_letter_case() {
    let controller = TestController::start(&[]);
    for (key, camel) in KEYS.lines().filter_map(|line| line.split_once('\t')) {
        let pascal = camel[..1].to_uppercase() + &camel[1..];
        for spelt in [
            key.to_owned(),
            key.to_uppercase(),
            camel.to_uppercase(),
            pascal,
            camel.to_owned(),
        ] {
            let answer = post(&controller, json!({"pid": 1, &spelt: "because"}));
            refusal::expect(&answer, REASONING, &format!("facts.{spelt}"));
        }
    }
}

#[test]
fn the_path_leads_to_the_key() {
    let controller = TestController::start(&[]);
    for (facts, path) in [
        (
            json!({"a": [0, 1, 2, {"root_cause": 1}]}),
            "facts.a[3].root_cause",
        ),
        (
            json!({"a": {"b": {"Explanation": null}}}),
            "facts.a.b.Explanation",
        ),
        (
            json!([[{"x": 1}, {"remediation": []}]]),
            "facts[0][1].remediation",
        ),
        (json!({"reasoning": {"a": 1}}), "events[1].facts.reasoning"),
    ] {
        refusal::expect(&post(&controller, facts), REASONING, path);
    }
}

#[test]
fn any_value_under_the_key_is_reasoning() {
    let controller = TestController::start(&[]);
    for value in [
        json!(null),
        json!(""),
        json!([]),
        json!({}),
        json!(0),
        json!(false),
    ] {
        refusal::expect(
            &post(&controller, json!({"reasoning": value})),
            REASONING,
            "facts.reasoning",
        );
    }
}

#[test]
fn the_key_is_found_at_the_deepest_level_that_is_taken() {
    let controller = TestController::start(&[]);
    // Body, events, event: three levels stand around facts, and the key's own object is the last.
    let facts = (0..60).fold(json!({"causal_chain": 1}), |inner, _| json!([inner]));
    refusal::expect(&post(&controller, facts), REASONING, "causal_chain");
}

#[test]
fn escapes_do_not_hide_a_key() {
    let controller = TestController::start(&[]);
    let text = payload::batch("a", 1, 1).to_string();
    for key in [
        r"root\u005fcause",
        r"\u0072oot_cause",
        r"r\u006fot\u0043ause",
    ] {
        let body = text.replace("\"cause\":", &format!("\"{key}\":"));
        assert_ne!(body, text);
        refusal::expect(
            &controller.send(&Request::post(payload::EVENTS, body)),
            REASONING,
            "facts.",
        );
    }
}

#[test]
fn words_that_only_resemble_are_facts() {
    let controller = TestController::start(&[]);
    let facts = json!({
        "cause": "exit_code",
        "comm": "reasoning",
        "note": "root_cause: {\"explanation\": 1}",
        "root_cause_count": 1,
        "xreasoning": 1,
        "reasonings": 1,
        "root": {"cause": 1},
        "": "remediation",
    });
    assert_eq!(post(&controller, facts).ok()["accepted"], 3);
}

#[test]
fn the_last_of_many_events_is_looked_at_too() {
    let controller = TestController::start(&[]);
    let mut batch = payload::batch("a", 1, 256);
    batch["events"][255]["facts"]["sender"] = json!([{"whyItMatters": 1}]);
    let answer = controller.post(payload::EVENTS, &batch);
    refusal::expect(
        &answer,
        REASONING,
        "events[255].facts.sender[0].whyItMatters",
    );
    let totals = &controller.status()["totals"];
    assert_eq!(
        (
            &totals["rejected_events_total"],
            &totals["accepted_events_total"]
        ),
        (&256.into(), &0.into())
    );
}

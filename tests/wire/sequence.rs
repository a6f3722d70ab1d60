//! Batch sequences: baseline, order, gaps, regressions, resends, and what hello does to them.

use serde_json::{Value, json};
use tapio_tests::controller::TestController;
use tapio_tests::http::Request;
use tapio_tests::payload;

/// One thing an agent does.
enum Step {
    Hello,
    HelloNext(u64),
    Batch(u64),
    /// Another batch of the same number.
    Other(u64),
    /// A batch that is refused.
    Refused(u64),
}

use Step::{Batch, Hello, HelloNext, Other, Refused};

fn take(controller: &TestController, step: &Step) {
    match step {
        Hello => drop(controller.post(payload::HELLO, &payload::hello("a")).ok()),
        HelloNext(next) => {
            let mut hello = payload::hello("a");
            hello["next_sequence"] = json!(next);
            controller.post(payload::HELLO, &hello).ok();
        }
        Batch(sequence) => {
            let answer = controller.post(payload::EVENTS, &payload::batch("a", *sequence, 2));
            assert_eq!(answer.ok()["accepted"], 2);
        }
        Other(sequence) => {
            let answer = controller.post(payload::EVENTS, &payload::batch("a", *sequence, 3));
            assert_eq!(answer.ok()["accepted"], 3);
        }
        Refused(sequence) => {
            let mut batch = payload::batch("a", *sequence, 2);
            batch["events"][0]["facts"] = json!({"reasoning": 1});
            assert_eq!(controller.post(payload::EVENTS, &batch).status, 422);
        }
    }
}

/// After these steps: last_seen, gaps, regressions, duplicates.
#[track_caller]
fn expect(steps: &[Step], last: impl Into<Value>, gaps: u64, regressions: u64, duplicates: u64) {
    let controller = TestController::start(&[]);
    for step in steps {
        take(&controller, step);
    }
    let wanted = json!({
        "last_seen": last.into(),
        "gaps_total": gaps,
        "regressions_total": regressions,
        "duplicates_total": duplicates,
    });
    let sequence = controller.agent("a")["sequence"].clone();
    assert!(is_subset(&sequence, &wanted), "{sequence}, wanted {wanted}");
}

/// Later fields of ours beside these are no failure.
fn is_subset(got: &Value, wanted: &Value) -> bool {
    let wanted = wanted.as_object().expect("an object");
    // A zero that is left out is still a zero for the one field that is ours to add.
    wanted.iter().all(|(key, value)| {
        got.get(key) == Some(value)
            || (key == "duplicates_total" && got.get(key).is_none() && *value == 0)
    })
}

#[test]
fn before_the_first_batch_nothing_was_seen() {
    expect(&[Hello], Value::Null, 0, 0, 0);
}

#[test]
fn the_first_batch_is_the_baseline_whatever_its_number() {
    expect(&[Hello, Batch(0)], 0, 0, 0, 0);
    expect(&[Hello, Batch(1)], 1, 0, 0, 0);
    expect(&[Hello, Batch(4711)], 4711, 0, 0, 0);
    expect(&[Hello, Batch(u64::MAX)], u64::MAX, 0, 0, 0);
}

#[test]
fn the_next_number_is_in_order() {
    expect(&[Hello, Batch(7), Batch(8), Batch(9)], 9, 0, 0, 0);
}

#[test]
fn a_gap_counts_what_is_missing() {
    expect(&[Hello, Batch(1), Batch(3)], 3, 1, 0, 0);
    expect(
        &[Hello, Batch(1), Batch(11), Batch(12), Batch(14)],
        14,
        10,
        0,
        0,
    );
    expect(
        &[Hello, Batch(0), Batch(u64::MAX)],
        u64::MAX,
        u64::MAX - 1,
        0,
        0,
    );
}

#[test]
fn gaps_beyond_every_number_do_not_overflow() {
    expect(
        &[
            Hello,
            Batch(0),
            Batch(u64::MAX),
            Hello,
            Batch(0),
            Batch(u64::MAX),
        ],
        u64::MAX,
        u64::MAX,
        0,
        0,
    );
}

#[test]
fn a_number_not_above_the_last_is_a_regression() {
    expect(&[Hello, Batch(5), Batch(4)], 5, 0, 1, 0);
    expect(&[Hello, Batch(5), Batch(4), Batch(3), Batch(6)], 6, 0, 2, 0);
    expect(&[Hello, Batch(5), Batch(0), Batch(4)], 5, 0, 2, 0);
}

#[test]
fn the_very_batch_taken_last_is_a_duplicate_and_no_regression() {
    expect(&[Hello, Batch(5), Batch(5), Batch(5), Batch(6)], 6, 0, 0, 2);
    expect(&[Hello, Batch(5), Batch(4), Batch(4), Batch(6)], 6, 0, 1, 1);
}

#[test]
fn the_same_number_with_other_bytes_is_a_regression() {
    expect(&[Hello, Batch(5), Other(5)], 5, 0, 1, 0);
}

#[test]
fn a_refused_batch_does_not_advance() {
    expect(&[Hello, Batch(1), Refused(2), Batch(2)], 2, 0, 0, 0);
    expect(&[Hello, Batch(1), Refused(2), Batch(3)], 3, 1, 0, 0);
    expect(&[Hello, Refused(1), Batch(9)], 9, 0, 0, 0);
    expect(&[Hello, Batch(1), Refused(2), Batch(1)], 1, 0, 0, 1);
}

#[test]
fn hello_makes_the_next_number_a_fresh_baseline() {
    expect(&[Hello, Batch(5), Hello, Batch(1), Batch(2)], 2, 0, 0, 0);
    expect(&[Hello, Batch(5), Hello, Batch(100)], 100, 0, 0, 0);
    expect(
        &[Hello, Batch(1), Batch(5), Batch(2), Hello, Batch(1)],
        1,
        3,
        1,
        0,
    );
}

#[test]
fn hello_with_a_next_number_counts_what_lies_between() {
    expect(&[Hello, Batch(5), HelloNext(6), Batch(6)], 6, 0, 0, 0);
    expect(&[Hello, Batch(5), HelloNext(10), Batch(10)], 10, 4, 0, 0);
    expect(&[Hello, Batch(5), HelloNext(3), Batch(3)], 3, 0, 0, 0);
    expect(&[HelloNext(9), Batch(9)], 9, 0, 0, 0);
    expect(
        &[Hello, Batch(0), HelloNext(u64::MAX)],
        0,
        u64::MAX - 1,
        0,
        0,
    );
}

#[test]
fn a_resend_across_hello_is_still_a_duplicate() {
    expect(&[Hello, Batch(5), Hello, Batch(5), Batch(6)], 6, 0, 0, 1);
    expect(
        &[Hello, Batch(5), HelloNext(5), Batch(5), Batch(6)],
        6,
        0,
        0,
        1,
    );
}

#[test]
fn a_duplicate_is_acknowledged_with_the_same_answer_and_counted_once() {
    let controller = TestController::start(&[]);
    controller.post(payload::HELLO, &payload::hello("a")).ok();
    let request = Request::post_json(payload::EVENTS, &payload::batch("a", 7, 5));
    let first = controller.send(&request);
    let again = controller.send(&request);
    assert_eq!((again.status, again.body), (first.status, first.body));
    let totals = &controller.status()["totals"];
    assert_eq!(totals["accepted_events_total"], 5);
    assert_eq!(totals["batches_accepted_total"], 1);
    assert_eq!(totals["batches_rejected_total"], 0);
}

#[test]
fn a_resend_of_an_agent_that_never_said_hello_is_a_duplicate_too() {
    let controller = TestController::start(&[]);
    let request = Request::post_json(payload::EVENTS, &payload::batch("stranger", 7, 5));
    controller.send(&request).ok();
    controller.send(&request).ok();
    assert_eq!(controller.status()["totals"]["accepted_events_total"], 5);
}

#[test]
fn agents_do_not_share_a_sequence() {
    let controller = TestController::start(&[]);
    for id in ["a", "b"] {
        controller.post(payload::HELLO, &payload::hello(id)).ok();
    }
    for (id, sequence) in [("a", 1), ("b", 10), ("a", 2), ("b", 11)] {
        controller
            .post(payload::EVENTS, &payload::batch(id, sequence, 1))
            .ok();
    }
    for (id, last) in [("a", 2), ("b", 11)] {
        let sequence = &controller.agent(id)["sequence"];
        assert_eq!(
            (&sequence["last_seen"], &sequence["gaps_total"]),
            (&last.into(), &0.into())
        );
    }
}

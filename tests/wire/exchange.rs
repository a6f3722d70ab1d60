//! Agents of other builds, played from their files against the controller.

use serde_json::Value;
use tapio_tests::controller::TestController;
use tapio_tests::golden::{differences, variable};
use tapio_tests::http::{Answer, Request};

use crate::files::{data, files, read};

/// The request of a step as it goes over the wire, on a connection of its own.
fn bytes_of(request: &Value) -> Vec<u8> {
    let text = |name: &str| request[name].as_str().expect("a text");
    let mut sent = Request::new(text("method"), text("target")).header("Connection", "close");
    for (name, value) in request["headers"].as_object().expect("headers") {
        sent = sent.header(name, value.as_str().expect("a header's value"));
    }
    if let Some(body) = request.get("body") {
        sent = sent.body(body.to_string());
    }
    match request["chunked"].as_u64() {
        Some(bytes) => sent.to_chunked_bytes(usize::try_from(bytes).expect("a size")),
        None => sent.to_bytes(),
    }
}

fn complaints(found: &Answer, wanted: &Value) -> Vec<String> {
    let mut told = Vec::new();
    if wanted["status"] != found.status {
        told.push(format!(
            "status {} instead of {}",
            found.status, wanted["status"]
        ));
    }
    for (name, value) in wanted["headers"].as_object().into_iter().flatten() {
        if found.header(name) != value.as_str() {
            told.push(format!(
                "{name}: {:?} instead of {value}",
                found.header(name)
            ));
        }
    }
    match wanted.get("body") {
        None if found.body.is_empty() => {}
        None => told.push(format!(
            "a body of {} bytes instead of none",
            found.body.len()
        )),
        Some(body) => {
            assert_eq!(found.header("content-type"), Some("application/json"));
            told.extend(differences(
                &found.json(),
                body,
                &variable(&wanted["variable"]),
            ));
        }
    }
    told
}

fn play(name: &str, exchange: &Value) {
    let controller = TestController::start(&[]);
    let steps = exchange["steps"].as_array().expect("steps");
    let mut before: Option<(Vec<u8>, Answer)> = None;
    for (number, step) in steps.iter().enumerate() {
        let at = || format!("{name}, step {number}: {}", step["about"]);
        let bytes = match (&before, step["again"] == true) {
            (Some((bytes, _)), true) => bytes.clone(),
            _ => bytes_of(&step["request"]),
        };
        let answer = controller.connect().exchange(&bytes);
        let answer = answer.unwrap_or_else(|error| panic!("{}: {error}", at()));
        if let (Some((_, same)), true) = (&before, step["again"] == true) {
            assert_eq!(
                (answer.status, &answer.body),
                (same.status, &same.body),
                "{}",
                at()
            );
        } else {
            let told = complaints(&answer, &step["answer"]);
            assert!(
                told.is_empty(),
                "{}\n{}\n{}",
                at(),
                told.join("\n"),
                answer.text()
            );
        }
        before = Some((bytes, answer));
    }
}

#[test]
fn agents_of_other_builds_get_along_with_the_controller() {
    let exchanges = files(&data("wire/exchange/agent"), ".json");
    assert!(exchanges.len() >= 3, "{exchanges:?}");
    for path in exchanges {
        let exchange = serde_json::from_slice(&read(&path)).expect("JSON");
        play(&path.display().to_string(), &exchange);
    }
}

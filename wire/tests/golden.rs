//! The files of `tests/data/wire`: what must be taken, what must be refused, and in what words.

mod corpus;

use corpus::{bodies, body, canonical, table};
use tapio_wire::{AgentQuery, WireError};

/// What the parse of a bad body said, against what is expected of it.
fn assert_refused(name: &str, found: Result<String, WireError>, expected: &[String]) {
    let [_, status, code, mentions] = expected else {
        panic!("{name}: a line has four columns: {expected:?}");
    };
    let error = match found {
        Ok(taken) => panic!("{name} was taken: {taken}"),
        Err(error) => error,
    };
    assert_eq!(error.status().to_string(), *status, "{name}: {error}");
    assert_eq!(error.code.name(), code, "{name}: {error}");
    assert!(error.message.contains(mentions.as_str()), "{name}: {error}");
    assert_presentable(name, &error.message);
}

/// No type name, no library's words, no path of a file, nothing unprintable.
fn assert_presentable(name: &str, message: &str) {
    for leak in [
        "struct",
        "expected",
        "serde",
        "invalid type",
        "::",
        "Some(",
        "src/",
        "line ",
    ] {
        assert!(!message.contains(leak), "{name}: {message}");
    }
    assert!(
        !message.chars().any(char::is_control),
        "{name}: {message:?}"
    );
}

#[test]
fn good_bodies_round_trip_to_the_byte() {
    let files = bodies("good");
    assert!(files.len() >= 27, "only {} bodies found", files.len());
    for name in files {
        let bytes = body(&format!("good/{name}"));
        let text = std::str::from_utf8(&bytes).expect("a canonical body is UTF-8");
        let again = canonical(&name, text.trim_end().as_bytes());
        let again = again.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(again, text.trim_end(), "{name}");
    }
}

#[test]
fn tolerated_bodies_mean_what_their_canonical_form_says() {
    let files = bodies("tolerated");
    assert!(files.len() >= 14, "only {} bodies found", files.len());
    for name in files {
        let meaning = canonical(&name, &body(&format!("tolerated/{name}")));
        let meaning = meaning.unwrap_or_else(|error| panic!("{name}: {error}"));
        let stem = name.strip_suffix(".json").expect("a body is a .json");
        let expected = body(&format!("tolerated/{stem}.canonical.json"));
        let expected = String::from_utf8(expected).expect("a canonical body is UTF-8");
        assert_eq!(meaning, expected.trim_end(), "{name}");
    }
}

#[test]
fn bad_bodies_are_refused_with_the_status_code_and_path_expected() {
    let rows = table("bad/expected.tsv");
    let mut listed: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    listed.sort_unstable();
    assert_eq!(
        listed,
        bodies("bad"),
        "every file has one line, every line a file"
    );
    assert!(rows.len() >= 150, "only {} rows", rows.len());
    for row in &rows {
        let name = &row[0];
        assert_refused(name, canonical(name, &body(&format!("bad/{name}"))), row);
    }
}

#[test]
fn queries() {
    for row in table("query/good.tsv") {
        let query = AgentQuery::parse(&row[0]).unwrap_or_else(|error| panic!("{row:?}: {error}"));
        assert_eq!([&*query.agent_id, &*query.node_name], [&*row[1], &*row[2]]);
    }
    for row in table("query/bad.tsv") {
        let found = AgentQuery::parse(&row[0]).map(|query| format!("{query:?}"));
        assert_refused(&row[0], found, &row);
    }
}

//! What must not be written: promises for later, tests that do not run, errors without a type.

use tapio_tests::repository::{Tracked, tracked, tracked_with};

/// Words that may stand in no source, cut in two here so that this table is none of the hits.
const FORBIDDEN: [(&str, &str, &str); 8] = [
    ("TO", "DO", "do it, or open an issue"),
    ("FIX", "ME", "fix it, or open an issue"),
    ("to", "do!(", "write it"),
    ("unimpl", "emented!(", "write it"),
    ("allow(dead", "_code)", "take the dead code out"),
    ("#[ig", "nore", "a test runs, or it is none"),
    ("dbg", "!(", "take it out"),
    (
        "map_err(|e| e.to_s",
        "tring())",
        "keep the error and its source",
    ),
];

/// The places that may let time pass without anybody being able to end it, and why.
const SLEEPERS: [(&str, &str); 1] = [("tests/src/deadline.rs", "the one place where a test waits")];

fn sources() -> Vec<Tracked> {
    let mut sources = tracked_with("rs");
    for extension in ["c", "h", "sh"] {
        sources.extend(tracked_with(extension));
    }
    sources.extend(
        tracked()
            .into_iter()
            .filter(|file| file.path.starts_with("scripts/")),
    );
    sources
}

/// The lines of the sources for which the rule is broken.
#[track_caller]
fn expect_none(why: &str, files: &[Tracked], breaks: impl Fn(&str) -> bool) {
    let mut found = Vec::new();
    for file in files {
        let text = file.text().unwrap_or_default();
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| breaks(line)) {
            found.push(format!("{}:{number}: {}", file.path, line.trim()));
        }
    }
    assert!(found.is_empty(), "{why}:\n{}", found.join("\n"));
}

#[test]
fn no_source_holds_a_forbidden_word() {
    let sources = sources();
    for (start, end, instead) in FORBIDDEN {
        let word = format!("{start}{end}");
        expect_none(instead, &sources, |line| line.contains(&word));
    }
}

#[test]
fn no_error_is_a_string() {
    expect_none(
        "an error is a noun of what is wrong, not text",
        &tracked_with("rs"),
        |line| {
            line.split("Result<")
                .skip(1)
                .any(|rest| second_argument(rest) == Some("String"))
        },
    );
}

/// The second type of `Result<…`, given what stands after the bracket.
fn second_argument(rest: &str) -> Option<&str> {
    let mut depth = 0_usize;
    let mut comma = None;
    for (at, char) in rest.char_indices() {
        match char {
            '<' | '(' | '[' => depth += 1,
            '>' if depth == 0 => return comma.map(|from: usize| rest[from..at].trim()),
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => comma = Some(at + 1),
            _ => {}
        }
    }
    None
}

#[test]
fn nobody_sleeps_where_a_stop_cannot_wake_him() {
    let sleep = ["thread::sl", "eep("].concat();
    let files: Vec<Tracked> = tracked_with("rs")
        .into_iter()
        .filter(|file| !SLEEPERS.iter().any(|(path, _)| *path == file.path))
        .collect();
    expect_none("wait for something, with a deadline", &files, |line| {
        line.contains(&sleep)
    });
}

#[test]
fn the_agent_shares_nothing_behind_a_lock_and_listens_on_nothing() {
    let agent: Vec<Tracked> = tracked_with("rs")
        .into_iter()
        // Unit tests play the peer that the agent speaks to.
        .filter(|file| file.path.starts_with("agent/src/") && !file.path.ends_with("/tests.rs"))
        // All threads write one log, and its lines stay whole; the standard library's has a lock, too.
        .filter(|file| file.path != "agent/src/journal.rs")
        .collect();
    for absent in [
        "Mutex",
        "RwLock",
        "TcpListener",
        "UnixListener",
        "UdpSocket",
    ] {
        expect_none("the design has the agent without it", &agent, |line| {
            line.contains(absent) && !line.trim_start().starts_with("//")
        });
    }
}

#[test]
fn the_second_argument_is_found_behind_brackets() {
    assert_eq!(second_argument("(), String>"), Some("String"));
    assert_eq!(
        second_argument("Vec<(u8, String)>, Error> {"),
        Some("Error")
    );
    assert_eq!(second_argument("BTreeMap<A, B>, String>"), Some("String"));
    assert_eq!(second_argument("String>"), None);
}

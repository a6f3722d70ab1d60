//! Every screen as it has to look, at 80 and at 160 columns, kept as files.
//!
//! A screen that changes is looked at, and its file replaced by what `tapio` prints.

use std::fs;

use tapio_tests::repository;

use crate::directory::{Directory, morning};

/// What stands in `tests/data/cli/NAME`.
fn kept(name: &str) -> String {
    let path = repository::top().join("tests/data/cli").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Where the directory is and what is free on its disk are not for a file.
fn steady(directory: &Directory, text: &str) -> String {
    let path = directory.path().display().to_string();
    let steady = |line: &str| match line.starts_with("disk ") {
        true => "disk       …".to_owned(),
        false => line.replace(&path, "DIR"),
    };
    text.lines().map(|line| steady(line) + "\n").collect()
}

fn expect(directory: &Directory, arguments: &[&str], name: &str) {
    for width in ["80", "160"] {
        let screen = directory.ask(&[arguments, &["--width", width]].concat());
        let screen = steady(directory, &screen.stdout);
        let columns: usize = width.parse().expect("a number");
        let longest = screen.lines().map(|line| line.chars().count()).max();
        assert!(
            longest.is_some_and(|longest| longest <= columns),
            "{name} {width}:\n{screen}"
        );
        let file = format!("{name}-{width}.txt");
        let kept = kept(&file);
        assert!(
            screen == kept,
            "{file} is\n{kept}\nand the screen\n{screen}"
        );
    }
}

const MORNING: [&str; 4] = [
    "--since",
    "2026-11-21T09:35:00Z",
    "--until",
    "2026-11-21T11:00:00Z",
];

#[test]
fn recent() {
    expect(&morning(), &[&["recent"], &MORNING[..]].concat(), "recent");
}

#[test]
fn recent_of_what_was_not_seen() {
    let arguments = [
        &["recent", "--type", "oom_kill", "--container", "77"],
        &MORNING[..],
    ]
    .concat();
    expect(&morning(), &arguments, "recent-not-seen");
}

#[test]
fn recent_of_what_nobody_looked_for() {
    let arguments = [&["recent", "--observer", "node"], &MORNING[..]].concat();
    expect(&morning(), &arguments, "recent-cannot-say");
}

#[test]
fn why_a_container_died() {
    expect(&morning(), &["why", "3f1c9a3f"], "why");
}

#[test]
fn status() {
    expect(&morning(), &["status"], "status");
}

#[test]
fn verify_has_no_columns_and_is_kept_as_it_is() {
    let directory = morning();
    let screen = directory.ask(&["verify"]).expect_code(0).stdout;
    assert_eq!(screen, kept("verify.txt"));
}

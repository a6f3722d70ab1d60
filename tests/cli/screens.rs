//! Every screen as it has to look, at 80 and at 160 columns, kept as files.
//!
//! A screen that changes is looked at, and its file replaced by what `tapio` prints.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use tapio_common::evidence::Limits;
use tapio_common::time::{NANOS_PER_SECOND, Timestamp};
use tapio_tests::{process, repository};

use crate::directory::{Directory, EXIT, OOM, morning};
use crate::terminal::{Shown, show};

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

/// On a terminal of 80 and of 160 columns; `steady` takes out what no two runs have alike.
fn expect_of(arguments: &[&str], name: &str, steady: impl Fn(&str) -> String) {
    for columns in [80, 160] {
        let screen = steady(&show(arguments, columns, &[("NO_COLOR", "1")]));
        let longest = screen.lines().map(|line| line.chars().count()).max();
        assert!(
            longest.is_some_and(|longest| longest <= usize::from(columns)),
            "{name} {columns}:\n{screen}"
        );
        let file = format!("{name}-{columns}.txt");
        let kept = kept(&file);
        assert!(
            screen == kept,
            "{file} is\n{kept}\nand the screen\n{screen}"
        );
    }
}

fn expect(directory: &Directory, arguments: &[&str], name: &str) {
    let path = directory.path().to_str().expect("UTF-8");
    let arguments = [arguments, &["--data-dir", path]].concat();
    expect_of(&arguments, name, |text| steady(directory, text));
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
fn verify() {
    expect(&morning(), &["verify"], "verify");
}

/// A run that was killed, one that lost something, and then the clock was set.
#[test]
fn status_of_a_directory_with_gaps() {
    let mut directory = morning();
    directory.pass_to("2026-11-21T12:00:00Z");
    directory.look(&[OOM]);
    directory.lose("2026-11-21T12:04:00Z", OOM, 7);
    directory.pass_to("2026-11-21T12:05:00Z");
    directory.step("2026-11-21T13:05:00Z");
    directory.gap("2026-11-21T13:10:00Z", "2026-11-21T13:20:00Z");
    directory.look(&[OOM, EXIT]);
    directory.pass_to("2026-11-21T14:00:00Z");
    directory.deliver_earlier(4);
    directory.say("2026-11-21T14:00:00Z");
    expect(&directory, &["status"], "status-gaps");
}

/// What was covered is said beside what was not.
#[test]
fn recent_of_what_was_looked_for_in_part() {
    let arguments = [
        "recent",
        "--since",
        "2026-11-21T10:30:00Z",
        "--until",
        "2026-11-21T11:00:00Z",
    ];
    expect(&morning(), &arguments, "recent-in-part");
}

#[test]
fn verify_of_a_directory_that_was_changed() {
    let directory = morning();
    let segment = directory.path().join("2026-11-21T09.jsonl");
    fs::remove_file(&segment).expect("it is sealed");
    expect(&directory, &["verify"], "verify-broken");
}

#[test]
fn watch() {
    for columns in [80, 160] {
        let mut directory = Directory::new("2026-11-21T23:59:58Z", Limits::default());
        let lock = directory.hold("2026-11-21T23:59:58Z");
        let path = directory.path().to_str().expect("UTF-8").to_owned();
        let arguments = ["watch", "--data-dir", &path];
        let mut watch = Shown::begin(&arguments, columns, &[("NO_COLOR", "1")]);
        // It watches by the time it says so.
        watch.read_until("Ctrl-C ends the watch");
        for (moment, pid) in [("2026-11-21T23:59:59Z", 7), ("2026-11-22T00:00:01Z", 8)] {
            directory.pass_to(moment);
            let unit =
                json!({"pid": pid, "comm": "sh", "exit_code": 1, "systemd_unit": "x.service"});
            directory.put(EXIT, "error", unit);
            watch.read_until(&format!("sh[{pid}] code 1"));
        }
        process::signal(watch.pid(), libc::SIGINT).expect("it runs");
        let screen = watch.end().replace(&path, "DIR");
        let file = format!("watch-{columns}.txt");
        let kept = kept(&file);
        assert!(
            screen == kept,
            "{file} is\n{kept}\nand the screen\n{screen}"
        );
        drop(lock);
    }
}

#[test]
fn export_is_for_programs_and_knows_no_columns() {
    let directory = morning();
    let csv = [&["export", "--format", "csv"], &MORNING[..]].concat();
    let path = directory.path().to_str().expect("UTF-8");
    let arguments = [&csv[..], &["--data-dir", path]].concat();
    for columns in [80, 160] {
        let screen = show(&arguments, columns, &[]);
        assert_eq!(screen, kept("export.txt"));
        let is_control = |char: char| char != '\n' && (char.is_control() || char == '\u{202e}');
        assert!(!screen.contains(is_control), "{screen:?}");
    }
}

/// An hour for each of three events, and the moments of the last of them hidden.
#[test]
fn health() {
    let hours_ago = |hours: u64| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("later");
        let second = now.as_secs() - hours * 3_600;
        Timestamp(second * NANOS_PER_SECOND).to_string()
    };
    let mut directory = Directory::new(&hours_ago(30), Limits::default());
    directory.look(&[OOM, EXIT]);
    for (hours, event_type, name) in [
        (20, EXIT, "worker"),
        (3, OOM, "worker"),
        (3, EXIT, "a\u{1b}[2J"),
        (2, EXIT, "worker"),
    ] {
        directory.pass_to(&hours_ago(hours));
        directory.put(event_type, "error", json!({"pid": 7, "comm": name}));
    }
    directory.pass_to(&hours_ago(0));
    directory.say(&hours_ago(0));
    let without_moments = |text: &str| {
        let hidden = |word: &str| match word.len() == 24 && word.ends_with('Z') {
            true => "MOMENT".to_owned(),
            false => word.to_owned(),
        };
        let line = |line: &str| match line.strip_suffix("| hours of the last day, UTC") {
            Some(_) => "  |HOURS| hours of the last day, UTC\n".to_owned(),
            None => line.split(' ').map(hidden).collect::<Vec<_>>().join(" ") + "\n",
        };
        text.lines().map(line).collect::<String>()
    };
    let path = directory.path().to_str().expect("UTF-8");
    expect_of(&["health", "--data-dir", path], "health", without_moments);
}

#[test]
fn help() {
    expect_of(&["--help"], "help", str::to_owned);
    expect_of(&["recent", "--help"], "help-recent", str::to_owned);
}

#[test]
fn colour_is_for_terminals_and_for_those_who_did_not_refuse_it() {
    let directory = morning();
    let path = directory.path().to_str().expect("UTF-8");
    let arguments = ["verify", "--data-dir", path];
    assert!(show(&arguments, 80, &[]).contains("\u{1b}[32mwhole: "));
    assert!(show(&arguments, 80, &[("NO_COLOR", "")]).contains('\u{1b}'));
    assert!(!show(&arguments, 80, &[("NO_COLOR", "1")]).contains('\u{1b}'));
    assert!(!directory.ask(&["verify"]).stdout.contains('\u{1b}'));
}

#[test]
fn a_narrow_terminal_is_kept_to() {
    let directory = morning();
    let path = directory.path().to_str().expect("UTF-8");
    for command in [
        &["status"][..],
        &["why", "812"],
        &["verify"],
        &["recent", "--since", "2026-11-21T09:35:00Z"],
    ] {
        for columns in [20, 40, 79] {
            let arguments = [command, &["--data-dir", path]].concat();
            let screen = show(&arguments, columns, &[("NO_COLOR", "1")]);
            let longest = screen.lines().map(|line| line.chars().count()).max();
            assert!(
                longest <= Some(usize::from(columns)),
                "{command:?}:\n{screen}"
            );
        }
    }
}

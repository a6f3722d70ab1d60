use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use tapio_common::catalogue::{Observer, Severity};
use tapio_common::command_line::Usage;
use tapio_common::time::Timestamp;

use super::*;
use crate::settings::When;

fn read(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Asked, Usage> {
    let environment: HashMap<&str, &str> = environment.iter().copied().collect();
    TAPIO.parse(arguments.iter().map(OsString::from), |name| {
        environment.get(name).map(OsString::from)
    })
}

fn settings(arguments: &[&str], environment: &[(&str, &str)]) -> Settings {
    match read(arguments, environment) {
        Ok(Asked::Command(_, settings)) => *settings,
        other => panic!("{arguments:?} gave {other:?}"),
    }
}

fn complaint(arguments: &[&str]) -> String {
    match read(arguments, &[]) {
        Err(usage) => usage.to_string(),
        Ok(asked) => panic!("{arguments:?} gave {asked:?}"),
    }
}

#[test]
fn nothing_given_is_the_table_of_defaults() {
    let settings = settings(&["recent"], &[]);
    assert_eq!(settings.data_dir, Path::new("/var/lib/tapio/evidence"));
    assert_eq!(settings.since, When::Ago(Duration::from_secs(3_600)));
    assert_eq!(
        (settings.until, settings.limit, settings.json),
        (None, 100, false)
    );
}

#[test]
fn a_flag_wins_over_its_twin_and_the_twin_over_the_default() {
    let environment = [
        ("TAPIO_DATA_DIR", "/twin"),
        ("TAPIO_LIMIT", "7"),
        ("TAPIO_SINCE", ""),
    ];
    let settings = settings(&["recent", "--limit=9", "--json"], &environment);
    assert_eq!(settings.data_dir, Path::new("/twin"));
    assert_eq!((settings.limit, settings.json), (9, true));
    assert_eq!(settings.since, When::Ago(Duration::from_secs(3_600)));
}

#[test]
fn values_are_what_they_say() {
    let arguments = [
        "recent",
        "--since",
        "1970-01-01T00:00:01Z",
        "--until",
        "5m",
        "--type",
        "oom_kill",
    ];
    let settings = settings(
        &[&arguments[..], &["--severity", "error", "--pid", "7"]].concat(),
        &[],
    );
    assert_eq!(settings.since, When::At(Timestamp(1_000_000_000)));
    assert_eq!(settings.until, Some(When::Ago(Duration::from_secs(300))));
    assert_eq!(
        settings.event_type.as_deref(),
        Some("kernel.container.oom_kill")
    );
    assert_eq!(
        (settings.severity, settings.pid),
        (Some(Severity::Error), Some(7))
    );
    let newer = self::settings(&["recent", "--type", "kernel.gpu.reset"], &[]);
    assert_eq!(newer.event_type.as_deref(), Some("kernel.gpu.reset"));
}

#[test]
fn health_takes_its_observer_as_a_word_or_as_a_flag() {
    for arguments in [
        &["health", "storage"][..],
        &["health", "--observer", "storage"],
    ] {
        assert_eq!(settings(arguments, &[]).observer, Some(Observer::Storage));
    }
    assert_eq!(settings(&["health"], &[]).observer, None);
    assert_eq!(
        complaint(&["health", "disk"]),
        "[OBSERVER]: \"disk\" is not one of network, storage, container, node"
    );
}

#[test]
fn every_complaint_names_what_to_change() {
    for (arguments, wanted) in [
        (&[][..], "a command is missing, see --help"),
        (&["recnet"], "unknown command \"recnet\", see --help"),
        (
            &["recent", "--head", "x"],
            "--head does not go with recent, see recent --help",
        ),
        (&["recent", "-x"], "unknown flag \"-x\", see --help"),
        (&["--json"], "a command is missing, see --help"),
        (&["recent", "more"], "unexpected argument \"more\""),
        (&["why"], "why needs PID|CONTAINER|UNIT"),
        (&["why", ""], "PID|CONTAINER|UNIT: \"\" is empty"),
        (&["why", "1", "2"], "unexpected argument \"2\""),
        (&["recent", "--data-dir", ""], "--data-dir: \"\" is empty"),
        (
            &["recent", "--type", "oom"],
            "--type: \"oom\" is not a type such as kernel.container.oom_kill",
        ),
        (
            &["recent", "--limit", "0"],
            "--limit: \"0\" is not between 1 and 100000",
        ),
        (
            &["recent", "--width", "39"],
            "--width: \"39\" is not between 40 and 1000",
        ),
        (
            &["verify", "--head", "AB"],
            "--head: \"AB\" is not 64 lowercase hexadecimal digits",
        ),
        (
            &["recent", "--since", "yesterday"],
            "--since: \"yesterday\" is not a time ago such as 5m, 1h or 2d, nor RFC 3339",
        ),
    ] {
        assert_eq!(complaint(arguments), wanted);
    }
}

#[test]
fn every_page_fits_a_screen_and_every_flag_is_on_one_with_its_default() {
    let pages = TAPIO.pages().concat();
    for flag in EVERYDAY.flags {
        assert!(
            pages.contains(&format!("--{} ", flag.name)),
            "{}",
            flag.name
        );
        assert!(pages.contains(flag.default.unwrap_or("")));
        assert!(!flag.commands.is_empty(), "{}", flag.name);
    }
    for command in COMMANDS {
        assert!(pages.contains(command.help), "{}", command.name);
    }
}

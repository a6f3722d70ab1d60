use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use tapio_common::catalogue::Severity;
use tapio_common::time::Timestamp;

use super::*;
use crate::settings::When;

fn read(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Asked, Usage> {
    let environment: HashMap<&str, &str> = environment.iter().copied().collect();
    parse(arguments.iter().map(OsString::from), |name| {
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
fn every_complaint_names_what_to_change() {
    for (arguments, wanted) in [
        (&[][..], "a command is missing, see --help"),
        (&["recnet"], "unknown command \"recnet\", see --help"),
        (
            &["recent", "--head", "x"],
            "unknown flag \"--head\", see --help",
        ),
        (&["recent", "-x"], "unknown flag \"-x\", see --help"),
        (&["--json"], "unknown flag \"--json\", see --help"),
        (&["recent", "more"], "unexpected argument \"more\""),
        (&["why"], "why needs PID|CONTAINER|UNIT"),
        (&["why", ""], "PID|CONTAINER|UNIT: \"\" is empty"),
        (&["why", "1", "2"], "unexpected argument \"2\""),
        (&["recent", "--data-dir", ""], "--data-dir: \"\" is empty"),
        (
            &["recent", "--type", "oom"],
            "--type: \"oom\" is no type such as kernel.container.oom_kill",
        ),
        (
            &["recent", "--limit", "0"],
            "--limit: \"0\" is not a number from 1 to 100000",
        ),
        (
            &["recent", "--width", "39"],
            "--width: \"39\" is not a number from 40 to 1000",
        ),
        (
            &["verify", "--head", "AB"],
            "--head: \"AB\" is not 64 lowercase hexadecimal digits",
        ),
        (
            &["recent", "--since", "yesterday"],
            "--since: \"yesterday\" is neither a time ago such as 5m, 1h or 2d nor RFC 3339",
        ),
    ] {
        assert_eq!(complaint(arguments), wanted);
    }
}

#[test]
fn every_page_fits_a_screen_and_shows_every_flag_with_its_default() {
    let commands = Command::ALL.iter().copied();
    let pages = commands.map(page::command_help).chain([page::help()]);
    for page in pages {
        assert!(page.lines().count() <= 24, "{page}");
        assert!(
            page.lines().all(|line| line.chars().count() <= 80),
            "{page}"
        );
    }
    for command in Command::ALL.iter().copied() {
        let page = page::command_help(command);
        assert!(page::help().contains(command.help()));
        for flag in command.flags() {
            assert!(page.contains(&flag.spelled()) && page.contains(flag.default.unwrap_or("")));
        }
    }
}

#[test]
fn every_flag_is_of_some_command_and_every_default_can_be_set() {
    for flag in crate::flags::FLAGS {
        assert!(!flag.commands.is_empty(), "{}", flag.name);
    }
    for command in Command::ALL {
        let operand = if command.operand().is_empty() {
            vec![]
        } else {
            vec!["x"]
        };
        let arguments = [&[command.name()][..], &operand].concat();
        assert!(
            matches!(read(&arguments, &[]), Ok(Asked::Command(..))),
            "{}",
            command.name()
        );
    }
}

use std::collections::HashMap;
use std::ffi::OsString;
use std::time::Duration;

use log::LevelFilter;
use tapio_common::command_line::Usage;
use tapio_common::log_line::LogFormat;

use super::*;
use crate::settings::AcceptedTarget;

fn read(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Asked, Usage> {
    let environment: HashMap<&str, &str> = environment.iter().copied().collect();
    CONTROLLER.parse(arguments.iter().map(OsString::from), |name| {
        environment.get(name).map(OsString::from)
    })
}

fn settings(arguments: &[&str], environment: &[(&str, &str)]) -> Settings {
    match read(arguments, environment) {
        Ok(Asked::Command(Serve, settings)) => *settings,
        other => panic!("{arguments:?} gave {other:?}"),
    }
}

fn complaint(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    match read(arguments, environment) {
        Err(usage) => usage.to_string(),
        Ok(command) => panic!("{arguments:?} gave {command:?}"),
    }
}

#[test]
fn nothing_given_is_the_table_of_defaults() {
    let settings = settings(&[], &[]);
    assert_eq!(settings.listen, "127.0.0.1:8080");
    assert_eq!(settings.profile, None);
    assert_eq!(settings.body_bytes_max, 262_144);
    assert_eq!(settings.agents_max, 100_000);
    assert_eq!(settings.forget_after, Some(Duration::from_secs(86_400)));
    assert_eq!(settings.send_interval_ms, 1_000);
    assert_eq!(settings.batch_events_max, 256);
    assert_eq!(settings.controller_id, "tapio-controller");
    assert_eq!(settings.accepted, None);
    assert_eq!(settings.log_level, LevelFilter::Info);
    assert_eq!(settings.log_format, LogFormat::Text);
}

#[test]
fn a_flag_wins_over_its_twin_and_the_twin_over_the_default() {
    let environment = [("TAPIO_WORKERS", "3"), ("TAPIO_MAX_AGENTS", "7")];
    let settings = settings(&["--workers=9"], &environment);
    assert_eq!(settings.workers, 9);
    assert_eq!(settings.agents_max, 7);
}

#[test]
fn a_twin_that_is_overruled_is_not_even_read_and_an_empty_one_is_none() {
    let nonsense = [("TAPIO_WORKERS", "many"), ("TAPIO_PROFILE", "")];
    let settings = settings(&["--workers", "2"], &nonsense);
    assert_eq!(settings.workers, 2);
    assert_eq!(settings.profile, None);
}

#[test]
fn listen_is_positional_or_a_flag() {
    assert_eq!(settings(&["[::1]:0"], &[]).listen, "[::1]:0");
    assert_eq!(settings(&["--listen", "host:9"], &[]).listen, "host:9");
    let twin = [("TAPIO_LISTEN", "0.0.0.0:1")];
    assert_eq!(settings(&[], &twin).listen, "0.0.0.0:1");
    assert_eq!(settings(&["127.0.0.1:2"], &twin).listen, "127.0.0.1:2");
    assert_eq!(
        complaint(&["a:1", "--listen", "b:1"], &[]),
        "give LISTEN or --listen, not both"
    );
}

#[test]
fn times_and_targets() {
    for (text, seconds) in [("90s", 90), ("30m", 1_800), ("7d", 604_800), ("5", 5)] {
        let settings = settings(&["--forget-after", text], &[]);
        assert_eq!(settings.forget_after, Some(Duration::from_secs(seconds)));
    }
    assert_eq!(settings(&["--forget-after=0"], &[]).forget_after, None);
    assert_eq!(
        settings(&["--accepted", "-"], &[]).accepted,
        Some(AcceptedTarget::Stdout)
    );
    assert_eq!(
        settings(&["--accepted", "./-"], &[]).accepted,
        Some(AcceptedTarget::File("./-".into()))
    );
}

#[test]
fn every_complaint_is_one_line_that_names_the_culprit() {
    for (arguments, environment, wanted) in [
        (
            &["--wrkers", "1"][..],
            &[][..],
            "unknown flag \"--wrkers\", see --help",
        ),
        (&["-x"], &[], "unknown flag \"-x\", see --help"),
        (&["a:1", "b"], &[], "unexpected argument \"b\""),
        (&["compile"], &[], "compile needs PROFILE"),
        (&["compile", "a", "b"], &[], "unexpected argument \"b\""),
        (
            &["compile", "a", "--workers=1"],
            &[],
            "--workers does not go with compile, see compile --help",
        ),
        (&["nowhere"], &[], "LISTEN: \"nowhere\" is not host:port"),
        (&["::1:80"], &[], "LISTEN: \"::1:80\" is not host:port"),
        (
            &["--listen", "h:65536"],
            &[],
            "--listen: \"h:65536\" is not host:port",
        ),
        (
            &["--workers", "0"],
            &[],
            "--workers: \"0\" is not between 1 and 256",
        ),
        (
            &["--workers", "two"],
            &[],
            "--workers: \"two\" is not a whole number",
        ),
        (
            &[],
            &[("TAPIO_FORGET_AFTER", "1y")],
            "TAPIO_FORGET_AFTER: \"1y\" is not a time such as 500ms, 90s, 24h or 14d",
        ),
        (
            &["--controller-id", "a\nb"],
            &[],
            "--controller-id: \"a\\nb\" is not 1 to 256 bytes without control characters",
        ),
        (
            &["--log-level", "loud"],
            &[],
            "--log-level: \"loud\" is not one of off, error, warn, info, debug",
        ),
    ] {
        assert_eq!(complaint(arguments, environment), wanted);
    }
    assert!(complaint(&["--workers"], &[]).contains("--workers"));
}

#[test]
fn every_page_fits_a_screen_and_shows_every_flag_with_its_default() {
    let pages = CONTROLLER.pages().concat();
    for flag in EVERYDAY.flags {
        assert!(pages.contains(&format!("--{} ", flag.name)));
        assert!(pages.contains(flag.default.unwrap_or("")));
    }
}

#[test]
fn help_and_version_win_over_what_else_is_there() {
    for arguments in [&["a:1", "-h"][..], &["--version"]] {
        assert!(matches!(read(arguments, &[]), Ok(Asked::Page(_))));
    }
    match read(&["compile", "p.yaml"], &[("TAPIO_PROFILE", "q.yaml")]) {
        Ok(Asked::Command(Compile, settings)) => {
            assert_eq!(settings.profile.as_deref(), Some("p.yaml".as_ref()));
        }
        other => panic!("{other:?}"),
    }
}

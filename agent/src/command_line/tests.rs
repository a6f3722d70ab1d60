use std::collections::HashMap;

use log::LevelFilter;
use tapio_common::catalogue::Observer;

use super::*;
use crate::sink::SinkName;

fn read(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Command, Usage> {
    let environment: HashMap<&str, &str> = environment.iter().copied().collect();
    parse(arguments.iter().map(OsString::from), |name| {
        environment.get(name).map(OsString::from)
    })
}

fn settings(arguments: &[&str], environment: &[(&str, &str)]) -> Settings {
    match read(arguments, environment) {
        Ok(Command::Observe(settings)) => settings,
        other => panic!("{arguments:?} gave {other:?}"),
    }
}

#[test]
fn nothing_given_is_the_table_of_defaults() {
    let settings = settings(&[], &[]);
    assert_eq!(settings.sinks, [SinkName::Stdout]);
    assert_eq!(settings.config, None);
    assert_eq!(settings.observers, [Observer::Container]);
    assert_eq!(settings.data_dir.to_str(), Some("/var/lib/tapio/evidence"));
    assert_eq!(settings.state_dir.to_str(), Some("/var/lib/tapio"));
    assert_eq!(settings.fair_share_per_second, Some(200));
    assert_eq!(settings.log_level, LevelFilter::Info);
}

#[test]
fn a_flag_wins_over_its_twin_and_the_twin_over_the_default() {
    let environment = [("TAPIO_FAIR_SHARE", "nonsense"), ("TAPIO_NODE_NAME", "n2")];
    let settings = settings(&["--fair-share=0"], &environment);
    assert_eq!(settings.fair_share_per_second, None);
    assert_eq!(settings.node_name.as_deref(), Some("n2"));
    let empty = [("TAPIO_NODE_NAME", "")];
    assert_eq!(self::settings(&[], &empty).node_name, None);
}

#[test]
fn lists_come_repeated_or_with_commas_and_nothing_counts_twice() {
    let twice = settings(&["--sink", "stdout", "--sink", "stdout"], &[]);
    assert_eq!(twice.sinks, [SinkName::Stdout]);
    let by_twin = [("TAPIO_SINK", "stdout,stdout")];
    assert_eq!(settings(&[], &by_twin).sinks, [SinkName::Stdout]);
    let observers = settings(&["--observers", "container, container"], &[]).observers;
    assert_eq!(observers, [Observer::Container]);
}

#[test]
fn commands_come_before_or_after_flags() {
    for arguments in [["probe", "--log-level=off"], ["--log-level=off", "probe"]] {
        match read(&arguments, &[]) {
            Ok(Command::Probe(settings)) => assert_eq!(settings.log_level, LevelFilter::Off),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(read(&["selftest"], &[]), Ok(Command::SelfTest(_))));
    assert!(matches!(read(&["probe", "--help"], &[]), Ok(Command::Help)));
}

#[test]
fn every_complaint_is_one_line_that_names_the_culprit() {
    let long = "x".repeat(257);
    for (arguments, environment, wanted) in [
        (
            &["--snk", "x"][..],
            &[][..],
            "unknown flag \"--snk\", see --help",
        ),
        (&["-x"], &[], "unknown flag \"-x\", see --help"),
        (&["prob"], &[], "unknown command \"prob\", see --help"),
        (&["probe", "probe"], &[], "unexpected argument \"probe\""),
        (
            &["--sink", "kafka"],
            &[],
            "--sink: \"kafka\" is not one of stdout, file, http, otlp, controller",
        ),
        (
            &["--sink", "otlp"],
            &[],
            "--sink: \"otlp\" is not built into this version",
        ),
        (
            &[],
            &[("TAPIO_SINK", "stdout,")],
            "TAPIO_SINK: \"stdout,\" is not one of stdout, file, http, otlp, controller",
        ),
        (
            &["--observers", "kernel"],
            &[],
            "--observers: \"kernel\" is not one of network, storage, container, node",
        ),
        (
            &["--observers", "node"],
            &[],
            "--observers: \"node\" is not built into this version",
        ),
        (
            &["--fair-share", "-1"],
            &[],
            "--fair-share: \"-1\" is not a whole number of events/s up to 1000000",
        ),
        (
            &["--fair-share", "1000001"],
            &[],
            "--fair-share: \"1000001\" is not a whole number of events/s up to 1000000",
        ),
        (
            &["--node-name", "a\nb"],
            &[],
            "--node-name: \"a\\nb\" is not 1 to 256 bytes without control characters",
        ),
        (&["--data-dir", ""], &[], "--data-dir: \"\" is empty"),
        (
            &["--log-level", "loud"],
            &[],
            "--log-level: \"loud\" is not one of off, error, warn, info, debug",
        ),
    ] {
        let complaint = match read(arguments, environment) {
            Err(usage) => usage.to_string(),
            Ok(command) => panic!("{arguments:?} gave {command:?}"),
        };
        assert_eq!(complaint, wanted);
    }
    assert!(read(&["--agent-id", &long], &[]).is_err());
    assert!(
        read(&["--config"], &[])
            .expect_err("no value")
            .to_string()
            .contains("--config")
    );
}

#[test]
fn help_fits_a_screen_and_shows_every_flag_with_its_default() {
    let page = help();
    assert!(page.lines().count() <= 24, "{page}");
    assert!(
        page.lines().all(|line| line.chars().count() <= 80),
        "{page}"
    );
    for flag in FLAGS {
        assert!(page.contains(&format!("--{} ", flag.name)));
        assert!(page.contains(flag.default.unwrap_or("")));
    }
}

#[test]
fn a_twin_is_the_flag_in_capitals() {
    assert_eq!(FLAGS[3].name, "data-dir");
    assert_eq!(FLAGS[3].twin(), "TAPIO_DATA_DIR");
}

use std::collections::HashMap;
use std::ffi::OsString;

use log::LevelFilter;
use tapio_common::catalogue::Observer;
use tapio_common::command_line::Usage;
use tapio_common::log_line::LogFormat;

use super::*;
use crate::sink::name::SinkName;

fn read(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Asked, Usage> {
    let environment: HashMap<&str, &str> = environment.iter().copied().collect();
    AGENT.parse(arguments.iter().map(OsString::from), |name| {
        environment.get(name).map(OsString::from)
    })
}

fn settings(arguments: &[&str], environment: &[(&str, &str)]) -> Settings {
    match read(arguments, environment) {
        Ok(Asked::Command(Observe, mut settings)) => {
            settings.settle_sinks();
            *settings
        }
        other => panic!("{arguments:?} gave {other:?}"),
    }
}

#[test]
fn a_controller_gets_the_events_unless_something_else_is_said() {
    let endpoint = ["--controller-endpoint", "http://127.0.0.1:1"];
    let sinks = |more: &[&str]| settings(&[&endpoint, more].concat(), &[]).sinks;
    assert_eq!(sinks(&[]), [SinkName::Controller]);
    assert_eq!(sinks(&["--sink", "stdout"]), [SinkName::Stdout]);
    let both = sinks(&["--sink", "controller,file"]);
    assert_eq!(both, [SinkName::File, SinkName::Controller]);
}

#[test]
fn nothing_given_is_the_table_of_defaults() {
    let settings = settings(&[], &[]);
    assert_eq!(settings.sinks, [SinkName::Stdout]);
    assert_eq!(settings.config, None);
    assert_eq!(settings.observers, Observer::ALL);
    assert_eq!(settings.data_dir.to_str(), Some("/var/lib/tapio/evidence"));
    assert_eq!(settings.state_dir.to_str(), Some("/var/lib/tapio"));
    assert_eq!(settings.fair_share_per_second, Some(200));
    assert_eq!(settings.log_level, LevelFilter::Info);
    assert_eq!(settings.log_format, LogFormat::Text);
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
            Ok(Asked::Command(Probe, settings)) => assert_eq!(settings.log_level, LevelFilter::Off),
            other => panic!("{other:?}"),
        }
    }
    let selftest = read(&["selftest"], &[]);
    assert!(matches!(selftest, Ok(Asked::Command(SelfTest, _))));
    let help = read(&["probe", "--help"], &[]);
    assert!(matches!(help, Ok(Asked::Page(_))));
}

fn complaint(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    match read(arguments, environment) {
        Err(usage) => usage.to_string(),
        Ok(command) => panic!("{arguments:?} gave {command:?}"),
    }
}

#[test]
fn what_is_not_known_is_named() {
    for (arguments, wanted) in [
        (&["--snk", "x"][..], "unknown flag \"--snk\", see --help"),
        (&["-x"], "unknown flag \"-x\", see --help"),
        (&["prob"], "unknown command \"prob\", see --help"),
        (&["probe", "probe"], "unexpected argument \"probe\""),
    ] {
        assert_eq!(complaint(arguments, &[]), wanted);
    }
    assert!(complaint(&["--config"], &[]).contains("--config"));
}

#[test]
fn a_value_that_does_not_fit_is_named_with_what_would() {
    let twin = [("TAPIO_SINK", "stdout,")];
    let sinks = "is not one of stdout, file, http, otlp, controller";
    assert_eq!(
        complaint(&[], &twin),
        format!("TAPIO_SINK: \"stdout,\" {sinks}")
    );
    for (flag, value, wanted) in [
        ("--sink", "kafka", sinks),
        (
            "--observers",
            "kernel",
            "is not one of network, storage, container, node",
        ),
        ("--fair-share", "-1", "is not a whole number"),
        ("--fair-share", "1000001", "is not between 0 and 1000000"),
        ("--data-dir", "", "is empty"),
        (
            "--log-level",
            "loud",
            "is not one of off, error, warn, info, debug",
        ),
    ] {
        let wanted = format!("{flag}: {value:?} {wanted}");
        assert_eq!(complaint(&[flag, value], &[]), wanted);
    }
    let identifier = "is not 1 to 256 bytes without control characters";
    for (flag, value) in [("--node-name", "a\nb"), ("--agent-id", &"x".repeat(257))] {
        let wanted = format!("{flag}: {value:?} {identifier}");
        assert_eq!(complaint(&[flag, value], &[]), wanted);
    }
}

#[test]
fn a_header_names_a_file_and_what_may_be_a_secret_is_not_quoted() {
    let given = [
        "--sink-header",
        "Authorization=@/run/token,otlp:X-Key=@/run/key",
    ];
    let headers = settings(&given, &[]).sink_headers;
    let names: Vec<_> = headers
        .iter()
        .map(|header| (header.sink, header.name.as_str()))
        .collect();
    assert_eq!(
        names,
        [(None, "Authorization"), (Some(SinkName::Otlp), "X-Key")]
    );
    assert_eq!(headers[1].path.to_str(), Some("/run/key"));
    let form = "--sink-header is not [SINK:]NAME=@FILE: the value is read from a file";
    for (value, wanted) in [
        ("Authorization=hunter2", form),
        ("Authorization: hunter2", form),
        ("=@/hunter2", form),
        ("A B=@/hunter2", form),
        ("A=@", form),
        (
            "file:A=@/hunter2",
            "--sink-header names a sink that has no headers: http or otlp",
        ),
        (
            "content-length=@/hunter2",
            "--sink-header names a header that the agent sets itself",
        ),
    ] {
        assert_eq!(complaint(&["--sink-header", value], &[]), wanted);
    }
}

#[test]
fn every_page_fits_a_screen_and_every_flag_is_on_one_with_its_default() {
    let pages = AGENT.pages().concat();
    for flag in AGENT.topics.iter().flat_map(|topic| topic.flags) {
        assert!(pages.contains(&format!("--{} ", flag.name)));
        assert!(pages.contains(flag.default.unwrap_or("")));
        assert!(!flag.commands.is_empty(), "{}", flag.name);
    }
}

#[test]
fn a_url_that_is_refused_is_not_quoted() {
    for url in [
        "http://user:hunter2@controller",
        "https://user:hunter2@controller",
    ] {
        for flag in ["--controller-endpoint", "--http-url", "--otlp-url"] {
            let complaint = read(&[flag, url], &[]).expect_err("refused").to_string();
            assert!(complaint.starts_with(&format!("{flag} ")), "{complaint}");
            assert!(!complaint.contains("hunter2"), "{complaint}");
        }
    }
}

//! The agent's command line from outside: what it prints, what it refuses, and with which code.
//!
//! Nothing here loads a program into the kernel, so nothing needs privileges.

use serde_json::Value;
use tapio_tests::command::TestCommand;
use tapio_tests::folder::TestFolder;
use tapio_tests::program::Program;

fn agent(args: &[&str]) -> TestCommand {
    TestCommand::new(Program::Agent).args(args)
}

#[test]
fn help_fits_a_screen_of_eighty_columns_and_shows_defaults() {
    let page = agent(&["--help"]).run().expect_code(0);
    assert_eq!(page.stderr, "");
    assert!(page.stdout.lines().count() <= 24, "{}", page.stdout);
    assert!(page.stdout.lines().all(|line| line.chars().count() <= 80));
    for wanted in [
        "Usage: tapio-agent [FLAGS]",
        "  probe ",
        "  selftest ",
        "more flags: controller, evidence, sinks",
        "--sink NAME",
        "--config FILE",
        "--observers LIST",
        "--data-dir DIR",
        "[/var/lib/tapio/evidence]",
        "--state-dir DIR",
        "--node-name NAME",
        "--ebpf-dir DIR",
        "--fair-share RATE",
        "[200]",
        "--log-level LEVEL",
        "[info]",
        "TAPIO_DATA_DIR",
        "Exit codes: 0 ok, 1 failed, 2 usage, 3 cannot say",
    ] {
        assert!(
            page.stdout.contains(wanted),
            "{wanted} is not in\n{}",
            page.stdout
        );
    }
}

#[test]
fn the_version_is_one_line() {
    let version = agent(&["--version"]).run().expect_code(0);
    assert_eq!(
        version.stdout,
        format!("tapio-agent {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_command_line_that_cannot_be_obeyed_is_one_line_and_code_two() {
    for (args, wanted) in [
        (
            &["--snk", "stdout"][..],
            "tapio-agent: unknown flag \"--snk\", see --help",
        ),
        (
            &["prob"],
            "tapio-agent: unknown command \"prob\", see --help",
        ),
        (&["probe", "x"], "tapio-agent: unexpected argument \"x\""),
        (
            &["--sink", "kafka"],
            "tapio-agent: --sink: \"kafka\" is not one of stdout, file, http, otlp, controller",
        ),
        (
            &["--observers", "cpu"],
            "tapio-agent: --observers: \"cpu\" is not one of network, storage, container, node",
        ),
        (
            &["--log-level", "loud"],
            "tapio-agent: --log-level: \"loud\" is not one of off, error, warn, info, debug",
        ),
        (
            &["--node-name", "a\nb"],
            "tapio-agent: --node-name: \"a\\nb\" is not 1 to 256 bytes without control characters",
        ),
    ] {
        let refused = agent(args).run().expect_code(2);
        assert_eq!(refused.refusal(), wanted);
        assert_eq!(refused.stdout, "");
    }
}

/// Where evidence would go is refused before a byte is sent, and no secret is repeated.
#[test]
fn a_receiver_that_would_be_spoken_to_in_the_wrong_way_is_refused_unquoted() {
    for (args, wanted) in [
        (
            &["--otlp-url", "https://user:hunter2@collector:4318"][..],
            "--otlp-url asks for https, which Tapio does not speak",
        ),
        (
            &["--http-url", "http://user:hunter2@collector"],
            "--http-url holds credentials, which would be sent in plaintext",
        ),
        (
            &["--sink-header", "Authorization=Bearer hunter2"],
            "--sink-header is not [SINK:]NAME=@FILE: the value is read from a file",
        ),
    ] {
        let refused = agent(args).run().expect_code(2);
        let said = refused.refusal();
        assert!(
            said.starts_with(&format!("tapio-agent: {wanted}")),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
    }
    for (args, wanted) in [
        (
            &["--sink", "otlp"][..],
            "sink otlp needs to know where to: --otlp-url http://",
        ),
        (
            &[
                "--sink",
                "http",
                "--http-url",
                "http://h",
                "--sink-header",
                "A=@/nonexistent",
            ],
            "--sink-header: the header in /nonexistent cannot be read",
        ),
    ] {
        let refused = agent(args).run().expect_code(1);
        assert!(refused.refusal().contains(wanted), "{}", refused.stderr);
    }
}

#[test]
fn a_twin_in_the_environment_is_read_and_named_when_it_does_not_fit() {
    let refused = agent(&[])
        .env("TAPIO_FAIR_SHARE", "fast")
        .run()
        .expect_code(2);
    assert_eq!(
        refused.refusal(),
        "tapio-agent: TAPIO_FAIR_SHARE: \"fast\" is not a whole number"
    );
    // The flag wins, so the twin is not even read: what is refused is the flag's own value.
    let refused = agent(&["--fair-share", "x"])
        .env("TAPIO_FAIR_SHARE", "fast")
        .run()
        .expect_code(2);
    assert!(refused.refusal().contains("--fair-share: \"x\""));
}

#[test]
fn a_config_that_is_none_is_refused_before_anything_is_loaded() {
    let folder = TestFolder::new();
    for (name, text, wanted) in [
        (
            "profile.yaml",
            "kind: EvidenceProfile\n",
            "tapio-controller compile PROFILE",
        ),
        ("empty.json", "{}", "network"),
        (
            "cut.json",
            "{\"network\":{",
            "tapio-controller compile PROFILE",
        ),
    ] {
        let path = folder.write(name, text);
        let path = path.to_str().expect("UTF-8");
        let refused = agent(&["--config", path]).run().expect_code(1);
        let line = refused.refusal();
        assert!(
            line.starts_with(&format!("tapio-agent: config {path}: ")),
            "{line}"
        );
        assert!(line.contains(wanted), "{line}");
    }
    let refused = agent(&["--config", "/nonexistent.json"])
        .run()
        .expect_code(1);
    assert!(
        refused
            .refusal()
            .starts_with("tapio-agent: config /nonexistent.json: ")
    );
}

#[test]
fn an_endpoint_that_would_need_tls_or_give_credentials_away_is_refused_and_not_repeated() {
    for (endpoint, wanted) in [
        ("https://secret-host:8080", "https"),
        ("HTTPS://secret-host", "https"),
        ("http://somebody:secret@controller:8080", "credentials"),
        ("http://secret@controller", "credentials"),
    ] {
        let as_flag = agent(&["--controller-endpoint", endpoint]);
        let as_twin = agent(&[]).env("TAPIO_CONTROLLER_ENDPOINT", endpoint);
        for command in [as_flag, as_twin] {
            let done = command.run().expect_code(2);
            assert!(done.refusal().contains(wanted), "{}", done.stderr);
            assert!(!done.stderr.contains("secret"), "{}", done.stderr);
            assert_eq!(done.stdout, "");
        }
    }
}

#[test]
fn in_a_log_of_objects_the_refusal_is_one() {
    let folder = TestFolder::new();
    let state = folder.path().to_str().expect("UTF-8");
    let refused = agent(&["--log-format", "json", "--log-level", "off"])
        .args(["--config", "/nonexistent.json", "--state-dir", state])
        .run()
        .expect_code(1);
    let line: Value = serde_json::from_str(&refused.stderr).expect("one object");
    assert_eq!(line["level"], "error", "{line}");
    assert_eq!(line["program"], "tapio-agent", "{line}");
    let message = line["message"].as_str().expect("text");
    assert!(
        message.starts_with("config /nonexistent.json: "),
        "{message}"
    );
    assert!(line["timestamp"].is_string(), "{line}");
}

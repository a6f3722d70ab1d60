//! The command line: help, version, environment twins, refusals in one line, exit codes.

use std::process::Command;

use tapio_tests::command::TestCommand;
use tapio_tests::controller::TestController;
use tapio_tests::folder::TestFolder;
use tapio_tests::http::Request;
use tapio_tests::payload;
use tapio_tests::program::Program;

fn run(args: &[&str]) -> tapio_tests::command::Finished {
    TestCommand::new(Program::Controller).args(args).run()
}

const FLAGS: [&str; 11] = [
    "--listen",
    "--profile",
    "--workers",
    "--max-body-bytes",
    "--max-agents",
    "--forget-after",
    "--send-interval-ms",
    "--max-batch-events",
    "--controller-id",
    "--accepted",
    "--log-level",
];

#[test]
fn help_fits_a_screen_and_shows_flags_and_defaults() {
    for flag in ["--help", "-h"] {
        let done = run(&[flag]).expect_code(0);
        let help = &done.stdout;
        assert!(help.lines().count() <= 40, "{} lines", help.lines().count());
        assert!(
            help.lines().all(|line| line.chars().count() <= 100),
            "a line is too long:\n{help}"
        );
        for word in FLAGS
            .into_iter()
            .chain(["compile", "--help", "--version", "TAPIO_"])
        {
            assert!(help.contains(word), "{word} is not in the help:\n{help}");
        }
        for default in ["127.0.0.1:8080", "262144", "100000", "24h", "1000", "256"] {
            assert!(
                help.contains(default),
                "the default {default} is not in the help:\n{help}"
            );
        }
        assert_eq!(done.stderr, "");
    }
}

#[test]
fn the_version_is_one_line() {
    let done = run(&["--version"]).expect_code(0);
    assert_eq!(
        done.stdout.trim_end(),
        format!("tapio-controller {}", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_wrong_command_line_is_a_usage_error_in_one_line() {
    for (args, named) in [
        (&["--frobnicate"][..], "--frobnicate"),
        (&["--workers"], "--workers"),
        (&["--workers", "0"], "--workers"),
        (&["--workers", "many"], "--workers"),
        (&["--max-body-bytes", "-1"], "--max-body-bytes"),
        (&["--max-agents", "1.5"], "--max-agents"),
        (&["--forget-after", "soon"], "--forget-after"),
        (&["--max-batch-events", "0"], "--max-batch-events"),
        (
            &["--send-interval-ms", "99999999999999999999"],
            "--send-interval-ms",
        ),
        (&["--log-level", "chatty"], "--log-level"),
        (&["--controller-id", ""], "--controller-id"),
        (&["--listen", "nowhere"], "nowhere"),
        (&["--listen", "127.0.0.1:99999"], "127.0.0.1:99999"),
        (&["127.0.0.1:0", "127.0.0.1:0"], "127.0.0.1:0"),
        (&["compile"], "compile"),
        (&["compile", "a.yaml", "b.yaml"], "b.yaml"),
    ] {
        let done = run(args).expect_code(2);
        assert!(
            done.refusal().contains(named),
            "{args:?}: {:?}",
            done.stderr
        );
        assert_eq!(done.stdout, "", "{args:?}");
    }
}

#[test]
fn control_characters_of_an_argument_do_not_reach_the_terminal() {
    let done = run(&["--listen", "\u{1b}[2Jx"]).expect_code(2);
    assert!(
        !done.refusal().chars().any(char::is_control),
        "{:?}",
        done.stderr
    );
}

#[test]
fn every_flag_has_a_twin_in_the_environment() {
    for (name, bad) in [
        ("TAPIO_LISTEN", "nowhere"),
        ("TAPIO_WORKERS", "many"),
        ("TAPIO_MAX_BODY_BYTES", "x"),
        ("TAPIO_MAX_AGENTS", "x"),
        ("TAPIO_FORGET_AFTER", "x"),
        ("TAPIO_SEND_INTERVAL_MS", "x"),
        ("TAPIO_MAX_BATCH_EVENTS", "x"),
        ("TAPIO_LOG_LEVEL", "x"),
    ] {
        let done = TestCommand::new(Program::Controller)
            .env(name, bad)
            .run()
            .expect_code(2);
        assert!(done.refusal().contains(name), "{name}: {:?}", done.stderr);
    }
}

#[test]
fn a_flag_wins_over_its_twin_and_the_twin_over_the_default() {
    let start = |args: &[&str]| {
        let mut command = Command::new(Program::Controller.path());
        command.args(["--listen", "127.0.0.1:0"]).args(args);
        command
            .env("TAPIO_CONTROLLER_ID", "from-the-environment")
            .env("TAPIO_MAX_BATCH_EVENTS", "7");
        TestController::spawn_with_environment(TestFolder::new(), command)
    };
    let hello =
        |controller: &TestController| controller.post(payload::HELLO, &payload::hello("a")).ok();
    let twin = hello(&start(&[]));
    assert_eq!(
        (&twin["controller_id"], &twin["max_batch_events"]),
        (&"from-the-environment".into(), &7.into())
    );
    let flag = hello(&start(&["--controller-id", "from-the-flag"]));
    assert_eq!(
        (&flag["controller_id"], &flag["max_batch_events"]),
        (&"from-the-flag".into(), &7.into())
    );
}

#[test]
fn the_address_may_stand_alone() {
    let mut command = Command::new(Program::Controller.path());
    command.arg("127.0.0.1:0");
    let controller = TestController::spawn(TestFolder::new(), command);
    assert_eq!(controller.get("/healthz").status, 200);
}

#[test]
fn nothing_from_a_request_reaches_the_log_unescaped() {
    let controller = TestController::start(&["--log-level", "debug"]);
    let escape = "\u{1b}[31mred\u{7}\u{9b}2J\rforged\nline";
    let mut hello = payload::hello("a");
    for field in [
        "agent_id",
        "node_name",
        "tapio_version",
        "kernel_release",
        "arch",
    ] {
        hello[field] = escape.into();
        controller.post(payload::HELLO, &hello);
    }
    let mut batch = payload::batch("a", 1, 2);
    batch["events"][1]["facts"] = serde_json::json!({escape: {"reasoning": escape}});
    batch["events"][0]["type"] = format!("kernel.{escape}").into();
    controller.post(payload::EVENTS, &batch);
    for raw in [
        &b"GET /v1/\x1b[31m\x07 HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        b"GET /%1b%5b31m%0aforged HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x1b[31m / HTTP/1.1\r\nHost: \x1b[31m\r\n\r\n",
        b"GET / HTTP/1.1\r\n\x1b[31m: \x1b[2J\r\n\r\n",
        b"GET /v1/status HTTP/\x1b[31m\r\n\r\n",
        b"\xff\xfe\x00\x1b[2J\r\n\r\n",
    ] {
        let mut connection = controller.connect();
        connection.send_bytes(raw).expect("it is sent");
        connection
            .stream()
            .shutdown(std::net::Shutdown::Write)
            .expect("it is open");
        connection.read_answer().ok();
    }
    controller.send(&Request::get("/healthz"));
    let log = controller.stderr();
    let unescaped = log
        .lines()
        .find(|line| line.chars().any(char::is_control) || line.starts_with("line"));
    assert_eq!(unescaped, None, "in the log");
}

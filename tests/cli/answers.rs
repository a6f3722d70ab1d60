//! The three answers, their exit codes, and what is chosen.

use std::process::Stdio;

use tapio_common::evidence::Limits;
use tapio_tests::command::TestCommand;
use tapio_tests::folder::TestFolder;
use tapio_tests::program::Program;

use crate::directory::{Directory, EXIT, OOM, REFUSED, morning};

const FROM: &str = "2026-11-21T09:35:00Z";
const TO: &str = "2026-11-21T11:00:00Z";

/// The answer to `recent` with these flags: exit code, and how many lines of JSON.
fn recent(directory: &Directory, flags: &[&str]) -> (i32, usize) {
    let arguments = [&["recent", "--json", "--since", FROM, "--until", TO], flags].concat();
    let finished = directory.ask(&arguments);
    let lines = finished.stdout.lines();
    let events = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    (finished.status.code().expect("it ended"), events.count())
}

#[test]
fn everything_given_chooses() {
    let directory = morning();
    for (flags, events) in [
        (&[][..], 6),
        (&["--observer", "container"], 4),
        (&["--type", "connection_refused"], 1),
        (&["--type", "kernel.gpu.reset"], 1),
        (&["--severity", "error"], 3),
        (&["--severity", "critical"], 1),
        (&["--container", "3f1c9a"], 3),
        (&["--pid", "812"], 3),
        (&["--pid", "812", "--observer", "network"], 1),
        (&["--limit", "2"], 2),
    ] {
        assert_eq!(recent(&directory, flags), (0, events), "{flags:?}");
    }
}

#[test]
fn the_newest_come_last_and_a_limit_keeps_the_newest() {
    let directory = morning();
    let arguments = ["recent", "--limit", "2", "--since", FROM, "--until", TO];
    let screen = directory.ask(&arguments).expect_code(0).stdout;
    let mut lines = screen.lines();
    assert!(
        lines
            .next()
            .is_some_and(|line| line.starts_with("2026-11-21T10:05:01.123456789Z"))
    );
    assert!(
        lines
            .next()
            .is_some_and(|line| line.contains("kernel.gpu.reset"))
    );
    assert_eq!(
        lines.next(),
        Some("seen: the newest 2 events, and more before them")
    );
}

/// Four events in three segments; two of them of another process.
#[test]
fn that_there_are_older_ones_is_said_only_where_it_is_known() {
    let mut directory = Directory::new("2026-11-21T07:30:00Z", Limits::default());
    directory.look(&[EXIT]);
    for (moment, pid) in [("07:30", 1), ("08:30", 2), ("09:30", 2), ("10:30", 1)] {
        directory.pass_to(&format!("2026-11-21T{moment}:00Z"));
        directory.put(
            EXIT,
            "error",
            serde_json::json!({"pid": pid, "exit_code": 1}),
        );
    }
    let said = |flags: &[&str]| {
        let interval = ["recent", "--since", "2026-11-21T07:00:00Z", "--until", TO];
        let screen = directory.ask(&[&interval[..], flags].concat()).stdout;
        let line = screen.lines().find(|line| line.starts_with("seen: "));
        line.expect("something was seen").to_owned()
    };
    assert_eq!(said(&["--pid", "1"]), "seen: 2 events");
    assert_eq!(
        said(&["--pid", "1", "--limit", "1"]),
        "seen: the newest event, and perhaps more before it"
    );
}

#[test]
fn an_event_that_does_not_say_whose_it_is_stands_against_not_seen() {
    let mut directory = Directory::new("2026-11-21T09:30:00Z", Limits::default());
    directory.look(&[EXIT]);
    let ask = |directory: &Directory, flags: &[&str]| {
        let to = "2026-11-21T10:30:00Z";
        directory.say(to);
        let interval = [
            "recent",
            "--type",
            "abnormal_exit",
            "--since",
            FROM,
            "--until",
            to,
        ];
        directory.ask(&[&interval[..], flags].concat())
    };
    ask(&directory, &["--pid", "7"]).expect_code(0);
    // A fold of a crash loop names its cgroup, and none of its processes.
    let fold = serde_json::json!({"summary": true, "count": 40, "cgroup_path": "/loop"});
    directory.pass_to("2026-11-21T10:00:00Z");
    directory.put(EXIT, "warning", fold);
    ask(&directory, &["--container", "77"]).expect_code(0);
    let said = ask(&directory, &["--pid", "7"]).expect_code(3).stdout;
    assert!(said.contains("1 event does not say whose it is"), "{said}");
    let why = directory.ask(&["why", "7"]).expect_code(3).stdout;
    assert!(why.contains("1 event does not say whose it is"), "{why}");
}

/// Any line that is no event can have been the one that is asked for.
#[test]
fn a_damaged_line_stands_against_not_seen() {
    let mut directory = Directory::new("2026-11-21T09:30:00Z", Limits::default());
    directory.look(&[EXIT]);
    directory.pass_to("2026-11-21T10:00:00Z");
    let death = serde_json::json!({"pid": 7, "exit_code": 1, "cgroup_path": "/loop"});
    directory.put(EXIT, "error", death);
    directory.pass_to("2026-11-21T11:30:00Z");
    directory.stop();
    assert_eq!(
        recent(&directory, &["--type", "abnormal_exit", "--pid", "9"]),
        (0, 0)
    );
    let segment = directory.path().join("2026-11-21T10.jsonl");
    let mut bytes = std::fs::read(&segment).expect("it is there");
    bytes[0] = b'!';
    std::fs::remove_file(&segment).expect("it is sealed, and ours");
    std::fs::write(&segment, bytes).expect("room");
    assert_eq!(
        recent(&directory, &["--type", "abnormal_exit", "--pid", "9"]),
        (3, 0)
    );
    let why = directory.ask(&["why", "9"]).expect_code(3).stdout;
    assert!(why.contains("1 line of evidence is damaged"), "{why}");
}

/// A cgroup whose name found no room, or which is told from another namespace.
#[test]
fn a_death_without_a_name_can_be_that_of_any_container() {
    let mut directory = Directory::new("2026-11-21T09:30:00Z", Limits::default());
    directory.look(&[EXIT, OOM]);
    directory.pass_to("2026-11-21T10:00:00Z");
    let death = serde_json::json!({"pid": 7, "signal": 9, "cgroup_id": 4711});
    directory.put(EXIT, "error", death);
    let why = directory.ask(&["why", "web"]).expect_code(3).stdout;
    assert!(why.contains("1 event does not say whose it is"), "{why}");
}

#[test]
fn programs_are_told_why_nothing_can_be_said() {
    let directory = morning();
    let arguments = [
        "recent",
        "--json",
        "--type",
        "cpu_stall",
        "--since",
        FROM,
        "--until",
        TO,
    ];
    let said = directory.ask(&arguments).expect_code(3);
    assert_eq!(said.stdout, "");
    let claim = said
        .stderr
        .strip_prefix("tapio: cannot say: ")
        .expect("the reason");
    let claim: serde_json::Value = serde_json::from_str(claim).expect("JSON");
    assert_eq!(claim["doubts"][0]["why"], "not looked for: no_pmu");
}

#[test]
fn what_was_covered_is_said_beside_what_was_not() {
    let mut directory = Directory::new("2026-11-21T09:30:00Z", Limits::default());
    directory.look(&[OOM, EXIT, REFUSED]);
    directory.pass_to("2026-11-21T11:30:00Z");
    directory.stop();
    let arguments = ["recent", "--since", FROM, "--until", TO];
    let said = directory.ask(&arguments).expect_code(3).stdout;
    let wanted = "not seen, fully covered: container, network.connection_refused\n";
    assert!(said.starts_with(wanted), "{said}");
    assert!(said.contains("\ncannot say of the rest:\n"), "{said}");
}

#[test]
fn not_seen_and_fully_covered_is_an_answer_and_not_looked_for_is_none() {
    let directory = morning();
    assert_eq!(
        recent(&directory, &["--type", "oom_kill", "--pid", "1"]),
        (0, 0)
    );
    assert_eq!(recent(&directory, &["--type", "cpu_stall"]), (3, 0));
    assert_eq!(recent(&directory, &["--type", "kernel.gpu.hang"]), (3, 0));
    assert_eq!(
        recent(&directory, &["--observer", "network", "--pid", "1"]),
        (3, 0)
    );
}

#[test]
fn the_answer_depends_on_when_somebody_looked() {
    let directory = morning();
    let code = |since: &str, until: &str| {
        let arguments = [
            "recent", "--type", "oom_kill", "--since", since, "--until", until,
        ];
        directory.ask(&arguments).status.code()
    };
    assert_eq!(
        code("2026-11-21T09:30:00Z", "2026-11-21T10:00:00Z"),
        Some(0)
    );
    assert_eq!(
        code("2026-11-21T09:29:59Z", "2026-11-21T10:00:00Z"),
        Some(3)
    );
    assert_eq!(
        code("2026-11-21T11:00:00Z", "2026-11-21T11:29:59Z"),
        Some(0)
    );
    assert_eq!(
        code("2026-11-21T11:00:00Z", "2026-11-21T11:30:00Z"),
        Some(3)
    );
}

#[test]
fn a_run_that_ended_without_a_stop_vouches_up_to_its_word() {
    let mut directory = Directory::new("2026-11-21T09:30:00Z", Limits::default());
    directory.look(&[OOM, EXIT, REFUSED]);
    directory.say("2026-11-21T10:00:00Z");
    let ask = |until: &str| {
        let since = "2026-11-21T09:30:00Z";
        directory.ask(&[
            "recent", "--type", "oom_kill", "--since", since, "--until", until,
        ])
    };
    ask("2026-11-21T10:00:00Z").expect_code(0);
    let screen = ask("2026-11-21T10:00:01Z").expect_code(3).stdout;
    assert!(
        screen.contains("the agent ended without saying so"),
        "{screen}"
    );
}

#[test]
fn no_directory_is_one_line_that_says_where_it_was_looked_for() {
    let folder = TestFolder::new();
    let missing = folder.join("evidence");
    let finished = TestCommand::new(Program::Cli)
        .args(["recent"])
        .env("TAPIO_DATA_DIR", missing.to_str().expect("UTF-8"))
        .run()
        .expect_code(1);
    let said = finished.refusal();
    assert!(said.contains(missing.to_str().expect("UTF-8")), "{said}");
    assert!(
        said.ends_with("--data-dir or TAPIO_DATA_DIR says where it is"),
        "{said}"
    );
}

#[test]
fn a_wrong_command_line_is_exit_code_two_and_one_line() {
    let directory = morning();
    let finished = directory.ask(&["recent", "--since", "soon"]).expect_code(2);
    assert!(
        finished
            .refusal()
            .starts_with("tapio: --since: \"soon\" is not a time ago")
    );
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let directory = morning();
    let mut child = std::process::Command::new(Program::Cli.path())
        .args(["export", "--since", FROM, "--until", TO, "--data-dir"])
        .arg(directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let left = child.wait_with_output().expect("it ends");
    assert_eq!((left.status.code(), left.stderr.len()), (Some(0), 0));
}

#[test]
fn nothing_a_program_calls_itself_reaches_the_terminal_as_control() {
    let directory = morning();
    for command in [
        &["recent", "--since", FROM][..],
        &["recent", "--since", FROM, "--width", "160"],
        &["why", "900"],
    ] {
        let screen = directory.ask(command).stdout;
        let is_control = |char: char| char != '\n' && (char.is_control() || char == '\u{202e}');
        assert!(!screen.contains(is_control), "{screen:?}");
        assert!(screen.contains("ev\\u{1b}[2Jil\\n"), "{screen}");
    }
}

#[test]
fn export_gives_the_lines_as_they_are_or_rows() {
    let directory = morning();
    let export = |format| {
        let arguments = ["export", "--format", format, "--since", FROM, "--until", TO];
        directory.ask(&arguments).expect_code(0).stdout
    };
    let read =
        |file: &str| std::fs::read_to_string(directory.path().join(file)).expect("a segment");
    assert_eq!(
        export("jsonl"),
        read("2026-11-21T09.jsonl") + &read("2026-11-21T10.jsonl")
    );
    let rows = export("csv");
    assert!(rows.starts_with("timestamp,type,severity,pid,comm,container_id,"));
    assert!(rows.contains(
        "\n2026-11-21T10:05:01.119000000Z,kernel.container.oom_kill,critical,812,worker,3f1c9a"
    ));
}

#[test]
fn health_counts_the_last_day_by_type() {
    let mut directory = Directory::new("2026-11-21T00:00:00Z", Limits::default());
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    let now = tapio_common::time::Timestamp(u64::try_from(now.as_nanos()).expect("before 2554"));
    directory.pass_to(&now.to_string());
    for pid in 0..3 {
        directory.put(
            EXIT,
            "warning",
            serde_json::json!({"pid": pid, "comm": "sh", "exit_code": 1}),
        );
    }
    let screen = directory.ask(&["health"]).expect_code(0).stdout;
    assert!(screen.contains("\ncontainer.abnormal_exit "), "{screen}");
    assert!(
        screen.contains("| up to 3 an hour, most: sh (3)\n"),
        "{screen}"
    );
    assert!(
        screen.contains("seen: 3 events in the last 24 hours"),
        "{screen}"
    );
}

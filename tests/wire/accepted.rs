//! `--accepted`: what was answered 200 is in the controller's own copy, once, before the answer.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tapio_tests::controller::TestController;
use tapio_tests::deadline::{SOON, wait_until};
use tapio_tests::folder::TestFolder;
use tapio_tests::http::Request;
use tapio_tests::payload;

use crate::refusal::{self, INTERNAL};

/// Every line, parsed; the file must end with one that is whole.
#[track_caller]
fn lines(text: &str) -> Vec<Value> {
    assert!(
        text.is_empty() || text.ends_with('\n'),
        "a torn line at the end"
    );
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}")))
        .collect()
}

fn start() -> (TestController, std::path::PathBuf) {
    let folder = TestFolder::new();
    let path = folder.join("accepted.jsonl");
    let name = path.to_str().expect("a plain path").to_owned();
    (
        TestController::start_in(folder, &["--accepted", &name]),
        path,
    )
}

/// A controller whose copy is this file, which outlives it.
fn start_on(path: &Path) -> TestController {
    let name = path.to_str().expect("a plain path");
    TestController::start(&["--accepted", name])
}

fn read(path: &Path) -> Vec<Value> {
    lines(&fs::read_to_string(path).expect("the file is there"))
}

#[test]
fn every_accepted_event_is_a_line_by_the_time_of_the_answer() {
    let (controller, path) = start();
    for sequence in 1..=20 {
        let batch = payload::batch("a", sequence, 3);
        controller.post(payload::EVENTS, &batch).ok();
        let written = read(&path);
        assert_eq!(written.len() as u64, sequence * 3);
        for (line, event) in written
            .iter()
            .rev()
            .zip(batch["events"].as_array().expect("a list").iter().rev())
        {
            assert_eq!(
                (&line["agent_id"], &line["sequence"]),
                (&"a".into(), &sequence.into())
            );
            for field in [
                "type",
                "timestamp_unix_nanos",
                "observer",
                "severity",
                "facts",
                "id",
            ] {
                assert_eq!(line[field], event[field], "{field}");
            }
        }
    }
}

#[test]
fn facts_are_written_as_they_came() {
    let (controller, path) = start();
    let text = payload::batch("a", 1, 1).to_string();
    let odd =
        r#""exit_code":1.50, "big":123456789012345678901234567890, "esc":"\u001b[2J\n\u2028é""#;
    let body = text.replace("\"exit_code\":1", odd);
    assert_ne!(body, text);
    controller.send(&Request::post(payload::EVENTS, body)).ok();
    let written = fs::read_to_string(&path).expect("the file is there");
    assert!(
        written.contains("123456789012345678901234567890"),
        "a number was bent: {written}"
    );
    let facts = &lines(&written)[0]["facts"];
    assert_eq!(facts["esc"], "\u{1b}[2J\n\u{2028}é");
    assert!(
        !written.trim_end().chars().any(char::is_control),
        "a control character in the file"
    );
}

#[test]
fn refused_batches_and_duplicates_leave_no_line() {
    let (controller, path) = start();
    let batch = Request::post_json(payload::EVENTS, &payload::batch("a", 1, 2));
    controller.send(&batch).ok();
    controller.send(&batch).ok();
    let mut refused = payload::batch("a", 2, 3);
    refused["events"][2]["facts"] = json!({"reasoning": 1});
    assert_eq!(controller.post(payload::EVENTS, &refused).status, 422);
    controller
        .post(payload::HEARTBEAT, &payload::heartbeat("a"))
        .ok();
    assert_eq!(read(&path).len(), 2);
}

#[test]
fn a_file_that_is_there_already_is_added_to() {
    let folder = TestFolder::new();
    let path = folder.write("accepted.jsonl", "{\"before\":true}\n");
    let name = path.to_str().expect("a plain path").to_owned();
    let controller = TestController::start_in(folder, &["--accepted", &name]);
    controller
        .post(payload::EVENTS, &payload::batch("a", 1, 1))
        .ok();
    let written = read(&path);
    assert_eq!((written.len(), &written[0]["before"]), (2, &true.into()));
}

#[test]
fn a_torn_line_of_a_run_before_does_not_spoil_the_next() {
    // Of ours, half a line is worth nothing; what somebody else left is not ours to cut.
    for (torn, kept) in [("{\"agent_id\":\"cut", ""), ("{\"cut\":", "{\"cut\":\n")] {
        let folder = TestFolder::new();
        let path = folder.write("accepted.jsonl", format!("{{\"before\":true}}\n{torn}"));
        let name = path.to_str().expect("a plain path").to_owned();
        let controller = TestController::start_in(folder, &["--accepted", &name]);
        controller
            .post(payload::EVENTS, &payload::batch("a", 1, 1))
            .ok();
        let text = fs::read_to_string(&path).expect("the file is there");
        let rest = text.strip_prefix(&format!("{{\"before\":true}}\n{kept}"));
        let rest = rest.unwrap_or_else(|| panic!("after {torn:?}: {text}"));
        assert_eq!(lines(rest)[0]["agent_id"], "a", "after {torn:?}");
    }
}

#[test]
fn a_dash_is_stdout_and_nothing_else_goes_there() {
    let controller = TestController::start(&["--accepted", "-", "--log-level", "debug"]);
    controller
        .post(payload::EVENTS, &payload::batch("a", 1, 4))
        .ok();
    assert_eq!(lines(&controller.stdout()).len(), 4);
}

#[test]
fn many_agents_at_once_tear_no_line() {
    let (controller, path) = start();
    std::thread::scope(|scope| {
        for agent in 0..8 {
            let controller = &controller;
            scope.spawn(move || {
                let mut connection = controller.connect();
                for sequence in 1..=25 {
                    let batch = payload::batch(&format!("agent-{agent}"), sequence, 20);
                    connection
                        .send(&Request::post_json(payload::EVENTS, &batch))
                        .expect("an answer")
                        .ok();
                }
            });
        }
    });
    let mut counts: BTreeMap<(String, u64), usize> = BTreeMap::new();
    for line in read(&path) {
        let agent = line["agent_id"].as_str().expect("text").to_owned();
        *counts
            .entry((agent, line["sequence"].as_u64().expect("a number")))
            .or_default() += 1;
    }
    assert_eq!(counts.len(), 8 * 25);
    assert!(counts.values().all(|count| *count == 20), "{counts:?}");
}

#[test]
fn a_device_without_room_is_an_error_and_not_a_silent_loss() {
    let controller = TestController::start(&["--accepted", "/dev/full"]);
    controller.post(payload::HELLO, &payload::hello("a")).ok();
    for _ in 0..3 {
        let answer = controller.post(payload::EVENTS, &payload::batch("a", 1, 2));
        refusal::expect(&answer, INTERNAL, "");
    }
    let totals = &controller.status()["totals"];
    assert_eq!(
        (
            &totals["accepted_events_total"],
            &totals["batches_accepted_total"]
        ),
        (&0.into(), &0.into())
    );
    assert_eq!(controller.agent("a")["sequence"]["last_seen"], Value::Null);
    wait_until("the failure to be told", SOON, || {
        controller.stderr().contains("/dev/full")
    });
}

/// A small file system of the test's own. Needs root, as the kernel tests do.
struct SmallDisk {
    folder: TestFolder,
}

impl SmallDisk {
    fn mount() -> Self {
        let folder = TestFolder::new();
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=128k", "tapio-test"])
            .arg(folder.path())
            .status()
            .expect("mount starts");
        assert!(status.success(), "mounting a small file system needs root");
        Self { folder }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount")
            .arg("--lazy")
            .arg(self.folder.path())
            .status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("left mounted: {}", self.folder.path().display());
        }
    }
}

#[test]
fn a_full_disk_is_refused_and_recovered_from_without_loss_or_double() {
    let disk = SmallDisk::mount();
    let path = disk.folder.join("accepted.jsonl");
    disk.folder.write("ballast", vec![b'x'; 90_000]);
    let controller = TestController::start(&["--accepted", path.to_str().expect("a plain path")]);
    controller.post(payload::HELLO, &payload::hello("a")).ok();
    let send = |sequence| controller.post(payload::EVENTS, &payload::batch("a", sequence, 10));
    let mut sequence = 1;
    while send(sequence).status == 200 {
        sequence += 1;
        assert!(sequence < 1_000, "the disk never fills");
    }
    let first_refused = sequence;
    refusal::expect(&send(first_refused), INTERNAL, "");
    assert_eq!(
        read(&path).len() as u64,
        (first_refused - 1) * 10,
        "a part of a refused batch was kept"
    );
    fs::remove_file(disk.folder.join("ballast")).expect("the ballast");
    for sequence in first_refused..first_refused + 5 {
        send(sequence).ok();
    }
    let mut told: Vec<u64> = read(&path)
        .iter()
        .filter_map(|line| line["sequence"].as_u64())
        .collect();
    assert_eq!(told.len() as u64, (first_refused + 4) * 10);
    told.dedup();
    assert_eq!(told, (1..first_refused + 5).collect::<Vec<u64>>());
    let sequence = &controller.agent("a")["sequence"];
    assert_eq!(
        (&sequence["gaps_total"], &sequence["regressions_total"]),
        (&0.into(), &0.into())
    );
}

#[test]
fn a_batch_is_in_the_copy_once_though_the_controller_was_killed_before_its_answer_arrived() {
    let folder = TestFolder::new();
    let path = folder.join("accepted.jsonl");
    let batches = [("a", 7), ("b", 1)].map(|(id, sequence)| payload::batch(id, sequence, 3));
    let controller = start_on(&path);
    for batch in &batches {
        controller.post(payload::EVENTS, batch).ok();
    }
    drop(controller);
    let whole = fs::read(&path).expect("the file is there");
    for torn_at in [
        whole.len(),
        whole.len() - 1,
        whole.len() - 500,
        whole.len() / 2 + 1,
    ] {
        fs::write(&path, &whole[..torn_at]).expect("it is ours");
        let controller = start_on(&path);
        // As agents come back: in any order, each with the batch it has no answer to.
        for batch in batches.iter().rev() {
            let answer = controller.post(payload::EVENTS, batch).ok();
            assert_eq!(
                (&answer["accepted"], &answer["rejected"]),
                (&3.into(), &0.into())
            );
        }
        assert_eq!(
            fs::read(&path).expect("the file is there"),
            whole,
            "torn at {torn_at}"
        );
        controller
            .post(payload::EVENTS, &payload::batch("a", 8, 2))
            .ok();
        assert_eq!(read(&path).len(), 8);
        assert_eq!(controller.status()["totals"]["accepted_events_total"], 8);
    }
}

#[test]
fn a_batch_is_in_the_copy_once_though_two_kills_cut_it_and_others_wrote_in_between() {
    let folder = TestFolder::new();
    let path = folder.join("accepted.jsonl");
    let batch = payload::batch("a", 7, 3);
    start_on(&path).post(payload::EVENTS, &batch).ok();
    let whole = fs::read(&path).expect("the file is there");
    let line = whole
        .iter()
        .position(|byte| *byte == b'\n')
        .expect("a line")
        + 1;
    fs::write(&path, &whole[..line + 9]).expect("it is ours");
    let controller = start_on(&path);
    for batch in [&payload::batch("b", 1, 2), &batch] {
        controller.post(payload::EVENTS, batch).ok();
    }
    drop(controller);
    assert_eq!(read(&path).len(), 5);
    let controller = start_on(&path);
    assert_eq!(controller.post(payload::EVENTS, &batch).ok()["accepted"], 3);
    assert_eq!(read(&path).len(), 5, "a line twice");
}

#[test]
fn a_copy_that_was_rotated_and_removed_is_let_go() {
    let folder = TestFolder::new();
    let path = folder.join("accepted.jsonl");
    start_on(&path)
        .post(payload::EVENTS, &payload::batch("gone", 1, 1))
        .ok();
    let controller = start_on(&path);
    fs::remove_file(&path).expect("it is ours");
    controller.signal(libc::SIGHUP);
    wait_until("the removed file to be let go", SOON, || {
        let files = fs::read_dir(format!("/proc/{}/fd", controller.pid())).expect("its files");
        let mut held = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
        path.exists() && !held.any(|target| target.to_string_lossy().contains("(deleted)"))
    });
}

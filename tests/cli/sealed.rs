//! `tapio verify` against what can be done to a directory, by files.

use std::fs;
use std::path::PathBuf;

use sha2::{Digest, Sha256};
use tapio_common::evidence::Limits;

use crate::directory::{Directory, EXIT};

/// Five sealed segments of one event each, and an open one.
fn sealed() -> Directory {
    let mut directory = Directory::new("2026-11-21T00:10:00Z", Limits::default());
    for hour in 0..6 {
        directory.pass_to(&format!("2026-11-21T{hour:02}:10:00Z"));
        directory.put(EXIT, "warning", serde_json::json!({"pid": hour}));
    }
    directory
}

fn file(directory: &Directory, name: &str) -> PathBuf {
    directory.path().join(name)
}

fn head(directory: &Directory) -> String {
    let seal = fs::read(file(directory, "2026-11-21T04.seal")).expect("the newest seal");
    Sha256::digest(seal)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn rewrite(directory: &Directory, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let path = file(directory, name);
    let mut bytes = fs::read(&path).expect("it is there");
    change(&mut bytes);
    fs::remove_file(&path).expect("it is there");
    fs::write(&path, bytes).expect("a new file");
}

#[test]
fn a_whole_directory_is_whole_and_the_head_is_found() {
    let directory = sealed();
    let without = directory.ask(&["verify"]).expect_code(0).stdout;
    assert!(
        without.ends_with(
            "without --head or --controller it cannot be told whether the tail was cut\n"
        )
    );
    let with = directory
        .ask(&["verify", "--head", &head(&directory)])
        .expect_code(0)
        .stdout;
    assert!(
        with.ends_with("the head given is the newest seal\n"),
        "{with}"
    );
}

type Deed = fn(&Directory);

#[test]
fn whatever_is_done_is_named_with_its_file_and_exit_code_one() {
    let deeds: [(Deed, &str); 5] = [
        (
            |dir| rewrite(dir, "2026-11-21T01.jsonl", |bytes| bytes[9] ^= 1),
            "2026-11-21T01.jsonl is not what was sealed",
        ),
        (
            |dir| rewrite(dir, "2026-11-21T01.jsonl", Vec::clear),
            "1 events in",
        ),
        (
            |dir| fs::remove_file(file(dir, "2026-11-21T02.jsonl")).expect("there"),
            "2026-11-21T02.jsonl is missing",
        ),
        (
            |dir| {
                fs::remove_file(file(dir, "2026-11-21T02.jsonl")).expect("there");
                fs::remove_file(file(dir, "2026-11-21T02.seal")).expect("there");
            },
            "2026-11-21T03.seal follows a seal that is not here",
        ),
        (
            |dir| {
                rewrite(dir, "2026-11-21T03.seal", |bytes| {
                    bytes.retain(|byte| *byte != b'0')
                })
            },
            "2026-11-21T03.seal is no seal",
        ),
    ];
    for (deed, wanted) in deeds {
        let directory = sealed();
        deed(&directory);
        let screen = directory.ask(&["verify"]).expect_code(1).stdout;
        assert!(screen.starts_with("broken:\n"), "{screen}");
        assert!(screen.contains(wanted), "{wanted}: {screen}");
    }
}

#[test]
fn a_head_from_two_sides_is_refused() {
    let directory = sealed();
    let head = head(&directory);
    let arguments = [
        "verify",
        "--head",
        &head,
        "--controller",
        "http://127.0.0.1:9",
    ];
    let refused = directory.ask(&arguments).expect_code(2);
    assert_eq!(
        refused.refusal(),
        "tapio: give --controller or --head, not both"
    );
}

#[test]
fn a_cut_tail_is_told_with_the_head_and_said_to_be_untold_without() {
    let directory = sealed();
    let head = head(&directory);
    for name in [
        "2026-11-21T04.jsonl",
        "2026-11-21T04.seal",
        "2026-11-21T05.jsonl",
    ] {
        fs::remove_file(file(&directory, name)).expect("there");
    }
    let without = directory.ask(&["verify"]).expect_code(0).stdout;
    assert!(
        without.ends_with(
            "without --head or --controller it cannot be told whether the tail was cut\n"
        )
    );
    let with = directory
        .ask(&["verify", "--head", &head])
        .expect_code(1)
        .stdout;
    let told = with.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        told.contains("the tail after 2026-11-21T03.seal was cut"),
        "{with}"
    );
    let json = directory
        .ask(&["verify", "--json", "--head", &head])
        .expect_code(1)
        .stdout;
    let answer: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (answer["whole"].as_bool(), answer["segments"].as_u64()),
        (Some(false), Some(4))
    );
}

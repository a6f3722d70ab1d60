//! The files for whoever writes another agent, held against the controller itself.
//!
//! Every body in `tests/data/wire` goes over the socket as it lies there, every profile in
//! `tests/data/profile` through `compile`. What the files promise, the controller does.

use std::fs;
use std::path::{Path, PathBuf};

use tapio_tests::command::TestCommand;
use tapio_tests::controller::TestController;
use tapio_tests::http::Request;
use tapio_tests::payload;
use tapio_tests::program::Program;
use tapio_tests::repository;

use crate::refusal::{self, Refusal};

/// The folders whose files are requests, and where each of them goes.
const REQUESTS: [(&str, &str); 3] = [
    ("hello", payload::HELLO),
    ("heartbeat", payload::HEARTBEAT),
    ("events", payload::EVENTS),
];

pub fn data(path: &str) -> PathBuf {
    repository::top().join("tests/data").join(path)
}

pub fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a folder with this ending, sorted; a folder that is not there has none.
pub fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    found.sort();
    found
}

/// The rows of a table in tabs, its comment left out.
fn rows(path: &str) -> Vec<Vec<String>> {
    let text = String::from_utf8(read(&data(path))).expect("a table is text");
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

fn refusal_of(row: &[String]) -> Refusal {
    refusal::ALL
        .into_iter()
        .find(|known| known.status.to_string() == row[1] && known.code == row[2])
        .unwrap_or_else(|| panic!("no such refusal: {row:?}"))
}

#[test]
fn every_good_and_every_tolerated_request_is_taken() {
    let controller = TestController::start(&[]);
    let mut taken = 0;
    for (folder, target) in REQUESTS {
        for kind in ["good", "tolerated"] {
            for path in files(&data(&format!("wire/{kind}/{folder}")), ".json") {
                let answer = controller.send(&Request::post(target, read(&path)));
                assert_eq!(answer.status, 200, "{}: {}", path.display(), answer.text());
                taken += 1;
            }
        }
    }
    assert!(taken >= 20, "only {taken} files were found");
}

#[test]
fn every_bad_request_is_refused_as_its_row_says() {
    let controller = TestController::start(&[]);
    let mut refused = 0;
    for row in rows("wire/bad/expected.tsv") {
        let (folder, name) = row[0].split_once('/').expect("a file in a folder");
        let Some((_, target)) = REQUESTS.iter().find(|(known, _)| *known == folder) else {
            continue; // a response: what an agent has to refuse
        };
        let body = read(&data("wire/bad").join(folder).join(name));
        let answer = controller.send(&Request::post(target, body));
        eprintln!("{}", row[0]);
        refusal::expect(&answer, refusal_of(&row), &row[3]);
        refused += 1;
    }
    assert!(refused >= 100, "only {refused} rows were found");
    assert_eq!(
        controller.status()["agents"],
        serde_json::json!([]),
        "a refused body left a trace"
    );
}

#[test]
fn every_bad_file_has_its_row() {
    let rows = rows("wire/bad/expected.tsv");
    for (folder, _) in REQUESTS {
        for path in files(&data("wire/bad").join(folder), "") {
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            let wanted = format!("{folder}/{name}");
            assert!(
                rows.iter().any(|row| row[0] == wanted),
                "{wanted} has no row"
            );
        }
    }
}

#[test]
fn every_query_is_taken_or_refused_as_its_row_says() {
    let controller = TestController::start(&[]);
    for row in rows("wire/query/good.tsv") {
        let answer = controller.get(&format!("{}?{}", payload::CONFIG, row[0]));
        assert_eq!(answer.status, 200, "{}: {}", row[0], answer.text());
    }
    for row in rows("wire/query/bad.tsv") {
        eprintln!("{}", row[0]);
        let answer = controller.get(&format!("{}?{}", payload::CONFIG, row[0]));
        refusal::expect(&answer, refusal_of(&row), &row[3]);
    }
}

#[test]
fn the_answers_are_those_of_the_files_to_the_byte() {
    let controller = TestController::start(&["--controller-id", "controller-1"]);
    let config = controller.get(&format!("{}?agent_id=a&node_name=n", payload::CONFIG));
    let golden = read(&data("wire/good/config-response/production-default.json"));
    assert_eq!(config.text(), String::from_utf8_lossy(&golden).trim_end());
}

#[test]
fn every_good_profile_compiles_to_its_bytes() {
    let profiles = files(&data("profile/good"), ".yaml");
    assert!(
        profiles.len() >= 8,
        "only {} profiles were found",
        profiles.len()
    );
    for path in profiles {
        let done = TestCommand::new(Program::Controller)
            .args(["compile".as_ref(), path.as_os_str()])
            .run()
            .expect_code(0);
        let golden = read(&path.with_extension("json"));
        let golden = String::from_utf8_lossy(&golden).into_owned();
        assert_eq!(
            done.stdout.trim_end(),
            golden.trim_end(),
            "{}",
            path.display()
        );
    }
}

#[test]
fn every_bad_profile_is_refused_with_the_words_of_its_first_line() {
    let profiles = files(&data("profile/bad"), ".yaml");
    assert!(
        profiles.len() >= 20,
        "only {} profiles were found",
        profiles.len()
    );
    for path in profiles {
        let text = String::from_utf8_lossy(&read(&path)).into_owned();
        let wanted = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# error: "));
        let wanted = wanted.unwrap_or_else(|| panic!("{} says no error", path.display()));
        let done = TestCommand::new(Program::Controller)
            .args(["compile".as_ref(), path.as_os_str()])
            .run()
            .expect_code(1);
        assert!(
            done.refusal().contains(wanted),
            "{}: {:?}",
            path.display(),
            done.stderr
        );
    }
}

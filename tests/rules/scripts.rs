//! Scripts that start, that shellcheck has no word against, and that stay short.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use tapio_tests::repository::{self, Tracked, tracked};

const LINES_MAX: usize = 300;

fn scripts() -> Vec<Tracked> {
    let scripts: Vec<Tracked> = tracked()
        .into_iter()
        .filter(|file| file.path.starts_with("scripts/") || file.path == ".ci/run" || file.is("sh"))
        // JSON has no comments to say anything with.
        .filter(|file| !file.is("json"))
        .collect();
    assert!(!scripts.is_empty(), "there are no scripts");
    scripts
}

fn is_shell(text: &str) -> bool {
    text.lines()
        .next()
        .is_some_and(|line| line.starts_with("#!") && line.contains("sh"))
}

#[test]
fn every_script_can_be_started_and_says_what_it_is() {
    for script in scripts() {
        let text = script.text().expect("a script is text");
        let is_part = !text.starts_with("#!");
        let mode = script
            .on_disk()
            .metadata()
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(
            mode & 0o111 != 0,
            !is_part,
            "{}: started or sourced?",
            script.path
        );
        let comment = text.lines().find(|line| line.starts_with("# "));
        assert!(comment.is_some(), "{} does not say what it is", script.path);
    }
}

#[test]
fn no_script_is_a_program_in_disguise() {
    for script in scripts() {
        let lines = script.text().expect("a script is text").lines().count();
        assert!(lines <= LINES_MAX, "{}: {lines} lines", script.path);
    }
}

#[test]
fn shellcheck_has_no_word_against_any() {
    let shell: Vec<Tracked> = scripts()
        .into_iter()
        .filter(|script| script.text().is_some_and(|text| is_shell(&text)))
        .collect();
    let output = Command::new("shellcheck")
        .arg("-x")
        .args(shell.iter().map(|script| &script.path))
        .current_dir(repository::top())
        .output()
        .expect("shellcheck is installed; scripts/setup does it");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[test]
fn an_unset_variable_does_not_go_unnoticed() {
    for script in scripts().iter().filter(|script| script.path != ".ci/run") {
        let text = script.text().expect("a script is text");
        if is_shell(&text) {
            assert!(
                text.lines()
                    .any(|line| line.starts_with("set -") && line.contains('u')),
                "{}: no set -u",
                script.path
            );
        }
    }
}

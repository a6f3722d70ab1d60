//! `scripts/install` and `scripts/uninstall`: everything where it belongs, and nothing left.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use tapio_tests::folder::TestFolder;

use crate::{dist, said};

fn tree(at: &Path) -> BTreeSet<String> {
    let output = Command::new("find").arg(at).output().expect("find");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| line.replacen(&at.display().to_string(), "", 1))
        .collect()
}

#[test]
fn what_is_installed_is_taken_away_again_and_nothing_else() {
    let root = TestFolder::new();
    fs::create_dir_all(root.join("usr/local/bin")).expect("a folder");
    root.write("usr/local/bin/somebody-elses", "");
    let before = tree(root.path());
    let run = |script: &Path| {
        let mut command = Command::new(script);
        let output = command
            .arg("--root")
            .arg(root.path())
            .output()
            .expect("it starts");
        assert!(output.status.success(), "{}", said(&output));
    };
    // Twice: the second time replaces, and must not forget what the first has made.
    run(&dist().join("install"));
    run(&dist().join("install"));
    let installed = tree(root.path());
    for path in [
        "/usr/local/bin/tapio",
        "/usr/local/bin/tapio-agent",
        "/usr/local/share/man/man1/tapio-controller.1",
        "/etc/systemd/system/tapio-agent.service",
    ] {
        assert!(installed.contains(path), "{path} is not in {installed:?}");
    }
    run(&root.join("usr/local/share/tapio/uninstall"));
    assert_eq!(tree(root.path()), before);
}

#[test]
fn a_folder_that_was_changed_is_refused() {
    let copy = TestFolder::new();
    let from = copy.join("dist");
    let copied = Command::new("cp").arg("-r").arg(dist()).arg(&from).status();
    assert!(copied.is_ok_and(|status| status.success()));
    fs::write(from.join("tapio"), "something else").expect("it is ours");
    let root = copy.join("root");
    let mut command = Command::new(from.join("install"));
    let output = command
        .arg("--root")
        .arg(&root)
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("is not what was built"),
        "{}",
        said(&output)
    );
    assert!(!root.exists());
}

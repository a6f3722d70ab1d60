//! `scripts/install` and `scripts/uninstall`: everything where it belongs, and nothing left.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tapio_tests::folder::TestFolder;

use crate::{dist, said};

fn tree(at: &Path) -> BTreeSet<String> {
    let output = Command::new("find").arg(at).output().expect("find");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| line.replacen(&at.display().to_string(), "", 1))
        .collect()
}

fn run(script: &Path, root: &Path) -> Output {
    let mut command = Command::new(script);
    command.arg("--root").arg(root).output().expect("it starts")
}

#[track_caller]
fn succeeds(script: &Path, root: &Path) {
    let output = run(script, root);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn what_is_installed_is_taken_away_again_and_nothing_else() {
    let root = TestFolder::new();
    fs::create_dir_all(root.join("usr/local/bin")).expect("a folder");
    root.write("usr/local/bin/somebody-elses", "");
    let before = tree(root.path());
    // Twice: the second time replaces, and must not forget what the first has made.
    succeeds(&dist().join("install"), root.path());
    succeeds(&dist().join("install"), root.path());
    let installed = tree(root.path());
    for path in [
        "/usr/local/bin/tapio",
        "/usr/local/bin/tapio-agent",
        "/usr/local/share/man/man8/tapio-controller.8",
        "/etc/systemd/system/tapio-agent.service",
    ] {
        assert!(installed.contains(path), "{path} is not in {installed:?}");
    }
    succeeds(&root.join("usr/local/share/tapio/uninstall"), root.path());
    assert_eq!(tree(root.path()), before);
}

/// Something is in the way of the last file: what was put there before it is noted, and goes again.
#[test]
fn half_an_installation_is_taken_away_too() {
    let folder = TestFolder::new();
    // Nobody has made this root yet.
    let root = folder.join("root");
    let in_the_way = root.join("etc/systemd/system/tapio-controller.service.new/file");
    fs::create_dir_all(&in_the_way).expect("a folder");
    let before = tree(&root);
    let output = run(&dist().join("install"), &root);
    assert!(!output.status.success(), "{}", said(&output));
    assert!(root.join("usr/local/bin/tapio").exists());
    succeeds(&root.join("usr/local/share/tapio/uninstall"), &root);
    assert_eq!(tree(&root), before);
}

#[test]
fn a_root_that_is_not_there_yet_is_made() {
    let folder = TestFolder::new();
    let root = folder.join("root");
    succeeds(&dist().join("install"), &root);
    assert!(root.join("usr/local/bin/tapio").exists());
    succeeds(&root.join("usr/local/share/tapio/uninstall"), &root);
    let left: Vec<_> = fs::read_dir(&root).expect("the root").collect();
    assert!(left.is_empty(), "{left:?}");
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

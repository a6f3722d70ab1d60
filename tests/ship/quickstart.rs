//! `scripts/quickstart` to its end, and where it cannot run: then it says what is missing before it
//! touches anything.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::process::Command;

use tapio_tests::folder::TestFolder;
use tapio_tests::repository;

use crate::{dist, said};

const NOBODY: u32 = 65_534;

/// A copy that anybody may start, and with nothing beside it that it could build.
fn copy(folder: &TestFolder) -> String {
    let script = folder.join("scripts/quickstart");
    fs::create_dir_all(folder.join("scripts")).expect("a folder");
    fs::copy(repository::top().join("scripts/quickstart"), &script).expect("it is there");
    for path in [folder.path(), &folder.join("scripts"), &script] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
    script.display().to_string()
}

#[track_caller]
fn refuses(mut command: Command, why: &str, not_why: &str) {
    let output = command.output().expect("it starts");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(why) && !said.contains(not_why), "{said}");
}

/// The programs that ship, except that the agent looks at the network alone.
fn an_agent_that_sees_no_death(folder: &TestFolder) {
    for program in ["tapio", "tapio-controller"] {
        symlink(dist().join(program), folder.join(program)).expect("a new link");
    }
    let shipped = dist().join("tapio-agent").display().to_string();
    let script = format!("#!/bin/sh\nexec {shipped} \"$@\" --observers network\n");
    let agent = folder.write("tapio-agent", script);
    fs::set_permissions(agent, fs::Permissions::from_mode(0o755)).expect("it is ours");
}

#[test]
fn a_failure_nothing_was_told_of_is_not_passed_over() {
    let folder = TestFolder::new();
    an_agent_that_sees_no_death(&folder);
    let mut command = Command::new(repository::top().join("scripts/quickstart"));
    command.env("TAPIO_BIN_DIR", folder.path());
    refuses(command, "failures nothing was told", "signal 11");
}

#[test]
fn without_root_it_says_so() {
    let folder = TestFolder::new();
    let mut command = Command::new(copy(&folder));
    command.uid(NOBODY).gid(NOBODY).current_dir("/");
    refuses(command, "not root", "does not show its types");
}

#[test]
fn without_the_kernels_types_it_says_so() {
    let folder = TestFolder::new();
    let hide = "mount -t tmpfs none /sys/kernel/btf && exec \"$0\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation=private", "sh", "-c", hide]);
    command.arg(copy(&folder));
    refuses(command, "no /sys/kernel/btf/vmlinux", "not root");
}

/// With the programs that ship, and without building any.
#[test]
fn it_ends_with_what_the_kernel_said() {
    let mut command = Command::new(repository::top().join("scripts/quickstart"));
    let output = command.env("TAPIO_BIN_DIR", dist()).output();
    let output = output.expect("it starts");
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    for word in ["signal 11 (SEGV)", "signal 9 (KILL) from bash", "1 agent,"] {
        assert!(said.contains(word), "{said}");
    }
    assert!(!said.contains("no events accepted"), "{said}");
}

//! Who may import whom, and what may come from outside.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use tapio_tests::packages::{Package, Packages};
use tapio_tests::repository::{self, tracked};

/// One crate's allowances: of ours, and from outside.
struct Allowed {
    name: &'static str,
    ours: &'static [&'static str],
    outside: &'static [&'static str],
}

const fn allowed(
    name: &'static str,
    ours: &'static [&'static str],
    outside: &'static [&'static str],
) -> Allowed {
    Allowed {
        name,
        ours,
        outside,
    }
}

/// The arrows and the list of the design. `tapio-tests` sees everything from outside and is no
/// part of what ships.
const ALLOWED: [Allowed; 7] = [
    // The command line of all three programs is one, and lexopt is what it splits with.
    allowed(
        "tapio-common",
        &[],
        &["serde", "serde_json", "sha2", "lexopt"],
    ),
    allowed(
        "tapio-wire",
        &["tapio-common"],
        &["serde", "serde_json", "sha2"],
    ),
    allowed("tapio-profile", &["tapio-wire"], &["serde"]),
    // The C headers of the libbpf that libbpf-rs brings: programs and loader are then of one.
    allowed("tapio-bpf", &[], &["libbpf-sys"]),
    allowed(
        "tapio-agent",
        &["tapio-wire", "tapio-common", "tapio-bpf"],
        &[
            "libbpf-rs",
            "crossbeam-channel",
            "ureq",
            "serde",
            "serde_json",
            "sha2",
            "signal-hook",
            "log",
            "simplelog",
            "libc",
        ],
    ),
    allowed(
        "tapio-cli",
        &["tapio-common", "tapio-wire"],
        &["ureq", "serde", "serde_json", "sha2", "libc"],
    ),
    allowed(
        "tapio-controller",
        &["tapio-profile", "tapio-wire", "tapio-common"],
        &[
            "serde",
            "serde_json",
            "serde_yaml",
            "sha2",
            "signal-hook",
            "log",
            "simplelog",
            "libc",
        ],
    ),
];

/// Runtimes under their own names and under those of their engines.
const ASYNC_RUNTIMES: [&str; 12] = [
    "tokio",
    "async-std",
    "smol",
    "async-executor",
    "async-io",
    "async-global-executor",
    "futures-executor",
    "glommio",
    "monoio",
    "embassy-executor",
    "compio",
    "may",
];

const DENIED: &str = "tests/data/dependencies/agent-denied.txt";

fn denied() -> Vec<String> {
    let text = fs::read_to_string(repository::top().join(DENIED)).expect("the denylist");
    text.lines().map(str::to_owned).collect()
}

/// What ships with it; what its unit tests use is theirs.
fn names(package: &Package, is_ours: bool) -> BTreeSet<&str> {
    package
        .declared
        .iter()
        .filter(|dependency| !dependency.is_dev)
        .map(|dependency| dependency.name.as_str())
        .filter(|name| name.starts_with("tapio-") == is_ours)
        .collect()
}

#[test]
fn every_crate_imports_only_what_its_arrows_allow() {
    let packages = Packages::resolve();
    let mut unknown = Vec::new();
    for package in packages
        .ours()
        .filter(|package| package.name != "tapio-tests")
    {
        let Some(rule) = ALLOWED.iter().find(|rule| rule.name == package.name) else {
            unknown.push(&package.name);
            continue;
        };
        for (is_ours, list) in [(true, rule.ours), (false, rule.outside)] {
            let beyond: Vec<&str> = names(package, is_ours)
                .into_iter()
                .filter(|name| !list.contains(name))
                .collect();
            assert!(
                beyond.is_empty(),
                "{} may not import {beyond:?}",
                package.name
            );
        }
    }
    assert!(unknown.is_empty(), "no arrows are drawn for {unknown:?}");
    for rule in &ALLOWED {
        assert!(
            packages.ours().any(|package| package.name == rule.name),
            "arrows are drawn for {}, which is not there",
            rule.name
        );
    }
}

#[test]
fn nobody_imports_the_tests() {
    for package in Packages::resolve().ours() {
        let imports = package
            .declared
            .iter()
            .any(|dependency| dependency.name == "tapio-tests");
        assert!(!imports, "{} imports the tests", package.name);
    }
}

#[test]
fn the_agent_pulls_in_nothing_that_is_denied() {
    let packages = Packages::resolve();
    let denied = denied();
    assert_eq!(denied.len(), 11, "{DENIED} is not the list of the design");
    let closure = packages.closure("tapio-agent");
    assert!(
        closure.contains("tapio-common"),
        "this is not the agent's closure: {closure:?}"
    );
    for name in &denied {
        assert!(
            !closure.contains(name.as_str()),
            "the agent pulls in {name}"
        );
    }
}

#[test]
fn neither_agent_nor_cli_is_linked_with_a_server_or_a_yaml_parser() {
    let packages = Packages::resolve();
    for ours in [
        "tapio-agent",
        "tapio-cli",
        "tapio-common",
        "tapio-wire",
        "tapio-profile",
    ] {
        let closure = packages.closure(ours);
        for theirs in ["tiny_http", "serde_yaml", "unsafe-libyaml"] {
            assert!(!closure.contains(theirs), "{ours} pulls in {theirs}");
        }
    }
    let controller = packages.closure("tapio-controller");
    for theirs in ["libbpf-rs", "libbpf-sys", "tapio-bpf", "tapio-agent"] {
        assert!(
            !controller.contains(theirs),
            "the controller pulls in {theirs}"
        );
    }
}

#[test]
fn there_is_no_async_runtime_anywhere() {
    let packages = Packages::resolve();
    for package in packages.ours() {
        let closure = packages.closure(&package.name);
        for runtime in ASYNC_RUNTIMES {
            assert!(
                !closure.contains(runtime),
                "{} pulls in {runtime}",
                package.name
            );
        }
    }
}

#[test]
fn a_dependency_is_named_with_its_version_once_in_the_table() {
    for file in tracked()
        .iter()
        .filter(|file| file.path.ends_with("/Cargo.toml"))
    {
        if file.path == "tests/fuzz/Cargo.toml" {
            continue; // a workspace of its own: cargo-fuzz wants it so
        }
        let text = file.text().expect("a manifest is text");
        let mut in_dependencies = false;
        for line in text.lines() {
            if let Some(section) = line.strip_prefix('[') {
                in_dependencies = section.contains("dependencies");
            } else if in_dependencies && line.contains('=') && !line.starts_with('#') {
                assert!(
                    line.contains("workspace = true") || line.contains(".workspace"),
                    "{}: {line}",
                    file.path
                );
            }
        }
    }
}

#[test]
fn the_command_line_rule_says_the_same() {
    let output = Command::new(repository::top().join("scripts/check-agent-deps.sh"))
        .output()
        .expect("the script starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

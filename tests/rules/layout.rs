//! What stands where, and what it is called.

use std::collections::BTreeSet;
use std::path::Path;

use tapio_common::catalogue::Observer;
use tapio_tests::packages::Packages;
use tapio_tests::repository::{tracked, tracked_with};

const TOP_LEVEL: [&str; 11] = [
    "Cargo.toml",
    "Cargo.lock",
    "LICENSE",
    "README.md",
    "agent",
    "bpf",
    "common",
    "controller",
    "scripts",
    "tests",
    "wire",
];

/// Names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 13] = [
    "utils",
    "util",
    "helpers",
    "helper",
    "manager",
    "managers",
    "service",
    "services",
    "engine",
    "types",
    "misc",
    "stuff",
    "common_types",
];

#[test]
fn the_top_level_holds_what_the_design_lists_and_dot_files() {
    let found: BTreeSet<String> = tracked()
        .iter()
        .filter_map(|file| file.path.split('/').next().map(str::to_owned))
        .filter(|name| !name.starts_with('.'))
        .collect();
    for name in &found {
        assert!(
            TOP_LEVEL.contains(&name.as_str()),
            "{name} does not belong at the top level"
        );
    }
}

#[test]
fn a_crate_is_called_after_its_folder() {
    for file in tracked()
        .iter()
        .filter(|file| file.path.ends_with("/Cargo.toml"))
    {
        let folder = Path::new(&file.path).parent().and_then(Path::file_name);
        let folder = folder.and_then(|name| name.to_str()).expect("a folder");
        let text = file.text().expect("a manifest is text");
        let wanted = format!("name = \"tapio-{folder}\"");
        assert!(text.contains(&wanted), "{}: no {wanted}", file.path);
    }
    assert!(
        Packages::resolve()
            .ours()
            .all(|package| package.name.starts_with("tapio-"))
    );
}

#[test]
fn modules_are_called_after_what_they_hold() {
    for file in tracked_with("rs") {
        for part in Path::new(&file.path).with_extension("").iter() {
            let part = part.to_string_lossy();
            assert!(
                !EMPTY_NAMES.contains(&&*part),
                "{}: {part} says nothing",
                file.path
            );
            assert!(
                part.chars().all(|char| char.is_ascii_lowercase()
                    || char.is_ascii_digit()
                    || "_-".contains(char)),
                "{}: not in lower case",
                file.path
            );
        }
        // Beside integration tests `foo.rs` would be a test of its own.
        let is_shared_by_tests = file.path.contains("/tests/");
        assert!(
            is_shared_by_tests || !file.path.ends_with("/mod.rs"),
            "{}: the house writes foo.rs beside foo/",
            file.path
        );
    }
}

/// What an observer consists of, wherever `*` is its name.
const OF_AN_OBSERVER: [&str; 5] = [
    "bpf/*.bpf.c",
    "common/src/abi/*.rs",
    "agent/src/kernel/*.rs",
    "agent/src/observer/*.rs",
    "tests/data/*/",
];

#[test]
fn an_observer_is_one_stem_everywhere_or_not_there_at_all() {
    let tracked = tracked();
    let mut whole = 0;
    for observer in Observer::ALL {
        let absent: Vec<String> = OF_AN_OBSERVER
            .iter()
            .map(|pattern| pattern.replace('*', observer.name()))
            .filter(|wanted| !tracked.iter().any(|file| file.path.starts_with(wanted)))
            .collect();
        assert!(
            absent.is_empty() || absent.len() == OF_AN_OBSERVER.len(),
            "{}: there is no {absent:?}",
            observer.name()
        );
        whole += usize::from(absent.is_empty());
    }
    assert!(whole >= 1, "no observer is whole");
}

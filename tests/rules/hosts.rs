//! No file knows a machine: no path of somebody's disk, no host of somebody's network.

use tapio_tests::repository::tracked;

/// The hosts that a tracked file may name in an address, and why.
const HOSTS: [(&str, &str); 6] = [
    ("127.0.0.1", "loopback"),
    ("example.com", "reserved for examples"),
    ("example.org", "reserved for examples"),
    ("www.apache.org", "the licence's own address"),
    ("www.gnu.org", "the licence's own address"),
    ("fsf.org", "the licence's own address"),
];

/// Beginnings of paths that are somebody's, cut in two so that this table is none of the hits.
const PLACES: [(&str, &str); 5] = [
    ("/work", "/"),
    ("/tmp/", "wt/"),
    ("/roo", "t/"),
    ("/home", "/"),
    ("/Use", "rs/"),
];

/// Files that speak of such places without meaning a machine of ours.
fn may_name_places(path: &str) -> bool {
    // Test data of other people's systems: cgroup paths, mount tables, and what must not leak.
    path.starts_with("tests/data/") || path == "tests/wire/refusal.rs"
}

#[test]
fn no_file_names_a_place_on_a_machine() {
    let mut found = Vec::new();
    for file in tracked().iter().filter(|file| !may_name_places(&file.path)) {
        let Some(text) = file.text() else { continue };
        for (number, line) in (1..).zip(text.lines()) {
            for (start, end) in PLACES {
                if line.contains(&format!("{start}{end}")) {
                    found.push(format!("{}:{number}: {}", file.path, line.trim()));
                }
            }
        }
    }
    assert!(
        found.is_empty(),
        "paths of a machine:\n{}",
        found.join("\n")
    );
}

#[test]
fn no_file_names_a_host_that_is_not_listed() {
    let mut found = Vec::new();
    for file in tracked()
        .iter()
        .filter(|file| !file.path.ends_with("Cargo.lock"))
    {
        let Some(text) = file.text() else { continue };
        for (number, line) in (1..).zip(text.lines()) {
            for scheme in ["http://", "https://"] {
                for rest in line.split(scheme).skip(1) {
                    if !is_listed(rest) {
                        found.push(format!("{}:{number}: {}", file.path, line.trim()));
                    }
                }
            }
        }
    }
    assert!(
        found.is_empty(),
        "hosts that are not listed:\n{}",
        found.join("\n")
    );
}

/// Whether an address, given from behind its scheme, is of a listed host or of no real one.
fn is_listed(rest: &str) -> bool {
    let end = rest
        .find(|char: char| !(char.is_ascii_alphanumeric() || ".-[]:@".contains(char)))
        .unwrap_or(rest.len());
    // Behind credentials, before a port; a name of one word is an example's, whoever uses it.
    let host = rest[..end].rsplit('@').next().unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default();
    !name.contains('.') || HOSTS.iter().any(|(known, _)| *known == name)
}

#[test]
fn the_lock_file_knows_the_public_registry_alone() {
    let lock = tracked()
        .into_iter()
        .find(|file| file.path == "Cargo.lock")
        .expect("a lock file");
    let public = [
        "source = \"registry+https:",
        "//github.com/rust-lang/crates.io-index\"",
    ]
    .concat();
    for line in lock.text().expect("it is text").lines() {
        assert!(!line.starts_with("source = ") || line == public, "{line}");
    }
}

#[test]
fn hosts_are_told_apart() {
    for (rest, listed) in [
        ("127.0.0.1:8080/v1", true),
        ("{address}/v1", true),
        ("127.0.0.10/", false),
        ("localhost:8080/", true),
        ("[::1]:8080/", true),
        ("localhost.evil.net/", false),
        ("user:pass@controller:8080/", true),
        ("user:pass@mirror.net/", false),
        ("mirror.net/", false),
    ] {
        assert_eq!(is_listed(rest), listed, "{rest}");
    }
}

//! The profiles under `tests/data/profile`, and every range at its ends.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tapio_profile::EvidenceProfile;
use tapio_wire::CompiledConfig;

fn folder(name: &str) -> PathBuf {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/profile");
    Path::new(root).join(name)
}

fn files(name: &str) -> Vec<PathBuf> {
    let listing = fs::read_dir(folder(name)).expect("the folder is there");
    let mut files: Vec<PathBuf> = listing
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .collect();
    files.sort();
    files
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn profile(yaml: &str) -> Result<EvidenceProfile, serde_yaml::Error> {
    serde_yaml::from_str(yaml)
}

fn canonical(config: &CompiledConfig) -> String {
    serde_json::to_string(config).expect("a config serialises")
}

#[test]
fn good_profiles_compile_to_the_very_bytes() {
    let files = files("good");
    assert!(files.len() >= 12, "only {} profiles found", files.len());
    for path in files {
        let read = profile(&text(&path)).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let expected = text(&path.with_extension("json"));
        assert_eq!(canonical(&read.compile()), expected.trim_end(), "{path:?}");
    }
}

#[test]
fn bad_profiles_are_refused_in_the_words_of_their_first_line() {
    let files = files("bad");
    assert!(files.len() >= 34, "only {} profiles found", files.len());
    for path in files {
        let yaml = text(&path);
        let first = yaml.lines().next().unwrap_or_default();
        let expected = first.strip_prefix("# error: ").expect("says its error");
        match profile(&yaml) {
            Ok(taken) => panic!("{path:?} was taken: {taken:?}"),
            Err(error) => assert_eq!(error.to_string(), expected, "{path:?}"),
        }
    }
}

#[test]
fn production_default_has_the_hash_deployed_controllers_serve() {
    let yaml = text(&folder("good/production-default.yaml"));
    let config = profile(&yaml).expect("is good").compile();
    assert_eq!(config, CompiledConfig::default());
    let bytes = serde_json::to_vec(&config).expect("a config serialises");
    assert_eq!(
        format!("sha256:{:x}", Sha256::digest(bytes)),
        "sha256:845b719f50052b222e79a6f0a9e091e4fe5cc62f8049f7a9089cf20175f5ddef"
    );
}

/// A profile with one override, and beside it what the pair rules need to be satisfied.
fn with(path: &str, value: &str) -> String {
    let mut yaml = String::from(
        "{apiVersion: tapio.false.systems/v0, kind: EvidenceProfile, base: production-default, ",
    );
    let beside = match path {
        "overrides.storage.slow_io.warning_ms" => ", critical_ms: 600000",
        "overrides.storage.slow_io.critical_ms" => ", warning_ms: 1",
        "overrides.node_pmc.stall_pct.warning" => ", critical: 100",
        "overrides.node_pmc.stall_pct.critical" => ", warning: 0",
        _ => "",
    };
    let steps: Vec<&str> = path.split('.').collect();
    yaml.push_str(&steps.join(": {"));
    yaml.push_str(&format!(": {value}{beside}"));
    yaml.push_str(&"}".repeat(steps.len()));
    yaml
}

/// Path, least, most, the field it compiles to, and units of the field in one of the profile.
type WholeRow = (&'static str, i64, i64, fn(&CompiledConfig) -> u64, u64);

/// Path, most, the field it compiles to, and units of the field in one of the profile.
type FractionRow = (&'static str, u32, fn(&CompiledConfig) -> u32, u32);

#[rustfmt::skip] // a table reads by its rows
const WHOLE: [WholeRow; 8] = [
    ("network.rtt_spike.ratio", 1, 100, |c| c.network.rtt_spike_ratio.into(), 1),
    ("network.rtt_spike.abs_ms", 1, 600_000, |c| c.network.rtt_spike_abs_us.into(), 1_000),
    ("network.conn_refused.window_ms", 0, 600_000, |c| c.network.conn_refused_window_ns, 1_000_000),
    ("network.conn_refused.min_count", 0, 100_000, |c| c.network.conn_refused_min_count.into(), 1),
    ("network.retransmit.count", 1, 10_000, |c| c.network.retransmit_count.into(), 1),
    ("network.retransmit.window_ms", 100, 600_000, |c| c.network.retransmit_window_ns, 1_000_000),
    ("storage.slow_io.warning_ms", 1, 60_000, |c| c.storage.slow_io_warning_ns, 1_000_000),
    ("storage.slow_io.critical_ms", 1, 600_000, |c| c.storage.slow_io_critical_ns, 1_000_000),
];

#[test]
fn whole_numbers_are_taken_up_to_both_ends_and_no_further() {
    for (path, min, max, field, scale) in WHOLE {
        let path = format!("overrides.{path}");
        for value in [min, min + 1, max - 1, max] {
            let read = profile(&with(&path, &value.to_string()));
            let config = read
                .unwrap_or_else(|error| panic!("{value}: {error}"))
                .compile();
            assert_eq!(
                Ok(field(&config)),
                u64::try_from(value).map(|value| value * scale),
                "{path}"
            );
        }
        for value in [min - 1, max + 1] {
            let error = profile(&with(&path, &value.to_string())).expect_err("is out of range");
            assert_eq!(
                error.to_string(),
                format!("{path} must be a whole number from {min} to {max}, not {value}")
            );
        }
    }
}

#[test]
fn fractions_are_taken_up_to_both_ends_and_no_further() {
    let compiled: [FractionRow; 3] = [
        (
            "node_pmc.stall_pct.warning",
            100,
            |c| c.node_pmc.stall_warning_permille,
            10,
        ),
        (
            "node_pmc.stall_pct.critical",
            100,
            |c| c.node_pmc.stall_critical_permille,
            10,
        ),
        (
            "node_pmc.ipc_degradation",
            16,
            |c| c.node_pmc.ipc_degradation_milli,
            1_000,
        ),
    ];
    for (path, max, field, scale) in compiled {
        let path = format!("overrides.{path}");
        for value in [0, 1, max] {
            let config = profile(&with(&path, &value.to_string()))
                .expect("is in range")
                .compile();
            assert_eq!(field(&config), value * scale, "{path}");
        }
        for value in [
            "-0.001".to_owned(),
            "-1".to_owned(),
            format!("{max}.001"),
            format!("{}", max + 1),
        ] {
            let error = profile(&with(&path, &value)).expect_err("is out of range");
            assert_eq!(
                error.to_string(),
                format!("{path} must be a number from 0 to {max}, not {value}")
            );
        }
    }
}

#[test]
fn the_same_document_in_json_is_the_same_profile() {
    let json = r#"{"apiVersion":"tapio.false.systems/v0","kind":"EvidenceProfile",
        "base":"production-default","overrides":{"storage":{"slow_io":{"warning_ms":7}}}}"#;
    let from_json: EvidenceProfile = serde_json::from_str(json).expect("is good");
    assert_eq!(profile(json).expect("YAML holds JSON"), from_json);
    assert_eq!(from_json.compile().storage.slow_io_warning_ns, 7_000_000);
}

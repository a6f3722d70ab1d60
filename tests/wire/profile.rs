//! `tapio-controller compile` and `--profile`: what a person may write, and what becomes of it.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tapio_tests::command::{Finished, TestCommand};
use tapio_tests::controller::TestController;
use tapio_tests::folder::TestFolder;
use tapio_tests::payload::{self, DEFAULT_HASH};
use tapio_tests::program::Program;

mod ranges;

const HEAD: &str =
    "apiVersion: tapio.false.systems/v0\nkind: EvidenceProfile\nbase: production-default\n";

fn compile(yaml: &str) -> Finished {
    let folder = TestFolder::new();
    let path = folder.write("profile.yaml", yaml);
    TestCommand::new(Program::Controller)
        .args(["compile".as_ref(), path.as_os_str()])
        .run()
}

/// A profile with one override, written as a path.
fn overriding(path: &str, value: &str) -> String {
    let mut yaml = format!("{HEAD}overrides:\n");
    let mut keys = path.split('.').peekable();
    let mut depth = 1;
    while let Some(key) = keys.next() {
        let value = if keys.peek().is_none() { value } else { "" };
        yaml += &format!("{}{key}: {value}\n", "  ".repeat(depth));
        depth += 1;
    }
    yaml
}

/// The compiled config, and its hash as it was told.
#[track_caller]
fn compiled(yaml: &str) -> (Value, String) {
    let done = compile(yaml).expect_code(0);
    let hash = done
        .stderr
        .split_whitespace()
        .find(|word| word.starts_with("sha256:"))
        .unwrap_or_else(|| panic!("no hash on stderr: {:?}", done.stderr))
        .to_owned();
    let bytes = done.stdout.trim_end_matches('\n');
    let digest = Sha256::digest(bytes.as_bytes());
    let told: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        hash,
        format!("sha256:{told}"),
        "the hash is of the very bytes"
    );
    (serde_json::from_str(bytes).expect("JSON"), hash)
}

#[test]
fn a_profile_without_overrides_is_the_production_default() {
    for rest in [
        "",
        "overrides:\n",
        "overrides: {}\n",
        "overrides:\n  network:\n  storage: null\n  container: ~\n  node_pmc: {}\n",
        "overrides:\n  network:\n    rtt_spike:\n    conn_refused:\n    retransmit:\n",
        "overrides:\n  storage:\n    slow_io:\n  node_pmc:\n    stall_pct:\n",
        "overrides:\n  network:\n    retransmit: {count: 5, window_ms: 10000}\n",
        "overrides:\n  container:\n    exits: workloads\n    ignore_exit_codes: []\n",
    ] {
        assert_eq!(compiled(&format!("{HEAD}{rest}")).1, DEFAULT_HASH, "{rest}");
    }
}

/// Path, value, where it arrives in the config, and as what.
#[rustfmt::skip] // a table reads by its rows
const OVERRIDES: [(&str, &str, &str, &str); 17] = [
    ("network.enabled", "false", "/network/enabled", "false"),
    ("network.rtt_spike.ratio", "7", "/network/rtt_spike_ratio", "7"),
    ("network.rtt_spike.abs_ms", "250", "/network/rtt_spike_abs_us", "250000"),
    ("network.conn_refused.window_ms", "600000", "/network/conn_refused_window_ns", "600000000000"),
    ("network.conn_refused.min_count", "3", "/network/conn_refused_min_count", "3"),
    ("network.retransmit.count", "6", "/network/retransmit_count", "6"),
    ("network.retransmit.window_ms", "100", "/network/retransmit_window_ns", "100000000"),
    ("storage.enabled", "false", "/storage/enabled", "false"),
    ("storage.slow_io.warning_ms", "1", "/storage/slow_io_warning_ns", "1000000"),
    ("storage.slow_io.critical_ms", "600000", "/storage/slow_io_critical_ns", "600000000000"),
    ("container.enabled", "false", "/container/enabled", "false"),
    ("container.ignore_exit_codes", "[143, 0, 143, 255]", "/container/ignore_exit_codes", "[143,0,255]"),
    ("container.exits", "all", "/container/exits", "\"all\""),
    ("node_pmc.enabled", "false", "/node_pmc/enabled", "false"),
    ("node_pmc.stall_pct.warning", "12.5", "/node_pmc/stall_warning_permille", "125"),
    ("node_pmc.stall_pct.critical", "100", "/node_pmc/stall_critical_permille", "1000"),
    ("node_pmc.ipc_degradation", "0.25", "/node_pmc/ipc_degradation_milli", "250"),
];

#[test]
fn every_override_arrives_in_its_unit() {
    for (path, value, pointer, wanted) in OVERRIDES {
        let (config, hash) = compiled(&overriding(path, value));
        let arrived = config.pointer(pointer).map(Value::to_string);
        assert_eq!(arrived.as_deref(), Some(wanted), "{path}: {value}");
        assert_ne!(hash, DEFAULT_HASH, "{path}: {value}");
    }
}

#[test]
fn a_typo_is_refused_where_it_is() {
    let blocks = [
        ("metadata: {}\n", "metadata"),
        ("overides: {}\n", "overides"),
        ("overrides: {netwrok: {}}\n", "netwrok"),
        (
            "overrides: {network: {rtt_spike: {ratio: 2, abs: 1}}}\n",
            "abs",
        ),
        ("overrides: {network: {enabled: yes please}}\n", "enabled"),
        ("overrides: {network: []}\n", "network"),
        ("overrides: {storage: {slow_io: 5}}\n", "slow_io"),
        (
            "overrides: {container: {ignore_exit_codes: [a]}}\n",
            "ignore_exit_codes",
        ),
        (
            "overrides: {network: {enabled: true, enabled: false}}\n",
            "enabled",
        ),
    ];
    for (rest, named) in blocks {
        let done = compile(&format!("{HEAD}{rest}")).expect_code(1);
        assert!(done.refusal().contains(named), "{rest}: {:?}", done.stderr);
    }
    for (head, named) in [
        (HEAD.replace("v0", "v1"), "apiVersion"),
        (HEAD.replace("EvidenceProfile", "Profile"), "kind"),
        (HEAD.replace("production-default", "developer"), "base"),
        (HEAD.replace("kind: EvidenceProfile\n", ""), "kind"),
    ] {
        let done = compile(&head).expect_code(1);
        assert!(done.refusal().contains(named), "{head}: {:?}", done.stderr);
    }
}

#[test]
fn what_is_no_profile_at_all_is_refused_in_one_line() {
    for yaml in [
        "",
        "\u{0}",
        "- a\n- b\n",
        "just text",
        "a: [",
        "{}",
        "a: &a [*a]\n",
        "--- a\n--- b\n",
        "\t",
    ] {
        compile(yaml).expect_code(1).refusal();
    }
    let bomb: String = (1..=30)
        .map(|level| format!("k{level}: &a{level} [*a{0}, *a{0}]\n", level - 1))
        .collect();
    compile(&format!("k0: &a0 [x, x]\n{bomb}"))
        .expect_code(1)
        .refusal();
    let deep = format!("{HEAD}overrides: {}", "[".repeat(100_000));
    compile(&deep).expect_code(1).refusal();
}

#[test]
fn the_controller_serves_what_compile_prints() {
    let yaml = overriding("network.rtt_spike.ratio", "9");
    let (config, hash) = compiled(&yaml);
    let folder = TestFolder::new();
    let path = folder.write("profile.yaml", &yaml);
    let path = path.to_str().expect("a plain path");
    let controller = TestController::start(&["--profile", path]);
    let served = controller
        .get(&format!("{}?agent_id=a&node_name=n", payload::CONFIG))
        .ok();
    assert_eq!(
        (&served["config"], &served["config_hash"]),
        (&config, &json!(hash))
    );
    assert_eq!(served["version"], "1");
}

#[test]
fn an_invalid_profile_fails_the_start_in_one_line() {
    let folder = TestFolder::new();
    let invalid = folder.write("invalid.yaml", overriding("network.rtt_spike.ratio", "0"));
    let absent = folder.join("absent.yaml");
    for path in [
        invalid.as_os_str(),
        absent.as_os_str(),
        folder.path().as_os_str(),
    ] {
        let done = TestCommand::new(Program::Controller)
            .args([
                "--listen".as_ref(),
                "127.0.0.1:0".as_ref(),
                "--profile".as_ref(),
                path,
            ])
            .run()
            .expect_code(1);
        let name = path.to_string_lossy();
        assert!(done.refusal().contains(&*name), "{name}: {:?}", done.stderr);
    }
}

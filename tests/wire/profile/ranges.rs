//! The ends of every range, and one beyond; the order of the thresholds that come in pairs.

use super::{compile, compiled, overriding};

struct Range {
    path: &'static str,
    /// Values that are taken, parted by semicolons.
    inside: &'static str,
    /// Values that are refused.
    outside: &'static str,
    /// What the refusal has to name of the range.
    ends: [&'static str; 2],
}

const fn range(
    path: &'static str,
    inside: &'static str,
    outside: &'static str,
    ends: [&'static str; 2],
) -> Range {
    Range {
        path,
        inside,
        outside,
        ends,
    }
}

#[rustfmt::skip] // a table reads by its rows
const RANGES: [Range; 13] = [
    range("network.rtt_spike.ratio", "1 ; 100", "0 ; 101 ; -1", ["1", "100"]),
    range("network.rtt_spike.abs_ms", "1 ; 600000", "0 ; 600001", ["1", "600000"]),
    range("network.conn_refused.window_ms", "0 ; 600000", "600001 ; -1", ["0", "600000"]),
    range("network.conn_refused.min_count", "0 ; 100000", "100001 ; -1", ["0", "100000"]),
    range("network.retransmit.count", "1 ; 10000", "0 ; 10001", ["1", "10000"]),
    range("network.retransmit.window_ms", "100 ; 600000", "99 ; 600001", ["100", "600000"]),
    range("storage.slow_io.warning_ms", "1 ; 200", "0 ; 60001", ["1", "60000"]),
    range("storage.slow_io.critical_ms", "50 ; 600000", "0 ; 600001", ["1", "600000"]),
    range("container.ignore_exit_codes", "[0, 255] ; [7]", "[256] ; [-1] ; [1, 2, 300]", ["0", "255"]),
    range("node_pmc.stall_pct.warning", "0 ; 40 ; 39.9", "-0.1 ; 100.1 ; .nan ; .inf", ["0", "100"]),
    range("node_pmc.stall_pct.critical", "20 ; 100", "-1 ; 100.1 ; .nan ; -.inf", ["0", "100"]),
    range("node_pmc.ipc_degradation", "0 ; 16 ; 0.001", "-0.1 ; 16.1 ; .nan ; .inf", ["0", "16"]),
    range("container.exits", "all ; workloads", "none ; ALL", ["workloads", "all"]),
];

#[test]
fn a_value_is_taken_at_the_ends_of_its_range_and_refused_beyond() {
    for Range {
        path,
        inside,
        outside,
        ends,
    } in RANGES
    {
        for value in inside.split(" ; ") {
            compile(&overriding(path, value)).expect_code(0);
        }
        for value in outside.split(" ; ") {
            let done = compile(&overriding(path, value)).expect_code(1);
            let refusal = done.refusal();
            assert!(
                refusal.contains(path),
                "{value}: the path is not in {refusal:?}"
            );
            for end in ends {
                assert!(
                    refusal.contains(end),
                    "{path} {value}: no {end} in {refusal:?}"
                );
            }
            assert_eq!(done.stdout, "", "{path} {value}");
        }
    }
}

#[test]
fn pairs_of_thresholds_keep_their_order() {
    for (path, value) in [
        ("storage.slow_io.warning_ms", "201"),
        ("storage.slow_io.critical_ms", "49"),
        ("node_pmc.stall_pct.warning", "40.1"),
        ("node_pmc.stall_pct.critical", "19.9"),
    ] {
        let done = compile(&overriding(path, value)).expect_code(1);
        let block = path.rsplit_once('.').map_or(path, |(block, _)| block);
        assert!(done.refusal().contains(block), "{path}: {:?}", done.stderr);
    }
}

#[test]
fn ignored_exit_codes_are_sixteen_at_most() {
    let list = |count: usize| {
        let codes: Vec<String> = (0..count).map(|code| code.to_string()).collect();
        overriding(
            "container.ignore_exit_codes",
            &format!("[{}]", codes.join(", ")),
        )
    };
    let (config, _) = compiled(&list(16));
    assert_eq!(
        config["container"]["ignore_exit_codes"]
            .as_array()
            .map(Vec::len),
        Some(16)
    );
    let done = compile(&list(17)).expect_code(1);
    assert!(done.refusal().contains("16"), "{:?}", done.stderr);
}

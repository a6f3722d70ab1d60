use super::*;

fn balanced() -> Ledger {
    let mut ledger = Ledger {
        format: FORMAT,
        ..Ledger::default()
    };
    ledger.types.insert(
        "kernel.container.abnormal_exit".into(),
        TypeCounts {
            seen: 100,
            summaries: 1,
            filtered: 10,
            aggregated: 20,
            ambiguous: 1,
            lost: 5,
            submitted: 65,
            received: 60,
            ignored: 2,
            queue_drops: 3,
            emitted: 55,
        },
    );
    ledger.observers.insert(
        "container".into(),
        ObserverCounts {
            missed: Some(3),
            in_ring: 4,
            malformed: 1,
        },
    );
    ledger.sinks.insert(
        "stdout".into(),
        SinkCounts {
            delivered: 50,
            earlier: 9,
            pending: 2,
            dropped: [("queue_full".into(), 3)].into(),
            earlier_dropped: [("expired".into(), 8)].into(),
        },
    );
    ledger
}

#[test]
fn a_ledger_at_rest_has_no_imbalance() {
    assert_eq!(balanced().check(), []);
}

#[test]
fn every_counter_that_is_off_by_one_is_found() {
    let nudges: [fn(&mut TypeCounts); 11] = [
        |row| row.seen += 1,
        |row| row.summaries += 1,
        |row| row.filtered += 1,
        |row| row.aggregated += 1,
        |row| row.ambiguous += 1,
        |row| row.lost += 1,
        |row| row.submitted += 1,
        |row| row.received += 1,
        |row| row.ignored += 1,
        |row| row.queue_drops += 1,
        |row| row.emitted += 1,
    ];
    for (at, nudge) in nudges.into_iter().enumerate() {
        let mut ledger = balanced();
        ledger.types.values_mut().for_each(nudge);
        assert!(!ledger.check().is_empty(), "counter {at} went unnoticed");
    }
}

#[test]
fn observer_and_sink_sums_are_checked() {
    let mut ledger = balanced();
    ledger
        .observers
        .values_mut()
        .for_each(|row| row.malformed += 1);
    ledger.sinks.values_mut().for_each(|row| row.pending += 1);
    let found: Vec<String> = ledger
        .check()
        .into_iter()
        .map(|imbalance| imbalance.at)
        .collect();
    assert_eq!(found, ["container", "stdout"]);
}

#[test]
fn json_leaves_zeros_out_and_reads_back() {
    let mut ledger = balanced();
    ledger
        .types
        .insert("kernel.container.oom_kill".into(), TypeCounts::default());
    let text = serde_json::to_string(&ledger.clone().without_zero_rows()).expect("serialises");
    assert!(!text.contains("oom_kill"));
    let back: Ledger = serde_json::from_str(&text).expect("reads back");
    assert_eq!(back, ledger.without_zero_rows());
}

#[test]
fn missed_is_absent_where_the_kernel_does_not_count() {
    let counts = ObserverCounts {
        missed: None,
        in_ring: 1,
        malformed: 0,
    };
    assert_eq!(
        serde_json::to_string(&counts).expect("serialises"),
        r#"{"in_ring":1}"#
    );
}

#[test]
fn an_observer_without_a_row_of_its_own_is_checked_too() {
    let mut ledger = Ledger::default();
    let lost_on_the_way = TypeCounts {
        seen: 2,
        submitted: 2,
        received: 1,
        emitted: 1,
        ..TypeCounts::default()
    };
    ledger
        .types
        .insert("kernel.network.connection_reset".into(), lost_on_the_way);
    let found = ledger.without_zero_rows().check();
    let expected = Imbalance {
        at: "network".into(),
        equation: "submitted = in_ring + malformed + received",
        left: 2,
        right: 1,
    };
    assert_eq!(found, [expected]);
}

#[test]
fn a_ledger_that_says_anything_is_added_up_without_overflow() {
    let mut ledger = balanced();
    ledger.types.values_mut().for_each(|row| {
        row.seen = u64::MAX;
        row.summaries = u64::MAX;
    });
    ledger
        .sinks
        .values_mut()
        .for_each(|row| row.dropped = [("a".into(), u64::MAX), ("b".into(), u64::MAX)].into());
    let found = ledger.check();
    assert_eq!(found[0].left, 2 * u128::from(u64::MAX));
    assert_eq!(ledger.sinks["stdout"].dropped_total(), u64::MAX);
}

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use tapio_common::catalogue::{Anomaly, Observer};
use tapio_common::ledger::{ObserverCounts, TypeCounts};
use tapio_common::sink::DropReason;
use tapio_common::time::Timestamp;

use super::*;
use crate::accounts::KernelCounts;
use crate::sink::name::SinkName;

/// A folder of the test's own.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tapio-metrics-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a new folder");
        Self(path)
    }

    fn page(&self) -> PathBuf {
        self.0.join("tapio.prom")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("it is ours");
    }
}

fn accounts() -> Accounts {
    let observers = [Observer::Container, Observer::Network];
    let sinks = [SinkName::Stdout, SinkName::File];
    Accounts::new("boot", Timestamp(7_900_000_000), &observers, &sinks)
}

/// A ledger in which every counter has a value of its own.
fn ledger(accounts: &Accounts) -> Ledger {
    let (_, sink) = accounts.sinks().next().expect("a sink");
    sink.deliver(40);
    sink.queue(2);
    sink.drop_for(DropReason::QueueFull, 3);
    let mut ledger = accounts.ledger(|_| KernelCounts::default());
    let exits = TypeCounts {
        seen: 100,
        summaries: 1,
        filtered: 11,
        aggregated: 12,
        ambiguous: 13,
        lost: 14,
        submitted: 51,
        received: 50,
        ignored: 2,
        queue_drops: 4,
        emitted: 44,
    };
    let kills = TypeCounts {
        received: 1,
        emitted: 1,
        ..TypeCounts::default()
    };
    ledger
        .types
        .insert(Anomaly::AbnormalExit.event_type().into(), exits);
    ledger
        .types
        .insert(Anomaly::OomKill.event_type().into(), kills);
    let counts = ObserverCounts {
        missed: Some(9),
        in_ring: 1,
        malformed: 5,
    };
    ledger.observers.insert("container".into(), counts);
    ledger
}

fn rows(page: &str) -> BTreeMap<&str, &str> {
    page.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.rsplit_once(' ').expect("a name and a value"))
        .collect()
}

#[test]
fn every_figure_stands_under_its_name() {
    let accounts = accounts();
    let page = page::page(&accounts, &ledger(&accounts), true);
    let rows = rows(&page);
    for (name, value) in [
        ("tapio_agent_up", "1"),
        ("tapio_agent_start_time_seconds", "7"),
        ("tapio_events_total{observer=\"container\"}", "51"),
        ("tapio_events_total{observer=\"network\"}", "0"),
        (
            "tapio_anomalies_total{type=\"kernel.container.abnormal_exit\"}",
            "44",
        ),
        (
            "tapio_anomalies_total{type=\"kernel.container.oom_kill\"}",
            "1",
        ),
        (
            "tapio_anomalies_total{type=\"kernel.network.connection_reset\"}",
            "0",
        ),
        ("tapio_lost_events_total{observer=\"container\"}", "18"),
        ("tapio_malformed_events_total{observer=\"container\"}", "5"),
        (
            "tapio_correlation_drops_total{observer=\"container\"}",
            "13",
        ),
        ("tapio_sink_writes_total{sink=\"stdout\"}", "40"),
        ("tapio_sink_writes_total{sink=\"file\"}", "0"),
        (
            "tapio_sink_drops_total{sink=\"stdout\",reason=\"queue_full\"}",
            "3",
        ),
        (
            "tapio_sink_drops_total{sink=\"stdout\",reason=\"disk_full\"}",
            "0",
        ),
        ("tapio_controller_send_failures_total", "0"),
        ("tapio_config_fetch_total{result=\"applied\"}", "0"),
        ("tapio_ledger_missed_total{observer=\"container\"}", "9"),
        ("tapio_ledger_in_ring{observer=\"container\"}", "1"),
        ("tapio_ledger_sink_pending{sink=\"stdout\"}", "2"),
    ] {
        assert_eq!(rows.get(name).copied(), Some(value), "{name} in\n{page}");
    }
    let of_exits = "tapio_ledger_facts_total{type=\"kernel.container.abnormal_exit\",stage=\"";
    for (stage, value) in [
        ("seen", "100"),
        ("summaries", "1"),
        ("filtered", "11"),
        ("emitted", "44"),
    ] {
        assert_eq!(rows[format!("{of_exits}{stage}\"}}").as_str()], value);
    }
    // The kernel does not count what it skips for this observer: that is not zero.
    assert!(!rows.contains_key("tapio_ledger_missed_total{observer=\"network\"}"));
}

#[test]
fn the_file_changes_when_a_figure_does_and_says_when_the_agent_has_left() {
    let (scratch, accounts) = (Scratch::new(), accounts());
    let inode = || fs::metadata(scratch.page()).expect("the page").ino();
    let mut file = MetricsFile::open(&scratch.page(), &accounts).expect("a folder of ours");
    let first = inode();
    file.account(&Ledger::default());
    assert_eq!(inode(), first, "nothing was counted");
    file.account(&ledger(&accounts));
    assert_ne!(inode(), first, "a new page in the place of the old one");
    drop(file);
    let page = fs::read_to_string(scratch.page()).expect("the page");
    assert_eq!(rows(&page)["tapio_agent_up"], "0");
    assert_eq!(
        rows(&page)["tapio_sink_writes_total{sink=\"stdout\"}"],
        "40"
    );
    let names = fs::read_dir(&scratch.0).expect("the folder").count();
    assert_eq!(names, 1, "no draft is left");
}

#[test]
fn a_place_that_cannot_be_written_to_is_refused_at_once_and_named() {
    let (scratch, accounts) = (Scratch::new(), accounts());
    for path in [
        scratch.0.join("nowhere/tapio.prom"),
        PathBuf::from("/"),
        scratch.0.clone(),
    ] {
        let error = MetricsFile::open(&path, &accounts)
            .err()
            .expect("a refusal");
        assert!(
            error.to_string().contains(&*path.to_string_lossy()),
            "{error}"
        );
    }
}

#[test]
fn a_folder_that_is_gone_for_a_while_costs_that_while() {
    let (scratch, accounts) = (Scratch::new(), accounts());
    let folder = scratch.0.join("collector");
    fs::create_dir(&folder).expect("a folder");
    let path = folder.join("tapio.prom");
    let mut file = MetricsFile::open(&path, &accounts).expect("a folder of ours");
    fs::remove_dir_all(&folder).expect("it is there");
    file.account(&ledger(&accounts));
    assert!(file.is_refused);
    fs::create_dir(&folder).expect("a folder");
    file.account(&ledger(&accounts));
    assert!(!file.is_refused && path.exists());
}

use std::collections::BTreeMap;
use std::thread;

use crossbeam_channel::{Sender, unbounded};
use serde_json::Value;
use tapio_common::abi::Plain;
use tapio_common::abi::container::{AbnormalExit, RECORD_ABNORMAL_EXIT};
use tapio_common::abi::shared::{ABI_VERSION, FOLD_WINDOW_NS, HIERARCHY_V2};
use tapio_common::catalogue::{Anomaly, Outcome, Severity};
use tapio_common::coverage::Entry;
use tapio_common::ledger::{Ledger, TypeCounts};
use tapio_common::occurrence::Occurrence;
use tapio_common::sink::{SinkAccount, Written};

use super::*;
use crate::observer::{Classified, classify};
use crate::queue;
use crate::sink::name::SinkName;

const POD: &str = "/kubepods/burstable/pod0f3c1a52-7b6e-4a11-9c3d-2e5f60718293";
const ID: &str = "3f4c0d9a7b21e65880aa1f2c9d3e4b5a6c7d8e9f00112233445566778899aabb";

/// What the kernel would have: folds by slot, names not yet read, and its half of the ledger.
#[derive(Default)]
struct Double {
    folds: BTreeMap<u32, Fold>,
    names: Vec<(CgroupRef, String)>,
    seen: u64,
    aggregated: u64,
}

impl Source for Double {
    fn take_fold(&self, _: Observer, slot: u32) -> Option<Fold> {
        self.folds.get(&slot).copied()
    }

    fn fold_slots(&self) -> Vec<(Observer, u32)> {
        vec![(Observer::Container, 9)]
    }

    fn drain_names(&mut self, put: &mut dyn FnMut(NameEvent<'_>)) {
        for (cgroup, path) in self.names.drain(..) {
            put(NameEvent::Made {
                cgroup,
                path: path.as_bytes(),
            });
            put(NameEvent::Gone { cgroup });
        }
    }

    fn names_lost(&self) -> u64 {
        0
    }

    fn counts(&self, _: Observer) -> KernelCounts {
        let row = TypeCounts {
            seen: self.seen,
            aggregated: self.aggregated,
            submitted: self.seen - self.aggregated,
            ..TypeCounts::default()
        };
        KernelCounts {
            types: vec![(Anomaly::AbnormalExit, row)],
            missed: None,
            in_ring: 0,
            ..KernelCounts::default()
        }
    }
}

/// Hands every line, and every book, to the test.
struct Kept<'a> {
    lines: Sender<String>,
    books: Sender<(Option<Entry>, Option<Ledger>)>,
    account: &'a SinkAccount,
}

impl Sink for Kept<'_> {
    fn take(&mut self, written: &Written<'_>) {
        let line = std::str::from_utf8(written.line).expect("UTF-8");
        self.lines.send(line.to_owned()).expect("the test listens");
        self.account.deliver(1);
    }

    fn flush(&mut self, _: Now) -> Option<Duration> {
        None
    }

    fn cover(&mut self, entry: &Entry) {
        let book = (Some(entry.clone()), None);
        self.books.send(book).expect("the test listens");
    }

    fn account(&mut self, ledger: &Ledger) {
        let book = (None, Some(ledger.clone()));
        self.books.send(book).expect("the test listens");
    }
}

fn group(id: u64) -> CgroupRef {
    CgroupRef {
        id,
        hierarchy: HIERARCHY_V2,
        reserved: [0; 7],
    }
}

fn record(pid: u32, cgroup: CgroupRef, boot_ns: u64) -> AbnormalExit {
    let mut record = AbnormalExit::zeroed();
    record.header.kind = RECORD_ABNORMAL_EXIT;
    record.header.abi_version = ABI_VERSION;
    record.header.cgroup = cgroup;
    record.header.boot_ns = boot_ns;
    record.header.generation = 4;
    record.process.pid = pid;
    record.process.comm[..4].copy_from_slice(b"true");
    record.status = 11;
    record
}

fn item(record: AbnormalExit) -> Item {
    match classify(Observer::Container, record.as_bytes()) {
        Ok(Classified::Anomalous(anomalous)) => Item::Anomalous(anomalous),
        other => panic!("{other:?}"),
    }
}

fn exit(pid: u32, cgroup: CgroupRef, boot_ns: u64) -> Item {
    item(record(pid, cgroup, boot_ns))
}

fn opening(slot: u32, boot_ns: u64) -> Item {
    let mut record = record(1, group(7), boot_ns);
    record.header.fold = slot + 1;
    item(record)
}

fn fold(count: u64) -> Fold {
    Fold {
        destination: None,
        anomaly: Anomaly::AbnormalExit,
        cgroup: Some(group(7)),
        count,
        first_boot_ns: 1_000,
        last_boot_ns: 2_000,
    }
}

/// What a run over `items` wrote, and its books.
fn run(source: Double, items: &[Item]) -> (Vec<Occurrence>, Closing, Vec<Ledger>) {
    let accounts = Accounts::new(
        "boot",
        tapio_common::time::Timestamp(1),
        &[Observer::Container],
        &[SinkName::Stdout],
    );
    let ring = accounts.ring(Observer::Container).expect("a row");
    let (lines, written) = unbounded();
    let (books, kept) = unbounded();
    let sink = Kept {
        lines,
        books,
        account: accounts.sinks().next().expect("a sink").1,
    };
    let scribe = Scribe::new("n1".into(), "boot", [3; 10]);
    let batcher = Batcher::new(
        source,
        scribe,
        Cgroups::default(),
        vec![Box::new(sink)],
        &accounts,
    );
    let (sender, receiver) = queue::bounded(ITEMS_MAX);
    let closing = thread::scope(|scope| {
        let batch = scope.spawn(|| batcher.run(&receiver, &OnceLock::new()));
        for item in items {
            if let Item::Anomalous(anomalous) = item {
                ring.receive(anomalous.anomaly);
            }
            sender.send(item.clone()).expect("the batcher runs");
        }
        drop(sender);
        batch.join().expect("no panic")
    });
    let lines = written
        .try_iter()
        .map(|line| serde_json::from_str(&line).expect("an occurrence"))
        .collect();
    let ledgers = kept.try_iter().filter_map(|(_, ledger)| ledger).collect();
    (lines, closing, ledgers)
}

#[test]
fn an_anomaly_becomes_an_occurrence_with_its_owner() {
    let source = Double {
        names: vec![(group(7), format!("{POD}/{ID}"))],
        seen: 1,
        ..Double::default()
    };
    let boot_ns = clock::boot_nanos();
    let before = clock::now().wall_of(boot_ns);
    let (lines, closing, _) = run(source, &[exit(42, group(7), boot_ns)]);
    let [line] = &lines[..] else {
        panic!("{lines:?}");
    };
    assert_eq!(line.anomaly(), Some(Anomaly::AbnormalExit));
    assert_eq!(line.context.node, "n1");
    assert!(line.timestamp.0.abs_diff(before.0) < 1_000_000_000);
    let data = Value::Object(line.data.clone());
    assert_eq!(data["pid"], 42);
    assert_eq!(data["cgroup_id"], 7);
    assert_eq!(data["cgroup_path"], format!("{POD}/{ID}"));
    assert_eq!(data["container_id"], ID);
    assert_eq!(data["pod_uid"], "0f3c1a52-7b6e-4a11-9c3d-2e5f60718293");
    assert_eq!(data["not_observed"]["container_runtime"], "not_in_path");
    assert_eq!(data["config_generation"], 4);
    assert_eq!(data["boot_id"], "boot");
    assert_eq!(closing.ledger.check(), []);
}

#[test]
fn what_has_no_name_or_no_cgroup_says_so() {
    let root = CgroupRef::zeroed();
    let source = Double {
        seen: 2,
        ..Double::default()
    };
    let (lines, _, _) = run(source, &[exit(1, group(8), 5), exit(2, root, 6)]);
    let absent = |at: usize| lines[at].data["not_observed"].clone();
    assert_eq!(absent(0)["cgroup_path"], "not_named");
    assert_eq!(lines[0].data["cgroup_id"], 8);
    assert_eq!(absent(1)["cgroup_id"], "root_cgroup");
    assert!(!lines[1].data.contains_key("cgroup_id"));
}

#[test]
fn a_fold_is_closed_when_its_window_is_over() {
    let source = Double {
        folds: [(3, fold(5))].into(),
        seen: 6,
        aggregated: 5,
        ..Double::default()
    };
    let long_ago = clock::boot_nanos() - 2 * FOLD_WINDOW_NS;
    let (lines, closing, _) = run(source, &[opening(3, long_ago)]);
    let data = &lines[1].data;
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (&data["summary"], &data["count"]),
        (&true.into(), &5.into())
    );
    // What is true of a signal's death and of a plain code alike.
    assert_eq!(lines[1].severity, Severity::Warning);
    assert_eq!(lines[1].outcome, Outcome::Failure);
    assert_eq!(data["not_observed"]["config_generation"], "folded");
    assert_eq!(data["last"], Value::from(lines[1].timestamp.to_string()));
    let row = closing.ledger.types["kernel.container.abnormal_exit"];
    assert_eq!((row.summaries, row.emitted), (1, 2));
    assert_eq!(closing.ledger.check(), []);
}

#[test]
fn a_fold_that_is_open_at_the_end_is_closed_by_the_sweep() {
    let source = Double {
        folds: [(9, fold(2))].into(),
        seen: 3,
        aggregated: 2,
        ..Double::default()
    };
    let (lines, closing, _) = run(source, &[opening(4, clock::boot_nanos())]);
    assert_eq!(lines[1].data["count"], 2);
    assert_eq!(closing.ledger.check(), []);
}

#[test]
fn a_fold_in_the_root_has_no_cgroup() {
    let in_root = Fold {
        cgroup: None,
        ..fold(2)
    };
    let source = Double {
        folds: [(9, in_root)].into(),
        seen: 3,
        aggregated: 2,
        ..Double::default()
    };
    let (lines, _, _) = run(source, &[opening(9, clock::boot_nanos())]);
    let data = &lines[1].data;
    assert!(!data.contains_key("cgroup_id"));
    assert_eq!(data["not_observed"]["cgroup_id"], "root_cgroup");
}

/// More cgroups than owners are kept, in an order in which each pushes another out.
#[test]
fn every_cgroup_keeps_its_own_owner() {
    let ids: Vec<u64> = (0..200).map(|at| at * 16 % 97).collect();
    let source = Double {
        names: (0..97).map(|id| (group(id), format!("/{id}"))).collect(),
        seen: 200,
        ..Double::default()
    };
    let items: Vec<Item> = ids.iter().map(|id| exit(1, group(*id), 5)).collect();
    let (lines, _, _) = run(source, &items);
    for (line, id) in lines.iter().zip(ids) {
        assert_eq!(line.data["cgroup_path"], format!("/{id}"));
        assert_eq!(line.data["cgroup_id"], id);
    }
}

#[test]
fn names_are_read_when_their_ring_asks_for_it() {
    let source = Double {
        names: vec![(group(7), "/early".into())],
        seen: 1,
        ..Double::default()
    };
    let (lines, _, _) = run(source, &[Item::Names, exit(1, group(7), 5)]);
    assert_eq!(lines[0].data["cgroup_path"], "/early");
}

#[test]
fn a_flood_is_written_whole_and_in_order_and_the_books_agree() {
    let pids = 0..5_000;
    let items: Vec<Item> = pids.clone().map(|pid| exit(pid, group(7), 5)).collect();
    let source = Double {
        seen: u64::from(pids.end),
        ..Double::default()
    };
    let (lines, closing, ledgers) = run(source, &items);
    let written: Vec<u64> = lines
        .iter()
        .map(|line| line.data["pid"].as_u64().expect("a number"))
        .collect();
    assert_eq!(written, pids.map(u64::from).collect::<Vec<_>>());
    assert_eq!(closing.ledger.check(), []);
    assert_eq!(ledgers.last(), Some(&closing.ledger));
    assert!(matches!(
        closing.coverage.entries.back(),
        Some(Entry::Stopped(_))
    ));
}

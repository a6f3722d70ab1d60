//! Every fact of every event has a witness besides Tapio, named in `tests/data/oracles.tsv` with the
//! kernel test that asks it.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use tapio_common::catalogue::Observer;
use tapio_tests::repository::{self, tracked};

use crate::pages;

/// What stands in events of any type, or of many at once, and is no observer's.
const OF_ANY: [&str; 14] = [
    "timestamp",
    "boot_id",
    "cgroup_id",
    "cgroup_path",
    "cgroup_hierarchy",
    "container_runtime",
    "container_id",
    "pod_uid",
    "systemd_unit",
    "systemd_user_unit",
    "summary",
    "count",
    "first",
    "last",
];

struct Oracle {
    of: String,
    fact: String,
    test: String,
}

impl Oracle {
    /// Of the event itself, of its observer, of one of an observer's events, or of all.
    fn is_about(&self, of: &str, fact: &str) -> bool {
        let observer = of.split('.').next().unwrap_or_default();
        let (its_observer, _) = self.of.split_once('.').unwrap_or((&self.of, ""));
        let is_of = [of, observer, "*"].contains(&self.of.as_str()) || its_observer == of;
        is_of && fact == self.fact
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(repository::top().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn oracles() -> Vec<Oracle> {
    let table = read("tests/data/oracles.tsv");
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    rows.map(|row| {
        let [of, fact, oracle, test] = row.split('\t').collect::<Vec<_>>()[..] else {
            panic!("not four columns: {row}");
        };
        assert!(!oracle.is_empty(), "{row}");
        let own = |text: &str| text.to_owned();
        Oracle {
            of: own(of),
            fact: own(fact),
            test: own(test),
        }
    })
    .collect()
}

/// Every fact that any kernel was seen to tell, and every one that a case of an observer's tables has:
/// with the type of its event, or with its observer.
fn facts() -> BTreeSet<(String, String)> {
    let mut facts = BTreeSet::new();
    for row in pages::rows() {
        let told = row.told.into_iter();
        facts.extend(told.map(|fact| (row.event_type.clone(), fact)));
    }
    for observer in Observer::ALL {
        let folder = format!("tests/data/{}/", observer.name());
        for table in tracked()
            .iter()
            .filter(|file| file.path.starts_with(&folder))
        {
            let table: Value = serde_json::from_slice(&table.bytes()).expect("a table");
            let cases = table["cases"].as_array().expect("cases").iter();
            let data = cases.map(|case| &case["wanted"]["data"]);
            for data in data.chain([&table["every_data_has"]]) {
                let names = data.as_object().into_iter().flatten().map(|(name, _)| name);
                let names = names.filter(|name| *name != "not_observed");
                facts.extend(names.map(|name| (observer.name().to_owned(), name.clone())));
            }
        }
    }
    assert!(facts.len() > 100, "{facts:?}");
    facts
}

#[test]
fn no_fact_is_without_one() {
    let (oracles, facts) = (oracles(), facts());
    let has_one = |of: &str, fact: &str| oracles.iter().any(|oracle| oracle.is_about(of, fact));
    let without: Vec<_> = facts
        .iter()
        .filter(|(of, fact)| !has_one(of, fact))
        .collect();
    assert!(without.is_empty(), "no oracle is named for {without:?}");
    for fact in OF_ANY {
        assert!(has_one("*", fact), "no oracle is named for {fact}");
    }
    for oracle in &oracles {
        let is_needed = OF_ANY.contains(&oracle.fact.as_str())
            || facts.iter().any(|(of, fact)| oracle.is_about(of, fact));
        assert!(is_needed, "no event of {} has {}", oracle.of, oracle.fact);
    }
}

#[test]
fn every_test_that_is_named_is_there() {
    for oracle in oracles() {
        let (module, name) = oracle.test.rsplit_once("::").expect("a module and a test");
        let source = match module {
            "sampling" => read("agent/tests/sampling.rs"),
            _ => read(&format!("tests/kernel/{}.rs", module.replace("::", "/"))),
        };
        let wanted = format!("#[test]\nfn {name}() {{");
        assert!(source.contains(&wanted), "there is no {}", oracle.test);
    }
}

//! Every fact of every event has a witness besides Tapio, named in `tests/data/oracles.tsv` with the
//! kernel test that asks it.

use std::collections::BTreeSet;
use std::fs;

use tapio_tests::repository;

/// Facts of any event, of which the pages of the kernels say nothing.
const OF_THE_PLACE: [&str; 4] = ["boot_id", "cgroup_id", "cgroup_path", "cgroup_hierarchy"];

struct Oracle {
    of: String,
    fact: String,
    test: String,
}

impl Oracle {
    /// Of the event itself, of its observer, or of all.
    fn is_about(&self, event_type: &str, fact: &str) -> bool {
        let observer = event_type.split('.').next().unwrap_or_default();
        fact == self.fact && [event_type, observer, "*"].contains(&self.of.as_str())
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

/// Every fact that any kernel was seen to tell, with the type of its event.
fn facts() -> BTreeSet<(String, String)> {
    let mut facts = BTreeSet::new();
    let kernels = fs::read_dir(repository::top().join("tests/data/kernels")).expect("the pages");
    for kernel in kernels {
        let kernel = kernel.expect("an entry").file_name();
        for page in ["evidence", "storage"] {
            let page = read(&format!(
                "tests/data/kernels/{}/{page}.tsv",
                kernel.to_string_lossy()
            ));
            for row in page.lines() {
                let columns: Vec<&str> = row.split('\t').collect();
                let Some(event_type) = columns[0].strip_prefix("kernel.") else {
                    continue; // of the ledger
                };
                let told = columns[2].split(' ');
                facts.extend(told.map(|fact| (event_type.to_owned(), fact.to_owned())));
            }
        }
    }
    assert!(facts.len() > 50, "{facts:?}");
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
    for fact in OF_THE_PLACE {
        assert!(has_one("*", fact), "no oracle is named for {fact}");
    }
    for oracle in &oracles {
        let is_needed = OF_THE_PLACE.contains(&oracle.fact.as_str())
            || facts.iter().any(|(of, fact)| oracle.is_about(of, fact));
        assert!(is_needed, "no event of {} has {}", oracle.of, oracle.fact);
    }
}

#[test]
fn every_test_that_is_named_is_there() {
    for oracle in oracles() {
        let (module, name) = oracle.test.rsplit_once("::").expect("a module and a test");
        let source = read(&format!("tests/kernel/{}.rs", module.replace("::", "/")));
        let wanted = format!("#[test]\nfn {name}() {{");
        assert!(source.contains(&wanted), "there is no {}", oracle.test);
    }
}

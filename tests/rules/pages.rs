//! What is kept of the kernels in `tests/data/kernels`, as far as a machine can hold it together, and
//! the kernel tests that are left out somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use tapio_tests::repository::{self, tracked};

/// A kind of event as a kernel was seen to tell it.
pub struct Row {
    kernel: String,
    /// Without its `kernel.`.
    pub event_type: String,
    /// Named by the event itself as what it has not.
    absent: BTreeSet<String>,
    pub told: BTreeSet<String>,
}

impl Row {
    fn of(kernel: &str, line: &str) -> Option<Self> {
        let mut columns = line.split('\t');
        let mut next = || columns.next().expect("three columns");
        let (name, absent, told) = (next(), next(), next());
        let names = |text: &str| -> BTreeSet<String> {
            let names = text.split([' ', ',']).filter(|name| *name != "-");
            let without_reasons = names.filter_map(|name| name.split('=').next());
            without_reasons.map(str::to_owned).collect()
        };
        Some(Self {
            kernel: kernel.to_owned(),
            event_type: name.strip_prefix("kernel.")?.to_owned(),
            absent: names(absent),
            told: names(told),
        })
    }

    /// An exit by a code and one by a signal are one type, with facts of their own each.
    fn kind(&self) -> (&str, bool) {
        (&self.event_type, self.told.contains("signal"))
    }
}

/// Every row of every kernel.
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for page in tracked() {
        let path = page.path.strip_prefix("tests/data/kernels/");
        let Some((kernel, "evidence.tsv" | "storage.tsv")) = path.and_then(|p| p.split_once('/'))
        else {
            continue;
        };
        let text = page.text().expect("a page is text");
        rows.extend(text.lines().filter_map(|line| Row::of(kernel, line)));
    }
    rows
}

/// What one kernel tells and another does not, that one's event says it has not: else nobody knows.
#[test]
fn no_kernel_tells_less_and_is_silent_about_it() {
    let rows = rows();
    let mut of_all: BTreeMap<(&str, bool), BTreeSet<&String>> = BTreeMap::new();
    for row in &rows {
        of_all.entry(row.kind()).or_default().extend(&row.told);
    }
    let kernels: BTreeSet<&str> = rows.iter().map(|row| row.kernel.as_str()).collect();
    assert_eq!(kernels.len(), 5, "{kernels:?}");
    for (kind, facts) in of_all {
        for kernel in &kernels {
            let is_its = |row: &&Row| row.kernel == *kernel && row.kind() == kind;
            let row = rows.iter().find(is_its);
            let row = row.unwrap_or_else(|| panic!("{kernel} tells no {kind:?}"));
            for fact in &facts {
                let is_named = row.told.contains(*fact) || row.absent.contains(*fact);
                assert!(is_named, "{kernel}: {kind:?} is silent about {fact}");
            }
        }
    }
}

/// A row that nothing is called like says of nothing that it was not run.
#[test]
fn every_test_that_is_left_out_is_there() {
    let mut names = Vec::new();
    for file in tracked() {
        let module = file.path.strip_prefix("tests/kernel/");
        let Some(module) = module.and_then(|path| path.strip_suffix(".rs")) else {
            continue;
        };
        let (text, module) = (file.text().expect("Rust"), module.replace('/', "::"));
        let tests = text.split("#[test]\nfn ").skip(1);
        let tests = tests.filter_map(|rest| rest.split('(').next());
        names.extend(tests.map(|test| format!("{module}::{test}")));
    }
    assert!(names.len() > 100, "{names:?}");
    let table = repository::top().join("scripts/vm.d/not-run");
    let table = fs::read_to_string(table).expect("the table");
    for row in table.lines().filter(|line| !line.starts_with('#')) {
        let [place, name, reason] = row.split('\t').collect::<Vec<_>>()[..] else {
            panic!("not three columns: {row}");
        };
        assert!(!reason.is_empty(), "{row}");
        let is_there = names.iter().any(|test| test.contains(name));
        assert!(is_there, "{place}: nothing is called {name}");
    }
}

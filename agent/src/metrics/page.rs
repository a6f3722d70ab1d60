//! The page itself: one table of families, each with what it counts and where that stands.
//!
//! Labels come from closed sets, and what can be counted here has a row from the start, because a
//! counter that appears with its first event hides that event from whoever asks for its rate.

use std::fmt::Write as _;

use tapio_common::catalogue::Anomaly;
use tapio_common::ledger::{Ledger, ObserverCounts, SinkCounts, TypeCounts};
use tapio_common::sink::DropReason;

use crate::accounts::{Accounts, FetchResult, Wants};

/// A page in the making. Writing to a String cannot fail.
struct Page<'a> {
    text: String,
    accounts: &'a Accounts,
    ledger: &'a Ledger,
}

/// One family of figures; its help text is what it counts.
struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    rows: fn(&mut Page<'_>, &'static str),
}

const FAMILIES: &[Family] = &[
    Family {
        name: "tapio_agent_start_time_seconds",
        kind: "gauge",
        help: "When this run of the agent began, in seconds since 1970.",
        rows: |page, name| {
            let since = page.accounts.since().0;
            page.row(name, &[], since / 1_000_000_000);
        },
    },
    Family {
        name: "tapio_events_total",
        kind: "counter",
        help: "Records of the kernel that were read and understood.",
        rows: |page, name| page.by_observer(name, |row| row.received),
    },
    Family {
        name: "tapio_anomalies_total",
        kind: "counter",
        help: "Occurrences handed to the sinks.",
        rows: |page, name| {
            page.by_type(|page, kind, row| {
                page.row(name, &[("type", kind.event_type())], row.emitted);
            });
        },
    },
    Family {
        name: "tapio_lost_events_total",
        kind: "counter",
        help: "Facts that were seen and got lost: no room in the ring, or behind it.",
        rows: |page, name| page.by_observer(name, |row| row.lost + row.queue_drops),
    },
    Family {
        name: "tapio_malformed_events_total",
        kind: "counter",
        help: "Records whose bytes were not a record.",
        rows: |page, name| page.of_observer(name, |row| Some(row.malformed)),
    },
    Family {
        name: "tapio_correlation_drops_total",
        kind: "counter",
        help: "Facts that could not be tied to one object.",
        rows: |page, name| page.by_observer(name, |row| row.ambiguous),
    },
    Family {
        name: "tapio_sink_writes_total",
        kind: "counter",
        help: "Occurrences a sink has delivered.",
        rows: |page, name| {
            page.by_sink(|page, sink, counts| page.row(name, &[("sink", sink)], counts.delivered));
        },
    },
    Family {
        name: "tapio_sink_drops_total",
        kind: "counter",
        help: "Occurrences a sink could not deliver, by reason.",
        rows: |page, name| page.by_sink(|page, sink, counts| drops(page, name, sink, counts)),
    },
    Family {
        name: "tapio_controller_send_failures_total",
        kind: "counter",
        help: "Requests to the controller that failed.",
        rows: |page, name| {
            let failures = page.accounts.controller().send_failures();
            page.row(name, &[], failures);
        },
    },
    Family {
        name: "tapio_config_fetch_total",
        kind: "counter",
        help: "Requests for a config, by what came of them.",
        rows: |page, name| {
            for result in FetchResult::ALL {
                let fetches = page.accounts.controller().fetches(*result);
                page.row(name, &[("result", result.name())], fetches);
            }
        },
    },
    Family {
        name: "tapio_ledger_facts_total",
        kind: "counter",
        help: "The ledger: every fact of a type by the stage it reached; at rest the sums are equal.",
        rows: |page, name| page.by_type(|page, kind, row| stages(page, name, kind, &row)),
    },
    Family {
        name: "tapio_ledger_missed_total",
        kind: "counter",
        help: "The ledger: runs of its programs the kernel skipped; absent where it does not count them.",
        rows: |page, name| page.of_observer(name, |row| row.missed),
    },
    Family {
        name: "tapio_ledger_in_ring",
        kind: "gauge",
        help: "The ledger: records submitted and not yet read.",
        rows: |page, name| page.of_observer(name, |row| Some(row.in_ring)),
    },
    Family {
        name: "tapio_table_full_total",
        kind: "counter",
        help: "Owners and senders for which a table had no room; events name the field they lack.",
        rows: |page, name| page.by_want(name, |wants| wants.table_full),
    },
    Family {
        name: "tapio_fold_collisions_total",
        kind: "counter",
        help: "Facts told one by one because other cgroups hold the slots for folding.",
        rows: |page, name| page.by_want(name, |wants| wants.fold_collisions),
    },
    Family {
        name: "tapio_cgroups_unnamed_total",
        kind: "counter",
        help: "Cgroups whose name found no room, at least; below one of them none is counted.",
        rows: |page, name| page.row(name, &[], page.accounts.unnamed()),
    },
    Family {
        name: "tapio_ledger_sink_pending",
        kind: "gauge",
        help: "The ledger: occurrences waiting in a sink's queue.",
        rows: |page, name| {
            page.by_sink(|page, sink, counts| page.row(name, &[("sink", sink)], counts.pending));
        },
    },
];

const UP: &str = "tapio_agent_up";

pub fn page(accounts: &Accounts, ledger: &Ledger, is_up: bool) -> String {
    let mut page = Page {
        text: String::with_capacity(8 << 10),
        accounts,
        ledger,
    };
    page.head(UP, "gauge", "1, or 0 once the agent has left in order.");
    page.row(UP, &[], u64::from(is_up));
    for family in FAMILIES {
        page.head(family.name, family.kind, family.help);
        (family.rows)(&mut page, family.name);
    }
    page.text
}

impl Page<'_> {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// Labels hold words of our own tables, in which there is nothing to escape.
    fn row(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.text.push_str(name);
        for (at, (label, word)) in labels.iter().enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{before}{label}=\"{word}\"");
        }
        let after = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{after} {value}");
    }

    fn by_type(&mut self, mut put: impl FnMut(&mut Self, Anomaly, TypeCounts)) {
        let (accounts, ledger) = (self.accounts, self.ledger);
        for kind in accounts
            .observers()
            .flat_map(|observer| observer.anomalies())
        {
            let row = ledger.types.get(kind.event_type());
            put(self, kind, row.copied().unwrap_or_default());
        }
    }

    /// The sum over an observer's types.
    fn by_observer(&mut self, name: &str, pick: fn(&TypeCounts) -> u64) {
        let (accounts, ledger) = (self.accounts, self.ledger);
        for observer in accounts.observers() {
            let sum = ledger
                .types_of(observer.name())
                .map(|(_, row)| pick(row))
                .sum();
            self.row(name, &[("observer", observer.name())], sum);
        }
    }

    fn of_observer(&mut self, name: &str, pick: fn(&ObserverCounts) -> Option<u64>) {
        let (accounts, ledger) = (self.accounts, self.ledger);
        for observer in accounts.observers() {
            let row = ledger
                .observers
                .get(observer.name())
                .copied()
                .unwrap_or_default();
            if let Some(value) = pick(&row) {
                self.row(name, &[("observer", observer.name())], value);
            }
        }
    }

    fn by_want(&mut self, name: &str, pick: fn(Wants) -> u64) {
        for (observer, wants) in self.accounts.wants() {
            self.row(name, &[("observer", observer.name())], pick(wants));
        }
    }

    fn by_sink(&mut self, mut put: impl FnMut(&mut Self, &'static str, &SinkCounts)) {
        let (accounts, ledger) = (self.accounts, self.ledger);
        let none = SinkCounts::default();
        for (sink, _) in accounts.sinks() {
            put(
                self,
                sink.name(),
                ledger.sinks.get(sink.name()).unwrap_or(&none),
            );
        }
    }
}

fn drops(page: &mut Page<'_>, name: &str, sink: &str, counts: &SinkCounts) {
    for reason in DropReason::ALL {
        let dropped = counts.dropped.get(reason.name()).copied().unwrap_or(0);
        page.row(name, &[("sink", sink), ("reason", reason.name())], dropped);
    }
}

fn stages(page: &mut Page<'_>, name: &str, kind: Anomaly, row: &TypeCounts) {
    for (stage, facts) in row.rows() {
        page.row(
            name,
            &[("type", kind.event_type()), ("stage", stage)],
            facts,
        );
    }
}

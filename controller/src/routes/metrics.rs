//! `GET /metrics`: the Prometheus text format, with labels from closed sets only.

use std::fmt::Write as _;

use crate::http::message::{Body, ContentType, Response};
use crate::moment::Moment;
use crate::registry::Summary;
use crate::site::Site;

/// A page of metrics in the making. Writing to a String cannot fail.
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.family(name, kind, help);
        let _ = writeln!(self.0, "{name} {value}");
    }

    fn labelled(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.0.push_str(name);
        for (at, (label, text)) in labels.iter().enumerate() {
            self.0.push(if at == 0 { '{' } else { ',' });
            let _ = write!(self.0, "{label}=\"{}\"", escaped(text));
        }
        let _ = writeln!(self.0, "}} {value}");
    }
}

/// As the format wants a label's value.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

pub fn answer(site: &Site, now: Moment) -> Response {
    let mut page = Page(String::with_capacity(4_096));
    controller(site, now, &mut page);
    fleet(site, &mut page);
    traffic(site, &mut page);
    let body = Body::Bytes(page.0.into_bytes());
    Response::new(200, ContentType::Metrics, body)
}

fn controller(site: &Site, now: Moment, page: &mut Page) {
    page.single(
        "tapio_controller_uptime_seconds",
        "gauge",
        "Seconds since the controller started.",
        now.uptime_ms / 1_000,
    );
    let name = "tapio_controller_registry_lock_max_seconds";
    page.family(
        name,
        "gauge",
        "Longest time the registry was ever locked, by the clock on the wall.",
    );
    let holds = site.registry.holds();
    let _ = writeln!(page.0, "{name} {:.9}", holds.longest.as_secs_f64());
    page.single(
        "tapio_controller_registry_locks_total",
        "counter",
        "Times the registry was locked.",
        holds.total,
    );
    page.single(
        "tapio_controller_registry_locks_long_total",
        "counter",
        "Times it was locked for more than a millisecond, by the clock on the wall.",
        holds.long,
    );
    let connections = &site.traffic.connections;
    page.single(
        "tapio_controller_connections_evicted_total",
        "counter",
        "Connections closed to make room for others.",
        connections.evicted_total(),
    );
    page.single(
        "tapio_controller_accepts_starved_total",
        "counter",
        "Times a connection could not be accepted for want of descriptors or memory.",
        connections.starved_total(),
    );
    if let Some(accepted) = &site.accepted {
        page.single(
            "tapio_controller_accepted_copy_failures_total",
            "counter",
            "Batches refused because the copy of accepted events could not be written.",
            accepted.failures_total(),
        );
    }
}

/// A number that is read off the registry's summary.
struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    value: fn(&Summary) -> u64,
}

const FLEET: &[Metric] = &[
    Metric {
        name: "tapio_controller_config_generation",
        kind: "gauge",
        help: "Generation of the config that is served.",
        value: |summary| u64::from(summary.config.generation.0),
    },
    Metric {
        name: "tapio_controller_agents",
        kind: "gauge",
        help: "Agents in the registry.",
        value: |summary| summary.agents,
    },
    Metric {
        name: "tapio_controller_unregistered_agents",
        kind: "gauge",
        help: "Agents that send batches and never said hello.",
        value: |summary| summary.strangers,
    },
    Metric {
        name: "tapio_controller_agents_forgotten_total",
        kind: "counter",
        help: "Agents dropped because they were silent too long.",
        value: |summary| summary.forgotten,
    },
    Metric {
        name: "tapio_controller_accepted_events_total",
        kind: "counter",
        help: "Events taken.",
        value: |summary| summary.totals.accepted_events_total,
    },
    Metric {
        name: "tapio_controller_rejected_events_total",
        kind: "counter",
        help: "Events in batches that were refused.",
        value: |summary| summary.totals.rejected_events_total,
    },
    Metric {
        name: "tapio_controller_batches_accepted_total",
        kind: "counter",
        help: "Batches taken.",
        value: |summary| summary.totals.batches_accepted_total,
    },
    Metric {
        name: "tapio_controller_batches_rejected_total",
        kind: "counter",
        help: "Batches refused.",
        value: |summary| summary.totals.batches_rejected_total,
    },
    Metric {
        name: "tapio_controller_sequence_gaps_total",
        kind: "counter",
        help: "Batches missing between those that came.",
        value: |summary| summary.gaps,
    },
    Metric {
        name: "tapio_controller_sequence_regressions_total",
        kind: "counter",
        help: "Batches at or below a sequence already taken.",
        value: |summary| summary.regressions,
    },
    Metric {
        name: "tapio_controller_duplicate_batches_total",
        kind: "counter",
        help: "Retries of the batch taken last, counted once only.",
        value: |summary| summary.duplicates,
    },
];

fn fleet(site: &Site, page: &mut Page) {
    let (summary, census) = site
        .registry
        .with(|registry| (registry.summary(), registry.census()));
    for metric in FLEET {
        page.single(
            metric.name,
            metric.kind,
            metric.help,
            (metric.value)(&summary),
        );
    }
    let name = "tapio_controller_agents_by_reported_hash";
    page.family(
        name,
        "gauge",
        "Agents by the config hash of their newest heartbeat; empty before any config.",
    );
    for (hash, agents) in census.rows() {
        page.labelled(name, &[("config_hash", hash)], agents);
    }
}

fn traffic(site: &Site, page: &mut Page) {
    let name = "tapio_controller_requests_total";
    page.family(name, "counter", "Requests answered, by route and status.");
    for (route, status, requests) in site.traffic.rows() {
        let status = status.to_string();
        let labels = [("route", route.label()), ("status", status.as_str())];
        page.labelled(name, &labels, requests);
    }
}

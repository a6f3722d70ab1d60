//! One occurrence in the words of one line: what happened, and whose it was.
//!
//! Facts and no conclusions. A fact that is absent is left out; an occurrence of a type this build
//! does not know is told by its facts as they are.

use serde_json::{Map, Value};

use crate::screen::size;

/// Facts every occurrence has, which say nothing about this one.
const COMMON: [&str; 5] = [
    "config_generation",
    "boot_id",
    "cgroup_id",
    "cgroup_hierarchy",
    "not_observed",
];

type Facts = Map<String, Value>;

fn text<'a>(facts: &'a Facts, name: &str) -> Option<&'a str> {
    facts.get(name).and_then(Value::as_str)
}

fn number(facts: &Facts, name: &str) -> Option<u64> {
    facts.get(name).and_then(Value::as_u64)
}

/// What happened, as far as the facts say.
pub fn what(event_type: &str, facts: &Facts) -> String {
    let told = match event_type {
        "kernel.container.oom_kill" => oom_kill(facts),
        "kernel.container.abnormal_exit" => exit(facts),
        _ if event_type.starts_with("kernel.network.") => connection(facts),
        _ if event_type.starts_with("kernel.storage.") => request(facts),
        _ => String::new(),
    };
    let told = if told.is_empty() {
        every_fact(facts)
    } else {
        told
    };
    match number(facts, "count").filter(|_| facts.contains_key("summary")) {
        Some(count) => format!("{count} more like it: {told}"),
        None => told,
    }
}

/// `sh[4711]`
fn process(facts: &Facts) -> String {
    let pid = number(facts, "pid").map_or_else(String::new, |pid| format!("[{pid}]"));
    format!("{}{pid}", text(facts, "comm").unwrap_or(""))
}

fn joined(parts: impl IntoIterator<Item = String>) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

fn oom_kill(facts: &Facts) -> String {
    let resident = ["anon_rss_bytes", "file_rss_bytes", "shmem_rss_bytes"];
    let resident: Vec<u64> = resident
        .iter()
        .filter_map(|name| number(facts, name))
        .collect();
    let held = (!resident.is_empty()).then(|| format!("held {}", size(resident.iter().sum())));
    let limit = number(facts, "memory_limit_bytes").map(|bytes| format!("limit {}", size(bytes)));
    let told: Vec<String> = held.into_iter().chain(limit).collect();
    joined([process(facts), told.join(", ")])
}

fn exit(facts: &Facts) -> String {
    let how = match (number(facts, "signal"), number(facts, "exit_code")) {
        (Some(signal), _) => format!("signal {}{}", signal_name(signal), sender(facts)),
        (None, Some(code)) => format!("code {code}"),
        (None, None) => "ended".to_owned(),
    };
    let is_victim = facts.get("oom_victim").and_then(Value::as_bool) == Some(true);
    let oom = is_victim.then(|| "oom victim".to_owned());
    let lived = number(facts, "runtime_ms").map(|ms| format!("after {}", lasted(ms)));
    let told: Vec<String> = [Some(how), oom, lived].into_iter().flatten().collect();
    joined([process(facts), told.join(", ")])
}

fn sender(facts: &Facts) -> String {
    match facts.get("sender") {
        Some(Value::String(kernel)) => format!(" from {kernel}"),
        Some(Value::Object(sender)) => format!(" from {}", process(sender)),
        Some(_) | None => String::new(),
    }
}

fn signal_name(signal: u64) -> String {
    let name = match signal {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        4 => "ILL",
        6 => "ABRT",
        7 => "BUS",
        8 => "FPE",
        9 => "KILL",
        11 => "SEGV",
        13 => "PIPE",
        15 => "TERM",
        31 => "SYS",
        _ => return signal.to_string(),
    };
    format!("{signal} ({name})")
}

/// `1.234 s`, `3 h 5 min`
pub fn lasted(millis: u64) -> String {
    match millis {
        0..60_000 => format!("{}.{:03} s", millis / 1_000, millis % 1_000),
        60_000..3_600_000 => format!("{} min {} s", millis / 60_000, millis / 1_000 % 60),
        _ => format!("{} h {} min", millis / 3_600_000, millis / 60_000 % 60),
    }
}

fn connection(facts: &Facts) -> String {
    let end = |ip, port| {
        let port = number(facts, port).map_or_else(String::new, |port| format!(":{port}"));
        text(facts, ip).map(|ip| format!("{ip}{port}"))
    };
    let peer = end("dst_ip", "dst_port").map(|peer| format!("to {peer}"));
    let from = end("src_ip", "src_port").map(|from| format!("from {from}"));
    let count = number(facts, "count").filter(|_| !facts.contains_key("summary"));
    let count = count.map(|count| format!("{count} retransmits"));
    let rtt =
        |name| number(facts, name).map(|us| format!("{}.{:01} ms", us / 1_000, us % 1_000 / 100));
    let rtt = rtt("current_us").zip(rtt("baseline_us"));
    let rtt = rtt.map(|(now, before)| format!("rtt {now}, was {before}"));
    joined(
        [process(facts)]
            .into_iter()
            .chain([peer, from, count, rtt].into_iter().flatten()),
    )
}

fn request(facts: &Facts) -> String {
    let device = facts.get("device").map(|device| match device {
        Value::String(name) => name.clone(),
        Value::Object(device) => text(device, "name").unwrap_or("").to_owned(),
        other => other.to_string(),
    });
    let op = text(facts, "op").map(str::to_owned);
    let sector = number(facts, "sector").map(|sector| format!("sector {sector}"));
    let took = number(facts, "latency_us").map(|us| format!("took {}", lasted(us / 1_000)));
    let error = ["errno", "status"]
        .iter()
        .find_map(|name| facts.get(*name).map(|value| format!("{name} {value}")));
    let parts = [device, op, sector, took, error, Some(process(facts))];
    joined(parts.into_iter().flatten())
}

fn every_fact(facts: &Facts) -> String {
    let told = facts
        .iter()
        .filter(|(name, _)| !COMMON.contains(&name.as_str()));
    joined(told.map(|(name, value)| match value {
        Value::String(text) => format!("{name}={text}"),
        other => format!("{name}={other}"),
    }))
}

/// Whose it was: the container, the unit, or the cgroup.
pub fn whose(facts: &Facts) -> String {
    if let Some(id) = text(facts, "container_id") {
        let short: String = id.chars().take(12).collect();
        let runtime = text(facts, "container_runtime").unwrap_or("container");
        return format!("{runtime} {short}");
    }
    let unit = text(facts, "systemd_unit").or_else(|| text(facts, "cgroup_path"));
    unit.unwrap_or("").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(json: &str) -> Facts {
        serde_json::from_str(json).expect("facts")
    }

    #[test]
    fn each_kind_is_told_by_its_own_facts() {
        for (event_type, json, wanted) in [
            (
                "kernel.container.oom_kill",
                r#"{"pid":7,"comm":"hog","anon_rss_bytes":1048576,"file_rss_bytes":1048576,"memory_limit_bytes":4194304}"#,
                "hog[7] held 2.0 MiB, limit 4.0 MiB",
            ),
            (
                "kernel.container.abnormal_exit",
                r#"{"pid":7,"comm":"sh","signal":9,"sender":{"pid":8,"comm":"kill"},"runtime_ms":1234}"#,
                "sh[7] signal 9 (KILL) from kill[8], after 1.234 s",
            ),
            (
                "kernel.container.abnormal_exit",
                r#"{"pid":7,"comm":"sh","exit_code":3,"oom_victim":false,"runtime_ms":61000}"#,
                "sh[7] code 3, after 1 min 1 s",
            ),
            (
                "kernel.container.abnormal_exit",
                r#"{"pid":7,"comm":"sh","signal":34,"sender":"kernel","oom_victim":true,"summary":true,"count":9}"#,
                "9 more like it: sh[7] signal 34 from kernel, oom victim",
            ),
            (
                "kernel.network.connection_refused",
                r#"{"pid":7,"comm":"curl","src_ip":"10.0.0.1","src_port":4000,"dst_ip":"::1","dst_port":80}"#,
                "curl[7] to ::1:80 from 10.0.0.1:4000",
            ),
            (
                "kernel.network.rtt_degradation",
                r#"{"dst_ip":"10.0.0.1","dst_port":80,"baseline_us":900,"current_us":75000}"#,
                "to 10.0.0.1:80 rtt 75.0 ms, was 0.9 ms",
            ),
            (
                "kernel.storage.io_error",
                r#"{"device":"8:0 sda","op":"write","sector":9,"errno":5,"pid":7,"comm":"dd"}"#,
                "8:0 sda write sector 9 errno 5 dd[7]",
            ),
            (
                "kernel.node.cpu_stall",
                r#"{"cpu":1,"duration_ms":5,"boot_id":"b"}"#,
                "cpu=1 duration_ms=5",
            ),
        ] {
            assert_eq!(what(event_type, &facts(json)), wanted);
        }
    }

    #[test]
    fn it_belongs_to_the_container_before_the_unit_before_the_path() {
        let id = "0123456789abcdef0123";
        let all = format!(
            r#"{{"container_runtime":"podman","container_id":"{id}","systemd_unit":"u","cgroup_path":"/p"}}"#
        );
        assert_eq!(whose(&facts(&all)), "podman 0123456789ab");
        assert_eq!(
            whose(&facts(r#"{"systemd_unit":"a.service","cgroup_path":"/p"}"#)),
            "a.service"
        );
        assert_eq!(whose(&facts(r#"{"cgroup_path":"/p"}"#)), "/p");
        assert_eq!(whose(&facts("{}")), "");
    }
}

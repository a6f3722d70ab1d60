//! The table in `tests/data/container`: a record, and the occurrence a person wants of it.

use std::path::Path;

use serde_json::Value;
use tapio_common::abi::Plain;
use tapio_common::abi::shared::{ABI_VERSION, CgroupRef, ProcessRef};
use tapio_common::catalogue::Observer;

use super::*;
use crate::observer::tests::{flags, number, said_of};

fn process(record: &Value) -> ProcessRef {
    let mut process = ProcessRef::zeroed();
    process.pid = number(record, "pid");
    let comm = record["comm"].as_str().unwrap_or_default().as_bytes();
    process.comm[..comm.len()].copy_from_slice(comm);
    process
}

fn cgroup(record: &Value) -> CgroupRef {
    CgroupRef {
        id: number(record, "id"),
        hierarchy: number(record, "hierarchy"),
        reserved: [0; 7],
    }
}

/// The flags of a record by their names in the ABI.
const FLAGS: [(&str, u32); 8] = [
    ("OOM_HAS_RSS", OOM_HAS_RSS),
    ("OOM_LIMIT_BY_LOCK", OOM_LIMIT_BY_LOCK),
    ("OOM_LIMIT_BY_USAGE", OOM_LIMIT_BY_USAGE),
    ("OOM_NO_MEMCG", OOM_NO_MEMCG),
    ("EXIT_OOM_VICTIM", EXIT_OOM_VICTIM),
    ("EXIT_WORKLOAD_ROOT", EXIT_WORKLOAD_ROOT),
    ("EXIT_SENDER_KERNEL", EXIT_SENDER_KERNEL),
    ("EXIT_SENDER_PROCESS", EXIT_SENDER_PROCESS),
];

fn bytes_of(record: &Value) -> Vec<u8> {
    if record["kind"] == "oom_kill" {
        let mut kill = OomKill::zeroed();
        kill.header.kind = RECORD_OOM_KILL;
        kill.header.abi_version = ABI_VERSION;
        kill.victim = process(&record["victim"]);
        kill.uid = number(record, "uid");
        kill.oom_score_adj = number(record, "oom_score_adj");
        kill.flags = flags(record, &FLAGS);
        kill.anon_rss_bytes = number(record, "anon_rss_bytes");
        kill.file_rss_bytes = number(record, "file_rss_bytes");
        kill.shmem_rss_bytes = number(record, "shmem_rss_bytes");
        kill.limit_bytes = number(record, "limit_bytes");
        kill.usage_bytes = number(record, "usage_bytes");
        kill.limit_cgroup = cgroup(&record["limit_cgroup"]);
        kill.trigger = process(&record["trigger"]);
        return kill.as_bytes().to_vec();
    }
    let mut exit = AbnormalExit::zeroed();
    exit.header.kind = RECORD_ABNORMAL_EXIT;
    exit.header.abi_version = ABI_VERSION;
    exit.process = process(&record["process"]);
    exit.status = number(record, "status");
    exit.runtime_ns = number(record, "runtime_ns");
    exit.flags = flags(record, &FLAGS);
    exit.sender = process(&record["sender"]);
    exit.sender_cgroup = cgroup(&record["sender_cgroup"]);
    exit.as_bytes().to_vec()
}

#[test]
fn every_case_of_the_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/container");
    let mut cases = 0;
    for file in std::fs::read_dir(folder).expect("the table's folder") {
        let path = file.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("a table");
        let table: Value = serde_json::from_str(&text).expect("a table in JSON");
        for case in table["cases"].as_array().expect("cases") {
            let said = said_of(Observer::Container, &bytes_of(&case["record"]));
            assert_eq!(said, case["wanted"], "{}: {}", path.display(), case["rule"]);
            cases += 1;
        }
    }
    assert!(cases >= 20, "{cases} cases");
}

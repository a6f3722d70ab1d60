//! OOM kills and abnormal exits: what a record claims.
//!
//! `oom_kill`: the kernel killed this process for want of memory (a victim was marked for which a
//! SIGKILL had just been generated). `abnormal_exit`: a process ended with a signal or a code
//! other than 0; told once per process. The cause is a word for what was seen, never a guess.

mod signal;

use tapio_common::abi::container::{
    AbnormalExit, EXIT_OOM_VICTIM, EXIT_SENDER_KERNEL, EXIT_SENDER_PROCESS, EXIT_WORKLOAD_ROOT,
    OOM_HAS_RSS, OOM_LIMIT_BY_LOCK, OOM_LIMIT_BY_USAGE, OOM_NO_MEMCG, OomKill,
    RECORD_ABNORMAL_EXIT, RECORD_OOM_KILL,
};
use tapio_common::catalogue::{Anomaly, Outcome, Severity};
use tapio_common::occurrence::{ErrorFact, Facts};

use super::{Anomalous, Classified, Malformed, PathOf, Record, error, read};

/// A limit at or above this is the kernel's word for none.
const UNLIMITED_BYTES: u64 = 1 << 62;
const NANOS_PER_MILLI: u64 = 1_000_000;

pub(super) fn classify(kind: u16, bytes: &[u8]) -> Result<Classified, Malformed> {
    match kind {
        RECORD_OOM_KILL => Ok(Classified::Anomalous(Anomalous {
            anomaly: Anomaly::OomKill,
            severity: Anomaly::OomKill.severity(),
            record: Record::OomKill(read(bytes)?),
        })),
        RECORD_ABNORMAL_EXIT => Ok(classify_exit(read(bytes)?)),
        _ => Err(Malformed::Kind { kind }),
    }
}

fn classify_exit(record: AbnormalExit) -> Classified {
    let severity = match End::of(&record) {
        End::Signal { .. } => Anomaly::AbnormalExit.severity(),
        End::Code(0) => return Classified::Ignored(Anomaly::AbnormalExit),
        End::Code(_) => Severity::Warning,
    };
    Classified::Anomalous(Anomalous {
        anomaly: Anomaly::AbnormalExit,
        severity,
        record: Record::AbnormalExit(record),
    })
}

/// A wait status taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Code(u32),
    Signal { number: u32, core_dumped: bool },
}

impl End {
    fn of(record: &AbnormalExit) -> Self {
        match record.status & 0x7f {
            0 => Self::Code(record.status >> 8 & 0xff),
            number => Self::Signal {
                number,
                core_dumped: record.status & 0x80 != 0,
            },
        }
    }
}

/// Why it ended, as far as the kernel was seen to say so. A process that was killed by another
/// and marked as a victim afterwards was killed by the other.
fn cause(record: &AbnormalExit) -> &'static str {
    let has = |flag| record.flags & flag != 0;
    match End::of(record) {
        End::Code(_) => "exit_code",
        End::Signal { .. } if has(EXIT_SENDER_PROCESS) => "signal_from_process",
        End::Signal { .. } if has(EXIT_OOM_VICTIM) => "oom_victim_marked",
        End::Signal { number, .. } if has(EXIT_SENDER_KERNEL) && signal::is_fault(number) => {
            "fault_signal"
        }
        End::Signal { .. } => "not_observed",
    }
}

pub(super) fn describe_kill() -> (Outcome, Option<ErrorFact<'static>>) {
    let said = error("OOM_KILL", "killed by the kernel for want of memory");
    (Outcome::Failure, said)
}

pub(super) fn describe_exit(record: &AbnormalExit) -> (Outcome, Option<ErrorFact<'static>>) {
    let said = match End::of(record) {
        End::Code(_) => error("EXIT_CODE", "ended with a code other than 0"),
        End::Signal { number, .. } => error(signal::name(number), "ended by a signal"),
    };
    (Outcome::Failure, said)
}

pub(super) fn fill_exit(record: &AbnormalExit, facts: &mut Facts<'_>) {
    facts.u64("pid", record.process.pid);
    facts.kernel_text("comm", &record.process.comm);
    match End::of(record) {
        End::Code(code) => facts.u64("exit_code", code),
        End::Signal {
            number,
            core_dumped,
        } => {
            facts.u64("signal", number);
            facts.flag("core_dumped", core_dumped);
            fill_sender(record, facts);
        }
    }
    facts.flag("oom_victim", record.flags & EXIT_OOM_VICTIM != 0);
    facts.u64("runtime_ms", record.runtime_ns / NANOS_PER_MILLI);
    facts.flag("is_workload_root", record.flags & EXIT_WORKLOAD_ROOT != 0);
    facts.text("cause", cause(record));
}

fn fill_sender(record: &AbnormalExit, facts: &mut Facts<'_>) {
    if record.flags & EXIT_SENDER_PROCESS != 0 {
        facts.nested("sender", |facts| {
            facts.u64("pid", record.sender.pid);
            facts.kernel_text("comm", &record.sender.comm);
            match record.sender_cgroup.hierarchy {
                0 => facts.absent("sender.cgroup_id", "root_cgroup"),
                _ => facts.u64("cgroup_id", record.sender_cgroup.id),
            }
        });
    } else if record.flags & EXIT_SENDER_KERNEL != 0 {
        facts.text("sender", "kernel");
    } else {
        facts.absent("sender", "not_seen");
    }
}

pub(super) fn fill_kill(record: &OomKill, facts: &mut Facts<'_>, path_of: PathOf<'_>) {
    facts.u64("pid", record.victim.pid);
    facts.kernel_text("comm", &record.victim.comm);
    facts.u64("uid", record.uid);
    facts.i64("oom_score_adj", record.oom_score_adj);
    let resident = [
        ("anon_rss_bytes", record.anon_rss_bytes),
        ("file_rss_bytes", record.file_rss_bytes),
        ("shmem_rss_bytes", record.shmem_rss_bytes),
    ];
    for (name, bytes) in resident {
        if record.flags & OOM_HAS_RSS != 0 {
            facts.u64(name, bytes);
        } else {
            facts.absent(name, "no_memory_descriptor");
        }
    }
    fill_limit(record, facts, path_of);
    facts.u64("trigger_pid", record.trigger.pid);
    facts.kernel_text("trigger_comm", &record.trigger.comm);
}

/// Whose limit it was, if one was found. None found says nothing: not that it was the machine's.
fn fill_limit(record: &OomKill, facts: &mut Facts<'_>, path_of: PathOf<'_>) {
    let by = match record.flags & (OOM_LIMIT_BY_LOCK | OOM_LIMIT_BY_USAGE) {
        OOM_LIMIT_BY_LOCK => "oom_lock",
        OOM_LIMIT_BY_USAGE => "usage",
        _ => {
            let reason = match record.flags & OOM_NO_MEMCG {
                0 => "no_limit_found",
                _ => "no_memory_cgroups",
            };
            let fields = [
                "memory_limit_bytes",
                "memory_usage_bytes",
                "limit_cgroup_path",
                "constraint",
            ];
            return fields.iter().for_each(|field| facts.absent(field, reason));
        }
    };
    if record.limit_bytes < UNLIMITED_BYTES {
        facts.u64("memory_limit_bytes", record.limit_bytes);
    } else {
        facts.absent("memory_limit_bytes", "unlimited");
    }
    facts.u64("memory_usage_bytes", record.usage_bytes);
    match path_of(record.limit_cgroup) {
        Some(path) => facts.text("limit_cgroup_path", path),
        None => facts.absent("limit_cgroup_path", "name_unknown"),
    }
    facts.text("limit_by", by);
    facts.text("constraint", "memcg");
}

#[cfg(test)]
mod tests;

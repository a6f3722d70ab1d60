//! Requests to block devices that failed or took long: what a record claims.
//!
//! `io_error`: a request, or a part of one, was completed with a failure status. `latency_spike`:
//! from its first issue to the completion of its last part it took as long as the limit, however
//! it ended. `pid` is who was running when it was queued, which for what was only written to the
//! page cache is a thread of the kernel; the cgroup is then still that of whoever wrote.

mod status;

use tapio_common::abi::storage::{
    RECORD_IO_ERROR, RECORD_LATENCY_SPIKE, REQUEST_CGROUP_IS_CHARGED, REQUEST_CRITICAL,
    REQUEST_ISSUE_SEEN, REQUEST_OWNER_IS_KERNEL, RequestFact,
};
use tapio_common::catalogue::{Anomaly, Outcome, Severity};
use tapio_common::occurrence::{ErrorFact, Facts};

use self::status::Status;
use super::{Anomalous, Classified, Malformed, Record, read};

const NANOS_PER_MICRO: u64 = 1_000;
/// What a request without a place on the disk has for one.
const NO_SECTOR: u64 = u64::MAX;

pub(super) fn classify(kind: u16, bytes: &[u8]) -> Result<Classified, Malformed> {
    let anomaly = match kind {
        RECORD_IO_ERROR => Anomaly::IoError,
        RECORD_LATENCY_SPIKE => Anomaly::LatencySpike,
        _ => return Err(Malformed::Kind { kind }),
    };
    let record: RequestFact = read(bytes)?;
    let status = record.status;
    if anomaly == Anomaly::IoError && Status::of(&record).is_none() {
        return Err(Malformed::Status { status });
    }
    let severity = match record.flags & REQUEST_CRITICAL {
        0 => anomaly.severity(),
        _ => Severity::Critical,
    };
    Ok(Classified::Anomalous(Anomalous {
        anomaly,
        severity,
        record: Record::Request(record),
    }))
}

pub(super) fn describe(record: &RequestFact) -> (Outcome, Option<ErrorFact<'static>>) {
    match Status::of(record) {
        None => (Outcome::Success, None),
        Some(status) if status.is_timeout() => (Outcome::Timeout, Some(status.error())),
        Some(status) => (Outcome::Failure, Some(status.error())),
    }
}

pub(super) fn fill(record: &RequestFact, facts: &mut Facts<'_>) {
    facts.nested("device", |facts| {
        facts.u64("major", record.major);
        facts.u64("minor", record.minor);
        facts.kernel_text("name", &record.disk);
    });
    match op(record.op) {
        Some(name) => facts.text("op", name),
        None => facts.u64("op", record.op),
    }
    match record.sector {
        NO_SECTOR => facts.absent("sector", "no_place"),
        sector => facts.u64("sector", sector),
    }
    facts.u64("bytes", record.bytes);
    fill_issue(record, facts);
    if let Some(status) = Status::of(record) {
        status.fill(facts);
    }
    if record.header.cgroup.hierarchy != 0 {
        let by = match record.flags & REQUEST_CGROUP_IS_CHARGED {
            0 => "owner",
            _ => "charge",
        };
        facts.text("cgroup_by", by);
    }
}

/// Whose it is and how long it took, if it was seen to begin.
fn fill_issue(record: &RequestFact, facts: &mut Facts<'_>) {
    if record.flags & REQUEST_ISSUE_SEEN == 0 {
        let absent = ["latency_us", "pid", "comm", "owner_is_kernel"];
        return absent
            .iter()
            .for_each(|field| facts.absent(field, "issue_not_seen"));
    }
    facts.u64("latency_us", record.latency_ns / NANOS_PER_MICRO);
    facts.u64("pid", record.process.pid);
    facts.kernel_text("comm", &record.process.comm);
    facts.flag(
        "owner_is_kernel",
        record.flags & REQUEST_OWNER_IS_KERNEL != 0,
    );
    if record.requeues > 0 {
        facts.u64("requeues", record.requeues);
    }
}

/// The operations whose numbers mean the same in all kernels.
fn op(number: u32) -> Option<&'static str> {
    Some(match number {
        0 => "read",
        1 => "write",
        2 => "flush",
        3 => "discard",
        5 => "secure_erase",
        9 => "write_zeroes",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;

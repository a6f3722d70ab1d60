//! CPUs that entered a state or left it: what a record claims.
//!
//! `cpu_stall`: of the cycles it was busy, so many were stalled in its backend as the critical
//! threshold says; `memory_pressure`: as the lower one says. `ipc_degradation`: it got fewer
//! instructions done in a cycle than the limit. Told on entering and on leaving, of one CPU; who
//! ran on it then is not claimed.

use tapio_common::abi::node::{
    CpuTurn, RECORD_CPU_STALL, RECORD_IPC_DEGRADATION, RECORD_MEMORY_PRESSURE, TURN_LEFT,
};
use tapio_common::catalogue::{Anomaly, Outcome, Severity};
use tapio_common::occurrence::{ErrorFact, Facts};

use super::{Anomalous, Classified, Malformed, Record, read};

const NANOS_PER_MILLI: u64 = 1_000_000;

pub(super) fn classify(kind: u16, bytes: &[u8]) -> Result<Classified, Malformed> {
    let anomaly = match kind {
        RECORD_CPU_STALL => Anomaly::CpuStall,
        RECORD_MEMORY_PRESSURE => Anomaly::MemoryPressure,
        RECORD_IPC_DEGRADATION => Anomaly::IpcDegradation,
        _ => return Err(Malformed::Kind { kind }),
    };
    let record: CpuTurn = read(bytes)?;
    let severity = match is_left(&record) {
        true => Severity::Info,
        false => anomaly.severity(),
    };
    Ok(Classified::Anomalous(Anomalous {
        anomaly,
        severity,
        record: Record::Cpu(record),
    }))
}

fn is_left(record: &CpuTurn) -> bool {
    record.flags & TURN_LEFT != 0
}

/// It goes on until it is left, and that says nothing of how things were afterwards.
pub(super) fn describe(record: &CpuTurn) -> (Outcome, Option<ErrorFact<'static>>) {
    match is_left(record) {
        true => (Outcome::Unknown, None),
        false => (Outcome::InProgress, None),
    }
}

pub(super) fn fill(record: &CpuTurn, facts: &mut Facts<'_>) {
    facts.u64("cpu", record.cpu);
    match is_left(record) {
        false => facts.text("turn", "entered"),
        true => {
            facts.text("turn", "left");
            facts.u64("duration_ms", record.duration_ns / NANOS_PER_MILLI);
        }
    }
    let (counted, ratio, limit) = match record.header.kind {
        RECORD_IPC_DEGRADATION => ("instructions", "ipc_milli", "limit_milli"),
        _ => ("stalled_cycles", "stall_permille", "limit_permille"),
    };
    facts.u64(limit, record.limit);
    // Nothing was counted when it went idle, and that was what ended it.
    if record.cycles == 0 {
        let absent = [ratio, "cycles", counted];
        return absent.iter().for_each(|name| facts.absent(name, "idle"));
    }
    let per_thousand = u128::from(record.counted) * 1_000 / u128::from(record.cycles);
    facts.u64(ratio, u64::try_from(per_thousand).unwrap_or(u64::MAX));
    facts.u64("cycles", record.cycles);
    facts.u64(counted, record.counted);
}

#[cfg(test)]
mod tests;

//! Connections that could not be made, that died, or that are in trouble: what a record claims.
//!
//! The kernel's program says what kind of fact it is; which of the five ends an end is follows
//! from the error the socket was left with and from the state it was in. `pid` is who connected.
//! A connection that was accepted has none, and `listener_pid` is who listens on its local address
//! and port at that moment.

mod errno;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tapio_common::abi::network::{
    CONNECTION_ACCEPTED, CONNECTION_HAS_LISTENER, CONNECTION_HAS_OWNER, CONNECTION_LISTENERS,
    CONNECTION_OWNER_LOST, Connection, ConnectionFact, Destination, RECORD_CONNECTION_END,
    RECORD_RETRANSMITS, RECORD_ROUND_TRIP,
};
use tapio_common::catalogue::{Anomaly, Outcome};
use tapio_common::occurrence::{ErrorFact, Facts};

use self::errno::Errno;
use super::{Anomalous, Classified, Malformed, Record, error, read};

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// States of a TCP socket, from 1 on.
const STATES: [&str; 12] = [
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "NEW_SYN_RECV",
];
const SYN_SENT: u8 = 2;
const CLOSE_WAIT: u8 = 8;

pub(super) fn classify(kind: u16, bytes: &[u8]) -> Result<Classified, Malformed> {
    let anomaly = match kind {
        RECORD_CONNECTION_END => None,
        RECORD_RETRANSMITS => Some(Anomaly::RetransmitSpike),
        RECORD_ROUND_TRIP => Some(Anomaly::RttDegradation),
        _ => return Err(Malformed::Kind { kind }),
    };
    let record: ConnectionFact = read(bytes)?;
    let family = record.connection.family;
    if family != AF_INET && family != AF_INET6 {
        return Err(Malformed::Family { family });
    }
    let errno = record.error;
    let anomaly = anomaly
        .or_else(|| end_of(&record))
        .ok_or(Malformed::Errno { errno })?;
    Ok(Classified::Anomalous(Anomalous {
        anomaly,
        severity: anomaly.severity(),
        record: Record::Connection(record),
    }))
}

/// Which end it was; `None` for an error with which no connection of ours ends.
fn end_of(record: &ConnectionFact) -> Option<Anomaly> {
    let errno = Errno::of(record.error)?;
    let is_attempt = record.old_state == SYN_SENT;
    match errno {
        Errno::Refused => is_attempt.then_some(Anomaly::ConnectionRefused),
        Errno::Reset => (!is_attempt).then_some(Anomaly::ConnectionReset),
        Errno::BrokenPipe => (record.old_state == CLOSE_WAIT).then_some(Anomaly::ConnectionReset),
        Errno::TimedOut if is_attempt => Some(Anomaly::ConnectionTimeout),
        Errno::HostUnreachable | Errno::NetUnreachable | Errno::HostDown if is_attempt => {
            Some(Anomaly::ConnectionUnreachable)
        }
        Errno::TimedOut | Errno::HostUnreachable | Errno::NetUnreachable | Errno::HostDown => {
            Some(Anomaly::ConnectionLost)
        }
    }
}

pub(super) fn describe(
    anomaly: Anomaly,
    record: &ConnectionFact,
) -> (Outcome, Option<ErrorFact<'static>>) {
    let said = Errno::of(record.error).and_then(|errno| error(errno.name(), errno.message()));
    (anomaly.outcome_of_all(), said)
}

pub(super) fn fill(record: &ConnectionFact, facts: &mut Facts<'_>) {
    fill_connection(&record.connection, facts);
    match record.header.kind {
        RECORD_RETRANSMITS => {
            facts.u64("count", record.count);
            fill_transmission(record, facts);
        }
        RECORD_ROUND_TRIP => {
            facts.u64("baseline_us", record.baseline_us);
            facts.u64("current_us", record.srtt_us);
            facts.u64("samples", record.samples);
        }
        _ => fill_end(record, facts),
    }
}

fn fill_end(record: &ConnectionFact, facts: &mut Facts<'_>) {
    facts.u64("errno", record.error);
    facts.text("old_state", state(record.old_state));
    facts.text("new_state", state(record.new_state));
    if record.old_state == SYN_SENT {
        facts.u64("syn_retries", record.syn_retries);
    } else {
        fill_transmission(record, facts);
    }
    if record.count > 0 {
        facts.u64("count", record.count);
    }
}

fn fill_transmission(record: &ConnectionFact, facts: &mut Facts<'_>) {
    facts.u64("total_retrans", record.total_retrans);
    facts.u64("snd_cwnd", record.snd_cwnd);
    match record.srtt_us {
        0 => facts.absent("srtt_us", "not_measured"),
        srtt_us => facts.u64("srtt_us", srtt_us),
    }
}

fn fill_connection(connection: &Connection, facts: &mut Facts<'_>) {
    let family = connection.family;
    facts.text("src_ip", &ip(family, &connection.local_ip).to_string());
    facts.text("dst_ip", &ip(family, &connection.remote_ip).to_string());
    match connection.local_port {
        0 => facts.absent("src_port", "not_bound"),
        port => facts.u64("src_port", port),
    }
    facts.u64("dst_port", connection.remote_port);
    facts.text("family", family_name(family));
    facts.text("protocol", "tcp");
    facts.u64("netns", connection.netns);
    fill_process(connection, facts);
}

/// Who is behind the connection. Nobody connected one that was accepted.
fn fill_process(connection: &Connection, facts: &mut Facts<'_>) {
    let has = |flag| connection.flags & flag != 0;
    if has(CONNECTION_HAS_OWNER) {
        facts.u64("pid", connection.process.pid);
        facts.kernel_text("comm", &connection.process.comm);
        return;
    }
    let reason = if has(CONNECTION_ACCEPTED) {
        "accepted"
    } else if has(CONNECTION_OWNER_LOST) {
        "owner_table_full"
    } else {
        "connect_not_seen"
    };
    facts.absent("pid", reason);
    facts.absent("comm", reason);
    if has(CONNECTION_HAS_LISTENER) {
        facts.u64("listener_pid", connection.process.pid);
        facts.kernel_text("listener_comm", &connection.process.comm);
    } else if has(CONNECTION_LISTENERS) {
        facts.absent("listener_pid", "port_is_shared");
    } else if has(CONNECTION_ACCEPTED) {
        facts.absent("listener_pid", "listen_not_seen");
    }
}

/// What every refusal of a fold was about.
pub fn fill_destination(destination: &Destination, facts: &mut Facts<'_>) {
    let family = destination.family;
    facts.text("dst_ip", &ip(family, &destination.ip).to_string());
    facts.u64("dst_port", destination.port);
    facts.text("family", family_name(family));
    facts.u64("netns", destination.netns);
}

/// An address as the socket has it: a mapped one stays mapped.
fn ip(family: u16, bytes: &[u8; 16]) -> IpAddr {
    if family == AF_INET6 {
        return Ipv6Addr::from(*bytes).into();
    }
    Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).into()
}

fn family_name(family: u16) -> &'static str {
    if family == AF_INET6 { "ipv6" } else { "ipv4" }
}

fn state(number: u8) -> &'static str {
    usize::from(number)
        .checked_sub(1)
        .and_then(|at| STATES.get(at))
        .copied()
        .unwrap_or("UNKNOWN")
}

#[cfg(test)]
mod tests;

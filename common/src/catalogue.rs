//! The catalogue: every observer and every anomaly there is, in one table.
//!
//! A name is `kernel.<observer>.<anomaly>` and never changes its meaning. The catalogue says what
//! an anomaly is called and how it is weighed by default; what it claims is written in the
//! classifier of its observer. Nothing here decides whether an event is emitted.

use serde::{Deserialize, Serialize};

/// How much an occurrence weighs. The order is that of the wire, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}

impl Severity {
    pub const ALL: [Self; 5] = [
        Self::Debug,
        Self::Info,
        Self::Warning,
        Self::Error,
        Self::Critical,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.name() == name)
    }
}

/// How the observed action ended, as the kernel saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Success,
    Failure,
    Timeout,
    InProgress,
    Unknown,
}

impl Outcome {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Timeout => "timeout",
            Self::InProgress => "in_progress",
            Self::Unknown => "unknown",
        }
    }
}

macro_rules! observers {
    ($($variant:ident $name:literal),+ $(,)?) => {
        /// A source of facts. The name is the one of the wire, the ledger and the flags.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Observer { $($variant),+ }

        impl Observer {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

observers! {
    Network "network",
    Storage "storage",
    Container "container",
    Node "node",
}

impl Observer {
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|observer| observer.name() == name)
    }

    /// The anomalies this observer can report, in catalogue order.
    pub fn anomalies(self) -> impl Iterator<Item = Anomaly> {
        Anomaly::ALL
            .iter()
            .copied()
            .filter(move |anomaly| anomaly.observer() == self)
    }
}

macro_rules! anomalies {
    ($($variant:ident $observer:ident $name:literal $severity:ident;)+) => {
        /// A kind of failure Tapio can claim.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Anomaly { $($variant),+ }

        impl Anomaly {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The event type, `kernel.<observer>.<anomaly>`.
            pub const fn event_type(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            pub const fn observer(self) -> Observer {
                match self { $(Self::$variant => Observer::$observer),+ }
            }

            /// The severity unless the facts themselves weigh heavier or lighter.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity),+ }
            }
        }
    };
}

anomalies! {
    ConnectionRefused Network "kernel.network.connection_refused" Warning;
    ConnectionTimeout Network "kernel.network.connection_timeout" Error;
    ConnectionUnreachable Network "kernel.network.connection_unreachable" Error;
    ConnectionReset Network "kernel.network.connection_reset" Warning;
    ConnectionLost Network "kernel.network.connection_lost" Error;
    RetransmitSpike Network "kernel.network.retransmit_spike" Warning;
    RttDegradation Network "kernel.network.rtt_degradation" Warning;
    IoError Storage "kernel.storage.io_error" Critical;
    LatencySpike Storage "kernel.storage.latency_spike" Warning;
    OomKill Container "kernel.container.oom_kill" Critical;
    AbnormalExit Container "kernel.container.abnormal_exit" Error;
    CpuStall Node "kernel.node.cpu_stall" Critical;
    MemoryPressure Node "kernel.node.memory_pressure" Warning;
    IpcDegradation Node "kernel.node.ipc_degradation" Warning;
}

impl Anomaly {
    /// The least that any fact of this type weighs: what can be said of many at once.
    pub const fn severity_min(self) -> Severity {
        match self {
            Self::AbnormalExit => Severity::Warning,
            // That it is over weighs little.
            Self::CpuStall | Self::MemoryPressure | Self::IpcDegradation => Severity::Info,
            Self::ConnectionRefused
            | Self::ConnectionTimeout
            | Self::ConnectionUnreachable
            | Self::ConnectionReset
            | Self::ConnectionLost
            | Self::RetransmitSpike
            | Self::RttDegradation
            | Self::IoError
            | Self::LatencySpike
            | Self::OomKill => self.severity(),
        }
    }

    /// The outcome that all facts of this type share; unknown where each has its own.
    pub const fn outcome_of_all(self) -> Outcome {
        match self {
            Self::ConnectionTimeout => Outcome::Timeout,
            Self::ConnectionRefused
            | Self::ConnectionUnreachable
            | Self::ConnectionReset
            | Self::ConnectionLost
            | Self::OomKill
            | Self::AbnormalExit => Outcome::Failure,
            Self::RetransmitSpike | Self::RttDegradation => Outcome::InProgress,
            // What took long may have failed as well.
            Self::IoError
            | Self::LatencySpike
            | Self::CpuStall
            | Self::MemoryPressure
            | Self::IpcDegradation => Outcome::Unknown,
        }
    }

    pub fn from_event_type(event_type: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|anomaly| anomaly.event_type() == event_type)
    }

    /// The last word of the event type, for people. The ledger's rows carry the whole type.
    pub fn name(self) -> &'static str {
        let (_, name) = self
            .event_type()
            .rsplit_once('.')
            .unwrap_or(("", self.event_type()));
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_type_is_made_of_its_observer_and_its_name() {
        for anomaly in Anomaly::ALL.iter().copied() {
            let expected = format!("kernel.{}.{}", anomaly.observer().name(), anomaly.name());
            assert_eq!(anomaly.event_type(), expected);
            assert_eq!(Anomaly::from_event_type(&expected), Some(anomaly));
        }
    }

    #[test]
    fn names_are_unique() {
        for (at, anomaly) in Anomaly::ALL.iter().enumerate() {
            assert!(
                Anomaly::ALL[at + 1..]
                    .iter()
                    .all(|other| other.name() != anomaly.name())
            );
        }
    }

    #[test]
    fn severities_read_back_what_they_print() {
        for severity in Severity::ALL {
            assert_eq!(Severity::from_name(severity.name()), Some(severity));
        }
        assert_eq!(Severity::from_name("Warning"), None);
    }
}

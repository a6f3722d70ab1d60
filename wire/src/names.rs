//! The enums of the wire. Each has a catch-all that keeps what was received, so that a newer
//! sender's variant neither fails a payload nor is echoed as something else.

use serde::{Serialize, Serializer};
use tapio_common::catalogue::Severity;

use crate::json::{Fault, Reader};
use crate::payload::Read;
use crate::values::identifier;

macro_rules! open_enum {
    (
        $(#[$doc:meta])*
        pub enum $name:ident { $($(#[$variant_doc:meta])* $variant:ident $text:literal),+ $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// Not known to this build; the text is as received.
            Other(Box<str>),
        }

        impl $name {
            /// The variants this build knows.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant),+];

            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    other => Self::Other(other.into()),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'a> Read<'a> for $name {
            fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
                reader.string().map(|text| Self::from(&*text))
            }

            fn is_blank(&self) -> bool {
                matches!(self, Self::Other(text) if text.trim().is_empty())
            }

            fn check(&self) -> Result<(), Fault> {
                identifier(self.as_str())
            }
        }
    };
}

open_enum! {
    /// What an observer is doing, in the agent's own words.
    pub enum ObserverStatus {
        Running "running",
        /// Switched off by the config in force.
        Disabled "disabled",
        /// Some of its hooks are missing here; the reason is beside it.
        Degraded "degraded",
        Failed "failed",
    }
}

open_enum! {
    /// How much an event weighs.
    pub enum EventSeverity {
        Debug "debug",
        Info "info",
        Warning "warning",
        Error "error",
        Critical "critical",
    }
}

open_enum! {
    /// Which exits of processes are evidence.
    #[derive(Default)]
    pub enum ContainerExits {
        /// Non-zero codes of workload roots, and every death by a core-dumping signal or SIGKILL.
        #[default]
        Workloads "workloads",
        /// Everything abnormal.
        All "all",
    }
}

impl ContainerExits {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::Workloads
    }
}

impl From<Severity> for EventSeverity {
    fn from(severity: Severity) -> Self {
        Self::from(severity.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_severity_of_the_catalogue_is_known_here() {
        for severity in Severity::ALL {
            let known = EventSeverity::from(severity);
            assert!(EventSeverity::KNOWN.contains(&known), "{severity:?}");
        }
    }

    #[test]
    fn an_unknown_variant_is_echoed_as_it_came() {
        let status = ObserverStatus::from("Paused-2");
        assert_eq!(status, ObserverStatus::Other("Paused-2".into()));
        assert_eq!(status.as_str(), "Paused-2");
    }
}

//! What can be wrong with a profile, and where in it.

use std::fmt;

use crate::node::{Node, shown};

/// One thing that is wrong with a profile, in one line that says where and what would do.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileError {
    /// From the outermost mapping, as `overrides.network.rtt_spike.ratio`; empty for the document.
    pub path: String,
    pub problem: Problem,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Problem {
    UnknownField {
        known: &'static [&'static str],
    },
    RepeatedField,
    MissingField,
    /// A value that is not what the field takes, or not in its range.
    NotAllowed {
        allowed: String,
        found: Node,
    },
    TooManyEntries {
        max: usize,
        found: usize,
    },
    /// A critical threshold below its warning one. Either may be the base's own.
    BelowWarning {
        floor: &'static str,
        warning: String,
        critical: String,
    },
}

impl ProfileError {
    pub(crate) fn new(problem: Problem) -> Self {
        Self {
            path: String::new(),
            problem,
        }
    }

    pub(crate) fn not_allowed(allowed: impl Into<String>, found: &Node) -> Self {
        Self::new(Problem::NotAllowed {
            allowed: allowed.into(),
            found: found.clone(),
        })
    }

    /// The error as seen from the mapping around it.
    pub(crate) fn within(mut self, key: &str) -> Self {
        let key = shown(key);
        self.path = match self.path.as_str() {
            "" => key,
            path if path.starts_with('[') => format!("{key}{path}"),
            path => format!("{key}.{path}"),
        };
        self
    }

    pub(crate) fn within_index(mut self, index: usize) -> Self {
        self.path = format!("[{index}]{}", self.path);
        self
    }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => out.write_str("the profile")?,
            path => out.write_str(path)?,
        }
        match &self.problem {
            Problem::UnknownField { known } => {
                write!(
                    out,
                    " is not a known field; known here: {}",
                    known.join(", ")
                )
            }
            Problem::RepeatedField => out.write_str(" is given twice"),
            Problem::MissingField => out.write_str(" is required"),
            Problem::NotAllowed { allowed, found } => {
                write!(out, " must be {allowed}, not {found}")
            }
            Problem::TooManyEntries { max, found } => {
                write!(out, " may have {max} entries at most, not {found}")
            }
            Problem::BelowWarning {
                floor,
                warning,
                critical,
            } => write!(
                out,
                " must not be below {floor}: {critical} is less than {warning}"
            ),
        }
    }
}

impl std::error::Error for ProfileError {}

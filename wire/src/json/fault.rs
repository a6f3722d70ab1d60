//! What a reader complains of, and where. The path is put together while the complaint travels
//! outwards, so that a body without fault pays nothing for it.

use std::borrow::Cow;

use crate::error::{ErrorCode, WireError};

/// How much of a received key a path may show, and how much of a path a message.
const KEY_BYTES_SHOWN: usize = 64;
const PATH_BYTES_SHOWN: usize = 512;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(&'static str),
    Key(Box<str>),
    Index(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Complaint {
    code: ErrorCode,
    what: Cow<'static, str>,
    /// Innermost first.
    steps: Vec<Step>,
}

/// One complaint; boxed, because almost every result is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault(Box<Complaint>);

impl Fault {
    pub(crate) fn new(code: ErrorCode, what: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Complaint {
            code,
            what: what.into(),
            steps: Vec::new(),
        }))
    }

    pub(crate) fn malformed(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::MalformedJson, what)
    }

    pub(crate) fn missing() -> Self {
        Self::new(ErrorCode::MissingField, "is required")
    }

    pub(crate) fn invalid(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidField, what)
    }

    pub(crate) fn at_field(mut self, name: &'static str) -> Self {
        self.0.steps.push(Step::Field(name));
        self
    }

    /// A key that came from outside: shown cut short, and without control characters.
    pub(crate) fn at_key(mut self, key: &str) -> Self {
        let mut shown = String::new();
        for char in key.chars() {
            if shown.len() >= KEY_BYTES_SHOWN {
                shown.push('…');
                break;
            }
            if char.is_control() {
                shown.extend(char.escape_default());
            } else {
                shown.push(char);
            }
        }
        self.0.steps.push(Step::Key(shown.into()));
        self
    }

    pub(crate) fn at_index(mut self, index: usize) -> Self {
        self.0.steps.push(Step::Index(index));
        self
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for step in self.0.steps.iter().rev() {
            if path.len() >= PATH_BYTES_SHOWN {
                path.push('…');
                break;
            }
            match step {
                Step::Index(index) => path.push_str(&format!("[{index}]")),
                Step::Field(name) => push_name(&mut path, name),
                Step::Key(name) => push_name(&mut path, name),
            }
        }
        path
    }
}

fn push_name(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

impl From<Fault> for WireError {
    fn from(fault: Fault) -> Self {
        let path = fault.path();
        let subject = if path.is_empty() { "the body" } else { &path };
        Self::new(fault.0.code, format!("{subject} {}", fault.0.what))
    }
}

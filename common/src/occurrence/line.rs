//! One occurrence as one line: the head, the facts in their order, and what was not observed.
//!
//! Observers and the batcher write facts through [`Facts`], which knows only numbers, texts and
//! one level of nesting, so that nothing else can get into evidence. The names are literals.

use super::ErrorFact;
use super::json::{push_i64, push_kernel_text, push_text, push_u64};
use crate::catalogue::{Anomaly, Outcome, Severity};
use crate::ident::Ulid;
use crate::time::Timestamp;

/// The most fields one occurrence can name as not observed. More would be a record about nothing;
/// the bound is asserted in debug builds and the names beyond it are left out.
pub const NOT_OBSERVED_MAX: usize = 24;

/// Room for most lines, so that one does not grow piece by piece.
const LINE_BYTES: usize = 1_024;

/// What stands before the facts.
#[derive(Debug, Clone)]
pub struct Head<'a> {
    pub id: Ulid,
    pub at: Timestamp,
    pub anomaly: Anomaly,
    pub severity: Severity,
    pub outcome: Outcome,
    pub error: Option<ErrorFact<'a>>,
    pub node: &'a str,
}

/// Appends one line, newline included; `fill` writes the members of `data`.
pub fn write_line(out: &mut Vec<u8>, head: &Head<'_>, fill: impl FnOnce(&mut Facts<'_>)) {
    out.reserve(LINE_BYTES);
    // The words of our own tables hold nothing that JSON would escape; a test says so.
    let parts: [&[u8]; 11] = [
        b"{\"id\":\"",
        &head.id.text(),
        b"\",\"timestamp\":\"",
        &head.at.text(),
        b"\",\"source\":\"tapio\",\"type\":\"",
        head.anomaly.event_type().as_bytes(),
        b"\",\"protocol_version\":\"1.0\",\"severity\":\"",
        head.severity.name().as_bytes(),
        b"\",\"outcome\":\"",
        head.outcome.name().as_bytes(),
        b"\"",
    ];
    parts.iter().for_each(|part| out.extend_from_slice(part));
    if let Some(error) = &head.error {
        push_member(out, b",\"error\":{\"code\":", &error.code);
        push_member(out, b",\"message\":", &error.message);
        out.push(b'}');
    }
    push_member(out, b",\"context\":{\"node\":", head.node);
    out.extend_from_slice(b"},\"data\":{");
    let mut absent = Absent::default();
    let mut facts = Facts {
        out,
        absent: &mut absent,
        is_first: true,
    };
    fill(&mut facts);
    let is_first = facts.is_first;
    absent.write(out, is_first);
    out.extend_from_slice(b"}}\n");
}

fn push_member(out: &mut Vec<u8>, before: &[u8], text: &str) {
    out.extend_from_slice(before);
    push_text(out, text);
}

/// The names of what was not observed, until the facts are written.
#[derive(Debug, Clone, Default)]
struct Absent {
    names: [(&'static str, &'static str); NOT_OBSERVED_MAX],
    len: usize,
}

/// Facts that are the same in many occurrences, written once.
#[derive(Debug, Clone, Default)]
pub struct Members {
    bytes: Vec<u8>,
    absent: Absent,
}

impl Members {
    pub fn of(fill: impl FnOnce(&mut Facts<'_>)) -> Self {
        let mut members = Self::default();
        fill(&mut Facts {
            out: &mut members.bytes,
            absent: &mut members.absent,
            is_first: true,
        });
        members
    }
}

impl Absent {
    fn write(&self, out: &mut Vec<u8>, is_first: bool) {
        if self.len == 0 {
            return;
        }
        if !is_first {
            out.push(b',');
        }
        let mut separator = b"\"not_observed\":{".as_slice();
        for (field, reason) in &self.names[..self.len] {
            out.extend_from_slice(separator);
            push_text(out, field);
            push_member(out, b":", reason);
            separator = b",";
        }
        out.push(b'}');
    }
}

/// The members of one JSON object, in the order they are written.
pub struct Facts<'a> {
    out: &'a mut Vec<u8>,
    absent: &'a mut Absent,
    is_first: bool,
}

impl Facts<'_> {
    fn name(&mut self, name: &'static str) {
        debug_assert!(
            name.bytes().all(|byte| byte > b' ' && byte != b'"'),
            "{name}"
        );
        if !self.is_first {
            self.out.push(b',');
        }
        self.is_first = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    pub fn u64(&mut self, name: &'static str, value: impl Into<u64>) {
        self.name(name);
        push_u64(self.out, value.into());
    }

    pub fn i64(&mut self, name: &'static str, value: impl Into<i64>) {
        self.name(name);
        push_i64(self.out, value.into());
    }

    pub fn flag(&mut self, name: &'static str, value: bool) {
        self.name(name);
        self.out
            .extend_from_slice(if value { b"true" } else { b"false" });
    }

    pub fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        push_text(self.out, value);
    }

    /// Text of the kernel: up to the first NUL, U+FFFD for what is no UTF-8.
    pub fn kernel_text(&mut self, name: &'static str, value: &[u8]) {
        self.name(name);
        push_kernel_text(self.out, value);
    }

    /// What was written before, as if it were written here.
    pub fn members(&mut self, members: &Members) {
        if !members.bytes.is_empty() {
            if !self.is_first {
                self.out.push(b',');
            }
            self.is_first = false;
            self.out.extend_from_slice(&members.bytes);
        }
        for (field, reason) in &members.absent.names[..members.absent.len] {
            self.absent(field, reason);
        }
    }

    pub fn nested(&mut self, name: &'static str, fill: impl FnOnce(&mut Facts<'_>)) {
        self.name(name);
        self.out.push(b'{');
        fill(&mut Facts {
            out: self.out,
            absent: self.absent,
            is_first: true,
        });
        self.out.push(b'}');
    }

    /// Names a field that could not be read, and why. A nested one by its path, `sender.comm`.
    pub fn absent(&mut self, field: &'static str, reason: &'static str) {
        debug_assert!(self.absent.len < NOT_OBSERVED_MAX, "{field}");
        if let Some(slot) = self.absent.names.get_mut(self.absent.len) {
            *slot = (field, reason);
            self.absent.len += 1;
        }
    }
}

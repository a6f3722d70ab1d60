//! The JSON reader: one pass over a body, no tree, strings borrowed where they have no escapes.
//!
//! It is stricter than a general parser and says so: depth is bounded, a lone surrogate is refused
//! everywhere (so that what was taken can be read by anyone), and every complaint knows the path
//! it was found at. It accepts no other JSON than RFC 8259's; the fuzz targets compare it with
//! serde_json.

mod fault;
mod reader;
mod scan;
mod text;
mod verdict;

pub(crate) use fault::Fault;
pub(crate) use reader::Reader;
pub(crate) use text::undo_escapes;
pub(crate) use verdict::unsupported;

use crate::error::WireError;

/// Whether a body carries `wire_version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Body,
    Unversioned,
}

/// Reads one value, in the way of `read`, and nothing after it. What is wrong is weighed only once
/// something is.
pub(crate) fn read_body<'a, T>(
    body: &'a [u8],
    kind: Kind,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, Fault>,
) -> Result<T, WireError> {
    let attempt = || {
        let mut reader = Reader::new(body)?;
        let value = read(&mut reader)?;
        reader.end()?;
        Ok(value)
    };
    attempt().map_err(|fault| verdict::weigh(body, kind, fault))
}

#[cfg(test)]
mod tests;

//! What to tell the sender of a body that could not be read: the cold half of the reader.
//!
//! The first thing that went wrong is not always the one to tell. An unsupported version wins over
//! everything else about the same body, wherever in it that can still be read; a body that is no
//! JSON at all wins over what one of its fields lacks.

use super::{Fault, Kind, Reader};
use crate::error::WireError;
use crate::{ErrorCode, WIRE_VERSION};

pub(super) fn weigh(body: &[u8], kind: Kind, fault: Fault) -> WireError {
    if kind == Kind::Body && Survey::new(body).any(|version| version != WIRE_VERSION) {
        return unsupported().at_field("wire_version").into();
    }
    let whole = || {
        let mut reader = Reader::new(body)?;
        reader.skip()?;
        reader.end()
    };
    whole().err().unwrap_or(fault).into()
}

/// The complaint of a reader that meets another version. The path is put on by the field.
pub(crate) fn unsupported() -> Fault {
    let what = format!("is not supported: this side speaks {WIRE_VERSION} alone");
    Fault::new(ErrorCode::UnsupportedVersion, what)
}

/// Every `wire_version` string of the outermost object, as far as the body can be followed. Unlike
/// the reader it minds neither depth nor grammar, so that a version is found beside any defect.
struct Survey<'a> {
    body: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Survey<'a> {
    fn new(body: &'a [u8]) -> Self {
        Self {
            body,
            at: 0,
            depth: 0,
        }
    }

    /// The string whose quote is at `self.at`, with its quotes.
    fn string(&mut self) -> Option<&'a [u8]> {
        let from = self.at;
        self.at += 1;
        loop {
            match self.body.get(self.at)? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.body.get(from..self.at)
    }

    fn skip_white(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.body.get(self.at) {
            self.at += 1;
        }
    }

    /// The value of the key just read, if there is one and it is a string.
    fn string_value(&mut self) -> Option<String> {
        self.skip_white();
        if self.body.get(self.at) != Some(&b':') {
            return None;
        }
        self.at += 1;
        self.skip_white();
        if self.body.get(self.at) != Some(&b'"') {
            return None;
        }
        unquote(self.string()?)
    }
}

impl Iterator for Survey<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        loop {
            match self.body.get(self.at)? {
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.checked_sub(1)?,
                b'"' => {
                    let key = self.string()?;
                    if self.depth == 1 && unquote(key).as_deref() == Some("wire_version") {
                        if let Some(version) = self.string_value() {
                            if !version.trim().is_empty() {
                                return Some(version);
                            }
                        }
                    }
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
    }
}

fn unquote(quoted: &[u8]) -> Option<String> {
    let mut reader = Reader::new(quoted).ok()?;
    Some(reader.string().ok()?.into_owned())
}

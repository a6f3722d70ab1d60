//! A seal: what a finished segment holds, and which seal came before it.
//!
//! The SHA-256 of a seal is that of the very bytes of its file. `previous` makes a chain of them,
//! so that the newest seal's hash, kept elsewhere, vouches for every segment. A seal does not say
//! that the agent was looking all the time: coverage does.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::name::SegmentName;
use crate::time::Timestamp;

/// The version of the fields below and of what they mean.
pub const FORMAT: u32 = 1;

/// A seal's file is never longer than this; one that is has been damaged.
pub const SEAL_BYTES_MAX: u64 = 4_096;

/// A SHA-256, as 64 lowercase hexadecimal digits in text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha([u8; 32]);

impl Sha {
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    pub fn finish(digest: Sha256) -> Self {
        Self(digest.finalize().into())
    }

    pub fn from_text(text: &str) -> Option<Self> {
        if text.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (slot, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *slot = (nibble(pair[0])? << 4) | nibble(pair[1])?;
        }
        Some(Self(bytes))
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Sha {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl Serialize for Sha {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_text(&text).ok_or_else(|| {
            let found = serde::de::Unexpected::Str(&text);
            serde::de::Error::invalid_value(found, &"64 lowercase hexadecimal digits")
        })
    }
}

/// The content of a seal's file, in the order in which it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    pub format: u32,
    /// The file of the segment.
    pub segment: String,
    pub events: u64,
    pub bytes: u64,
    /// The earliest and the latest moment of an event in it; the lines are in order of arrival.
    pub first: Timestamp,
    pub last: Timestamp,
    /// Of the segment's bytes.
    pub sha256: Sha,
    /// Of the seal before this one; `null` in the first of a directory.
    pub previous: Option<Sha>,
}

/// Why the bytes of a seal's file are no seal.
#[derive(Debug)]
pub enum BadSeal {
    TooLong,
    NotJson(serde_json::Error),
    /// Written by a newer build.
    Format(u32),
    /// It speaks of another segment than its name.
    Segment(String),
}

impl fmt::Display for BadSeal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(out, "it is longer than {SEAL_BYTES_MAX} bytes"),
            Self::NotJson(error) => write!(out, "it is damaged ({error})"),
            Self::Format(format) => {
                write!(out, "it has format {format}, this build knows {FORMAT}")
            }
            Self::Segment(named) => write!(out, "it speaks of {named:?}"),
        }
    }
}

impl std::error::Error for BadSeal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotJson(error) => Some(error),
            Self::TooLong | Self::Format(_) | Self::Segment(_) => None,
        }
    }
}

impl Seal {
    /// The bytes of the file: one line of JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("numbers and texts always serialise");
        bytes.push(b'\n');
        bytes
    }

    /// Reads the seal of `name` from the bytes of its file.
    pub fn from_bytes(name: SegmentName, bytes: &[u8]) -> Result<Self, BadSeal> {
        let seal: Self = serde_json::from_slice(bytes).map_err(BadSeal::NotJson)?;
        if seal.format != FORMAT {
            return Err(BadSeal::Format(seal.format));
        }
        if seal.segment != name.file() {
            return Err(BadSeal::Segment(seal.segment));
        }
        Ok(seal)
    }
}

/// The newest seal of a directory: what an outside anchor has to keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The seal's file.
    pub seal: String,
    pub sha256: Sha,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal() -> Seal {
        Seal {
            format: FORMAT,
            segment: "2026-11-21T10.jsonl".into(),
            events: 2,
            bytes: 1_234,
            first: Timestamp(0),
            last: Timestamp(1_795_258_799_999_999_999),
            sha256: Sha::of(b"abc"),
            previous: None,
        }
    }

    fn name() -> SegmentName {
        SegmentName::from_file("2026-11-21T10.jsonl").expect("a segment")
    }

    #[test]
    fn the_file_is_one_line_with_every_field_in_its_place() {
        let text = String::from_utf8(seal().to_bytes()).expect("UTF-8");
        assert_eq!(
            text,
            concat!(
                r#"{"format":1,"segment":"2026-11-21T10.jsonl","events":2,"bytes":1234,"#,
                r#""first":"1970-01-01T00:00:00.000000000Z","last":"2026-11-21T10:59:59.999999999Z","#,
                r#""sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","#,
                r#""previous":null}"#,
                "\n"
            )
        );
        assert_eq!(
            Seal::from_bytes(name(), text.as_bytes()).expect("reads back"),
            seal()
        );
    }

    #[test]
    fn a_seal_of_something_else_is_refused() {
        let other = Seal {
            segment: "2026-11-21T11.jsonl".into(),
            ..seal()
        };
        let newer = Seal {
            format: 2,
            ..seal()
        };
        let read = |seal: &Seal| Seal::from_bytes(name(), &seal.to_bytes());
        assert!(matches!(read(&other), Err(BadSeal::Segment(_))));
        assert!(matches!(read(&newer), Err(BadSeal::Format(2))));
        assert!(matches!(
            Seal::from_bytes(name(), b"{}\n"),
            Err(BadSeal::NotJson(_))
        ));
    }

    #[test]
    fn hashes_are_read_back_and_only_as_they_are_written() {
        let sha = Sha::of(b"");
        assert_eq!(Sha::from_text(&sha.to_string()), Some(sha));
        assert_eq!(Sha::from_text(&sha.to_string().to_uppercase()), None);
        assert_eq!(Sha::from_text(&"0".repeat(63)), None);
        assert_eq!(Sha::from_text(&"é".repeat(32)), None);
    }
}

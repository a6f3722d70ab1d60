//! The word of whoever writes: up to when everything it had seen is stored.
//!
//! It stands in the file `lock`, which the writer holds locked for as long as it runs, and is
//! rewritten in place, one small write. A reader claims nothing past it; a start after a crash
//! knows from it since when nobody can be shown to have looked.

use serde::{Deserialize, Serialize};

use crate::time::{NANOS_PER_SECOND, Timestamp};

pub const LOCK_FILE: &str = "lock";

/// A writer that runs gives its word at least this often.
pub const WORD_EVERY_NANOS: u64 = 30 * NANOS_PER_SECOND;

/// Room for every word there can be, so that a new one covers all of the one before.
const WORD_BYTES: usize = 96;

/// What stands in the lock file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// What happened before this moment and was seen is in the directory.
    pub stored_to: Timestamp,
    /// The process that gave it, as it sees itself.
    pub pid: u32,
}

impl Word {
    /// One line, always of the same length.
    pub fn to_bytes(self) -> [u8; WORD_BYTES] {
        let mut bytes = [b' '; WORD_BYTES];
        let text = serde_json::to_vec(&self).expect("numbers and texts always serialise");
        bytes[..text.len()].copy_from_slice(&text);
        bytes[WORD_BYTES - 1] = b'\n';
        bytes
    }

    /// `None` if nobody has given a word here yet.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_the_same_length_and_is_read_back() {
        for (stored_to, pid) in [
            (Timestamp(0), 1),
            (Timestamp(17_952_587_999_999_999_999), u32::MAX),
        ] {
            let word = Word { stored_to, pid };
            assert_eq!(Word::from_bytes(&word.to_bytes()), Some(word));
        }
        assert_eq!(Word::from_bytes(b""), None);
        assert_eq!(Word::from_bytes(b"4711\n"), None);
    }
}

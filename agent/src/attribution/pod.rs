//! Pod uids in cgroup paths: `pod<uid>` of the cgroupfs driver, and the slice of the systemd one.
//!
//! A uid is a UUID, whose dashes the systemd driver turns into underscores, or the 32 hex digits
//! of a static pod. Anything else that begins with `pod` is not a pod.

use std::fmt;

const UUID_LEN: usize = 36;
const STATIC_LEN: usize = 32;
const DASHES: [usize; 4] = [8, 13, 18, 23];

/// A pod's uid in its canonical writing, with dashes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PodUid {
    text: [u8; UUID_LEN],
    len: usize,
}

impl PodUid {
    /// Reads `pod<uid>` or `…kubepods…-pod<uid>.slice`.
    pub fn of_component(component: &str) -> Option<Self> {
        if let Some(slice) = component.strip_suffix(".slice") {
            let (before, uid) = slice.rsplit_once("-pod")?;
            return before
                .contains("kubepods")
                .then(|| Self::of_text(uid, b'_'))?;
        }
        Self::of_text(component.strip_prefix("pod")?, b'-')
    }

    fn of_text(uid: &str, separator: u8) -> Option<Self> {
        let bytes = uid.as_bytes();
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let fits = |(at, byte): (usize, &u8)| match (bytes.len(), DASHES.contains(&at)) {
            (UUID_LEN, true) => *byte == separator,
            (UUID_LEN, false) | (STATIC_LEN, _) => is_hex(*byte),
            (_, _) => false,
        };
        if bytes.is_empty() || !bytes.iter().enumerate().all(fits) {
            return None;
        }
        let mut text = [0u8; UUID_LEN];
        text[..bytes.len()].copy_from_slice(bytes);
        if bytes.len() == UUID_LEN {
            DASHES.iter().for_each(|at| text[*at] = b'-');
        }
        Some(Self {
            text,
            len: bytes.len(),
        })
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..self.len]).unwrap_or_default() // hex and dashes only
    }
}

impl fmt::Debug for PodUid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

//! What can be wrong with a directory, each with the file it was found at.

use std::fmt;

use super::Anchor;
use crate::evidence::seal::{BadSeal, Sha};

/// The first place where a directory is not what was sealed.
#[derive(Debug)]
pub enum Fault {
    /// A sealed segment holds other bytes than were sealed.
    Content {
        segment: String,
        /// Events and bytes, as sealed and as found.
        sealed: (u64, u64),
        found: (u64, u64),
    },
    SegmentMissing {
        segment: String,
    },
    /// A read-only segment, so it was sealed once, and no seal.
    SealMissing {
        segment: String,
    },
    BadSeal {
        seal: String,
        reason: BadSeal,
    },
    /// A seal follows one that is not there.
    Unlinked {
        seal: String,
        previous: Option<Sha>,
        before: Option<String>,
        /// The seal that retention says it removed last.
        expired: Option<String>,
    },
    /// The seal the anchor names is there, and is another one.
    Replaced {
        seal: String,
    },
    TailCut {
        anchor: Anchor,
        newest: Option<String>,
        may_be_expired: bool,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content {
                segment,
                sealed,
                found,
            } => content(out, segment, *sealed, *found),
            Self::SegmentMissing { segment } => {
                write!(
                    out,
                    "{segment} is missing: its seal is there, the segment was removed"
                )
            }
            Self::SealMissing { segment } => {
                write!(out, "{segment} was sealed and its seal is missing")
            }
            Self::BadSeal { seal, reason } => write!(out, "{seal} is no seal: {reason}"),
            Self::Unlinked {
                seal,
                previous,
                before,
                expired,
            } => unlinked(out, seal, *previous, before.as_deref(), expired.as_deref()),
            Self::Replaced { seal } => {
                write!(
                    out,
                    "{seal} is not the seal the head speaks of: it was replaced"
                )
            }
            Self::TailCut {
                anchor,
                newest,
                may_be_expired,
            } => tail_cut(out, anchor, newest.as_deref(), *may_be_expired),
        }
    }
}

fn content(
    out: &mut fmt::Formatter<'_>,
    segment: &str,
    sealed: (u64, u64),
    found: (u64, u64),
) -> fmt::Result {
    write!(out, "{segment} is not what was sealed: ")?;
    if sealed == found {
        return write!(out, "as many events and bytes, but bytes were changed");
    }
    write!(
        out,
        "{} events in {} bytes were sealed, {} events in {} bytes are there",
        sealed.0, sealed.1, found.0, found.1
    )
}

fn unlinked(
    out: &mut fmt::Formatter<'_>,
    seal: &str,
    previous: Option<Sha>,
    before: Option<&str>,
    expired: Option<&str>,
) -> fmt::Result {
    match (previous, before) {
        (None, _) => write!(out, "{seal} says that it is the first, and it is not")?,
        (Some(previous), Some(before)) => write!(
            out,
            "{seal} follows a seal that is not here ({previous}): after {before} a segment was \
             removed or a seal replaced"
        )?,
        (Some(previous), None) => write!(
            out,
            "{seal} is the oldest and follows a seal that is not here ({previous})"
        )?,
    }
    match (before, expired) {
        (None, Some(expired)) => write!(out, "; retention removed up to {expired}, another one"),
        (None, None) if previous.is_some() => {
            write!(out, "; retention has removed nothing here")
        }
        (Some(_), _) | (None, None) => Ok(()),
    }
}

fn tail_cut(
    out: &mut fmt::Formatter<'_>,
    anchor: &Anchor,
    newest: Option<&str>,
    may_be_expired: bool,
) -> fmt::Result {
    write!(out, "the head ")?;
    if let Some(seal) = &anchor.seal {
        write!(out, "{seal} ")?;
    }
    write!(out, "({}) is not here: ", anchor.sha256)?;
    match newest {
        Some(newest) => write!(out, "the tail after {newest} was cut, or {newest} replaced")?,
        None => write!(out, "there is no seal at all")?,
    }
    if may_be_expired {
        write!(out, "; or the head is older than what retention kept")?;
    }
    Ok(())
}

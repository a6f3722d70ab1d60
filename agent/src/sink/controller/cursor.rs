//! How far the controller has taken the directory: kept beside the evidence it is about.
//!
//! Segments that are not wholly taken stand in it with an offset, those being written among them;
//! every other segment sealed up to `head` is done, every one sealed after it is new. The batch on
//! its way stands in it before it is sent. Replaced in one step, and on the disk when that returns.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};
use tapio_common::evidence::disk::{Access, Disk, Folder, read_whole, replace};
use tapio_common::evidence::seal::Sha;

use super::body::Stamp;

/// In the evidence directory.
pub const FILE: &str = "controller.cursor";

const FORMAT: u32 = 1;

/// Some thousand segments.
const BYTES_MAX: u64 = 1 << 20;

/// A batch that may have been sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnItsWay {
    /// The segment's file, and from where to where in it.
    pub segment: String,
    pub from: u64,
    pub to: u64,
    pub sequence: u64,
    pub sent_at_unix_nanos: u64,
}

impl OnItsWay {
    pub fn stamp(&self) -> Stamp {
        Stamp {
            sequence: self.sequence,
            sent_at_unix_nanos: self.sent_at_unix_nanos,
        }
    }
}

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    pub format: u32,
    /// The newest seal that was known.
    pub head: Option<Sha>,
    /// The sequence of the next batch that was not sent yet.
    pub next_sequence: u64,
    /// By the segment's file: up to here it is settled.
    pub offsets: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<OnItsWay>,
}

impl Default for Cursor {
    fn default() -> Self {
        Self {
            format: FORMAT,
            head: None,
            next_sequence: 1,
            offsets: BTreeMap::new(),
            batch: None,
        }
    }
}

impl Cursor {
    /// `None` if there is none yet; `InvalidData` if what is there is none.
    pub fn load(folder: &Folder) -> io::Result<Option<Self>> {
        let bytes = match read_whole(folder, FILE, BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let cursor: Self = serde_json::from_slice(&bytes)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        match cursor.format {
            FORMAT => Ok(Some(cursor)),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    pub fn store(&self, folder: &Folder) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.push(b'\n');
        replace(folder, FILE, &bytes, Access::Writable)?;
        folder.sync_names()
    }
}

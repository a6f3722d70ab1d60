//! The directory itself: made if it is not there, with the access it should have, or refused.
//!
//! Root without its capabilities is a user like any other, so a directory of somebody else is
//! refused here, at start, and not found out line by line.

use std::fmt;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::privilege;

/// Members of this group may read evidence, where there is one.
const GROUP: &str = "tapio";
const GROUPS_FILE: &str = "/etc/group";

const MODE: u32 = 0o750;

/// Why the directory cannot be used.
#[derive(Debug)]
pub enum FileError {
    Unusable(PathBuf, io::Error),
    /// Of another user, and the agent will have no privileges.
    NotOurs(PathBuf, u32),
    /// Another agent writes there: its process, if it has said.
    Held(PathBuf, Option<u32>),
}

impl fmt::Display for FileError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(path, error) => {
                write!(
                    out,
                    "evidence cannot be kept in {}: {error}",
                    path.display()
                )
            }
            Self::NotOurs(path, owner) => write!(
                out,
                "evidence cannot be kept in {}: it belongs to user {owner}; chown it to the \
                 agent's user, or name another with --data-dir",
                path.display()
            ),
            Self::Held(path, holder) => {
                write!(out, "another agent writes to {}", path.display())?;
                if let Some(pid) = holder {
                    write!(out, " (process {pid})")?;
                }
                out.write_str("; stop it, or name another directory with --data-dir")
            }
        }
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unusable(_, error) => Some(error),
            Self::NotOurs(..) | Self::Held(..) => None,
        }
    }
}

/// Makes the directory if there is none, and makes sure that it can be written to.
pub fn prepare(path: &Path) -> Result<(), FileError> {
    let unusable = |error| FileError::Unusable(path.to_owned(), error);
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path).map_err(unusable)?,
        Err(error) => return Err(unusable(error)),
        Ok(about) if !about.is_dir() => {
            return Err(unusable(io::ErrorKind::NotADirectory.into()));
        }
        Ok(_) => {}
    }
    let about = fs::metadata(path).map_err(unusable)?;
    if privilege::may_write(&about) {
        return Ok(());
    }
    Err(FileError::NotOurs(path.to_owned(), about.uid()))
}

fn make(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    DirBuilder::new().mode(MODE).create(path)?;
    fs::set_permissions(path, PermissionsExt::from_mode(MODE))?; // whatever the umask is
    match group_id(&fs::read_to_string(GROUPS_FILE).unwrap_or_default()) {
        Some(group) => std::os::unix::fs::chown(path, None, Some(group)),
        None => Ok(()),
    }
}

/// The number of our group in the text of the groups' file.
fn group_id(groups: &str) -> Option<u32> {
    let row = groups.lines().map(|line| line.split(':'));
    let mut ours = row.filter_map(|mut fields| {
        (fields.next() == Some(GROUP)).then(|| fields.nth(1)?.parse().ok())?
    });
    ours.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_is_found_by_its_whole_name() {
        let groups = "root:x:0:\ntapio2:x:5:\ntapio:x:998:edge,ops\n";
        assert_eq!(group_id(groups), Some(998));
        assert_eq!(group_id("tapios:x:7:\n"), None);
        assert_eq!(group_id("tapio:x:many:\n"), None);
        assert_eq!(group_id(""), None);
    }
}

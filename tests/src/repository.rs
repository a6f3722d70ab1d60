//! The repository as git has it: the tracked files, and what stands in them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The top of the repository.
///
/// # Panics
/// Never: the tests' crate has a parent folder.
pub fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests' folder has a parent")
}

/// A tracked file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracked {
    /// From the top, with slashes.
    pub path: String,
}

impl Tracked {
    pub fn on_disk(&self) -> PathBuf {
        top().join(&self.path)
    }

    /// # Panics
    /// When it cannot be read.
    pub fn bytes(&self) -> Vec<u8> {
        fs::read(self.on_disk()).unwrap_or_else(|error| panic!("{}: {error}", self.path))
    }

    /// What it says, or `None` when it is not text.
    pub fn text(&self) -> Option<String> {
        String::from_utf8(self.bytes()).ok()
    }

    pub fn is(&self, extension: &str) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|found| found == extension)
    }
}

/// Every tracked file that has not been deleted.
///
/// # Panics
/// When this is no git checkout: then there is nothing the rules could be held against.
pub fn tracked() -> Vec<Tracked> {
    let output = Command::new("git")
        .args(["-c", "safe.directory=*", "ls-files", "-z", "--cached"])
        .current_dir(top())
        .output()
        .unwrap_or_else(|error| panic!("git does not start: {error}"));
    assert!(
        output.status.success(),
        "git lists no files: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let files: Vec<Tracked> = String::from_utf8_lossy(&output.stdout)
        .split_terminator('\0')
        .map(|path| Tracked {
            path: path.to_owned(),
        })
        .filter(|file| file.on_disk().symlink_metadata().is_ok())
        .collect();
    assert!(!files.is_empty(), "git tracks nothing here");
    files
}

/// The tracked files with this extension.
pub fn tracked_with(extension: &str) -> Vec<Tracked> {
    tracked()
        .into_iter()
        .filter(|file| file.is(extension))
        .collect()
}

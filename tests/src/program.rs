//! Where the programs under test are.
//!
//! With `TAPIO_BIN_DIR` they are taken from there: that is how a release build, or what `scripts/test`
//! built, is tested. Without it cargo builds the program, in the profile of the tests, and says
//! where it put it, so that a test never meets a stale binary. A missing program is a failure.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::repository;

/// The folder to take the programs from, instead of building them.
pub const BIN_DIR_VARIABLE: &str = "TAPIO_BIN_DIR";

/// A program that ships.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    Controller,
    Agent,
    Cli,
}

impl Program {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Controller => "tapio-controller",
            Self::Agent => "tapio-agent",
            Self::Cli => "tapio",
        }
    }

    const fn package(self) -> &'static str {
        match self {
            Self::Controller => "tapio-controller",
            Self::Agent => "tapio-agent",
            Self::Cli => "tapio-cli",
        }
    }

    /// The program's file, built by now.
    ///
    /// # Panics
    /// When there is none and none can be built.
    pub fn path(self) -> &'static Path {
        static PATHS: [OnceLock<PathBuf>; 3] = [const { OnceLock::new() }; 3];
        let slot = match self {
            Self::Controller => 0,
            Self::Agent => 1,
            Self::Cli => 2,
        };
        PATHS[slot].get_or_init(|| match env::var_os(BIN_DIR_VARIABLE) {
            Some(folder) => self.in_folder(Path::new(&folder)),
            None => self.built(),
        })
    }

    fn in_folder(self, folder: &Path) -> PathBuf {
        let path = folder.join(self.name());
        assert!(
            path.is_file(),
            "{BIN_DIR_VARIABLE} says that the programs are in {}, but there is no {} there",
            folder.display(),
            self.name()
        );
        path
    }

    fn built(self) -> PathBuf {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .args(["build", "--message-format=json-render-diagnostics"])
            .args(["--package", self.package(), "--bin", self.name()])
            .current_dir(repository::top())
            .stderr(Stdio::inherit());
        if !cfg!(debug_assertions) {
            command.arg("--release");
        }
        let output = command
            .output()
            .unwrap_or_else(|error| panic!("cargo does not start: {error}"));
        assert!(
            output.status.success(),
            "{} does not build; what cargo says stands above",
            self.name()
        );
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|message| message["target"]["name"] == self.name())
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .unwrap_or_else(|| panic!("cargo built no program called {}", self.name()))
    }
}

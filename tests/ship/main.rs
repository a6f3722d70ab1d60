//! What ships, started as it will be: in images, under systemd, alone in an empty root, installed.
//!
//! `TAPIO_DIST` names a folder of `scripts/dist`, `TAPIO_SYSTEMD_ROOT` a Debian with systemd. Needs
//! root; `scripts/ship-tests` sees to all of it, and says what it left out and why.

mod alone;
mod image;
mod installed;
mod manifests;
mod name_server;
mod podman;
mod quickstart;
mod systemd;

use std::path::PathBuf;
use std::process::Output;

/// A folder that the runner has named.
///
/// # Panics
/// When it has not.
#[track_caller]
fn folder(variable: &str) -> PathBuf {
    let value = std::env::var_os(variable);
    PathBuf::from(value.unwrap_or_else(|| panic!("{variable} is not set; see scripts/ship-tests")))
}

fn dist() -> PathBuf {
    folder("TAPIO_DIST")
}

/// Both of its streams, for a test that fails and for one that reads them.
fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

//! Python with the packages that `scripts/setup test` installs: other people's definitions.

use std::process::Command;

use crate::repository;

/// A script of `tests/python`, about to be started.
///
/// # Panics
/// When there is no such Python yet.
#[must_use]
#[track_caller]
pub fn python(script: &str) -> Command {
    let python = repository::top().join("target/python/bin/python");
    assert!(
        python.exists(),
        "{} is not there: scripts/setup test",
        python.display()
    );
    let mut command = Command::new(python);
    command.arg(repository::top().join("tests/python").join(script));
    command
}

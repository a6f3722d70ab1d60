//! `tapio` on a terminal of the test's own, so many columns wide.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::Command;

use tapio_tests::program::Program;

/// The test's end, and the one a program gets for its output.
fn open(columns: u16) -> (File, OwnedFd) {
    let (mut ours, mut theirs) = (-1, -1);
    let size = libc::winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: both descriptors and the size are valid to write to and read; name and modes may be
    // null.
    let answer = unsafe {
        libc::openpty(
            &raw mut ours,
            &raw mut theirs,
            std::ptr::null_mut(),
            std::ptr::null(),
            &raw const size,
        )
    };
    assert_eq!(answer, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: openpty has just opened both, and nobody else knows of them.
    unsafe { (File::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) }
}

/// What the terminal is sent, its line ends being ours again.
pub fn show(arguments: &[&str], columns: u16, environment: &[(&str, &str)]) -> String {
    let (mut ours, theirs) = open(columns);
    let mut command = Command::new(Program::Cli.path());
    command
        .args(arguments)
        .env_remove("NO_COLOR")
        .env_remove("TAPIO_DATA_DIR")
        .envs(environment.iter().copied())
        .stdout(theirs);
    let mut child = command.spawn().expect("it starts");
    drop(command);
    let mut shown = Vec::new();
    let mut piece = [0; 4_096];
    loop {
        match ours.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => shown.extend_from_slice(&piece[..count]),
            // The last program has closed its end.
            Err(error) if error.raw_os_error() == Some(libc::EIO) => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => panic!("the terminal: {error}"),
        }
    }
    child.wait().expect("it ends");
    String::from_utf8(shown)
        .expect("UTF-8")
        .replace("\r\n", "\n")
}

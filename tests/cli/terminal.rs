//! `tapio` on a terminal of the test's own, so many columns wide.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::{Child, Command};

use tapio_tests::deadline::SOON;
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

/// A program on a terminal, and what that was sent so far.
pub struct Shown {
    ours: File,
    child: Child,
    shown: Vec<u8>,
}

impl Shown {
    pub fn begin(arguments: &[&str], columns: u16, environment: &[(&str, &str)]) -> Self {
        let (ours, theirs) = open(columns);
        let mut command = Command::new(Program::Cli.path());
        command
            .args(arguments)
            .env_remove("NO_COLOR")
            .env_remove("TAPIO_DATA_DIR")
            .envs(environment.iter().copied())
            .stdout(theirs);
        let child = command.spawn().expect("it starts");
        Self {
            ours,
            child,
            shown: Vec::new(),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Reads on until the terminal has been sent this.
    #[track_caller]
    pub fn read_until(&mut self, wanted: &str) {
        while !String::from_utf8_lossy(&self.shown).contains(wanted) {
            let mut entry = libc::pollfd {
                fd: self.ours.as_raw_fd(),
                events: libc::POLLIN,
                revents: 0,
            };
            let limit = i32::try_from(SOON.as_millis()).expect("seconds");
            // SAFETY: the pointer and the count are those of one valid entry.
            let ready = unsafe { libc::poll(&raw mut entry, 1, limit) };
            let so_far = String::from_utf8_lossy(&self.shown).into_owned();
            assert!(ready > 0 && self.read(), "{wanted:?} is not in {so_far:?}");
        }
    }

    /// Whether there was more.
    fn read(&mut self) -> bool {
        let mut piece = [0; 4_096];
        loop {
            match self.ours.read(&mut piece) {
                Ok(count) => {
                    self.shown.extend_from_slice(&piece[..count]);
                    return count > 0;
                }
                // The last program has closed its end.
                Err(error) if error.raw_os_error() == Some(libc::EIO) => return false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("the terminal: {error}"),
            }
        }
    }

    /// All of it once the program has ended, its line ends being ours again.
    pub fn end(mut self) -> String {
        while self.read() {}
        self.child.wait().expect("it ends");
        String::from_utf8(self.shown)
            .expect("UTF-8")
            .replace("\r\n", "\n")
    }
}

/// What the terminal is sent.
pub fn show(arguments: &[&str], columns: u16, environment: &[(&str, &str)]) -> String {
    Shown::begin(arguments, columns, environment).end()
}

//! Headers that hold a secret: `--sink-header NAME=@FILE`.
//!
//! The command line names a file, because what stands on a command line everybody on the machine can
//! read. The file is read again before every request, so that a secret may change while the agent
//! runs; while it cannot be read, the last one goes on being used. No format of a [`Secret`] shows it.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Longer ones are no header that a server takes.
const SECRET_BYTES_MAX: u64 = 8 << 10;

/// Something that is sent and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// For the request alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("[redacted]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("[redacted]")
    }
}

/// Why a file holds no secret that can be sent.
#[derive(Debug)]
pub enum CredentialError {
    Unreadable(PathBuf, io::Error),
    Empty(PathBuf),
    TooLong(PathBuf),
    /// A line break inside it, or another control character.
    NotALine(PathBuf),
}

impl fmt::Display for CredentialError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, why) = match self {
            Self::Unreadable(path, error) => {
                return write!(
                    out,
                    "the header in {} cannot be read: {error}",
                    path.display()
                );
            }
            Self::Empty(path) => (path, "is empty"),
            Self::TooLong(path) => (path, "is longer than 8 KiB"),
            Self::NotALine(path) => (path, "is not one line of text"),
        };
        write!(out, "the header in {} {why}", path.display())
    }
}

impl std::error::Error for CredentialError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(_, error) => Some(error),
            Self::Empty(_) | Self::TooLong(_) | Self::NotALine(_) => None,
        }
    }
}

/// A header and the file its value comes from.
#[derive(Debug)]
pub struct Header {
    pub name: String,
    path: PathBuf,
    value: Secret,
    is_stale: bool,
}

impl Header {
    pub fn open(name: &str, path: &Path) -> Result<Self, CredentialError> {
        Ok(Self {
            name: name.to_owned(),
            path: path.to_owned(),
            value: read(path)?,
            is_stale: false,
        })
    }

    pub fn value(&self) -> &Secret {
        &self.value
    }

    /// Reads the file again, and keeps what it has if that fails.
    pub fn refresh(&mut self) {
        match read(&self.path) {
            Ok(value) => {
                self.value = value;
                self.is_stale = false;
            }
            Err(error) if !self.is_stale => {
                self.is_stale = true;
                log::warn!("{error}; what was read before goes on being sent");
            }
            Err(_) => {}
        }
    }
}

fn read(path: &Path) -> Result<Secret, CredentialError> {
    let unreadable = |error| CredentialError::Unreadable(path.to_owned(), error);
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(SECRET_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    if text.len() as u64 > SECRET_BYTES_MAX {
        return Err(CredentialError::TooLong(path.to_owned()));
    }
    let line = text.trim();
    if line.is_empty() {
        return Err(CredentialError::Empty(path.to_owned()));
    }
    if line.chars().any(char::is_control) {
        return Err(CredentialError::NotALine(path.to_owned()));
    }
    Ok(Secret(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct Scratch(PathBuf);

    impl Scratch {
        fn with(name: &str, text: &[u8]) -> Self {
            let name = format!("tapio-credential-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::write(&path, text).expect("room");
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_file(&self.0).ok();
        }
    }

    #[test]
    fn no_format_shows_it() {
        let file = Scratch::with("shown", b"Bearer hunter2\n");
        let header = Header::open("Authorization", &file.0).expect("a line");
        assert_eq!(header.value().expose(), "Bearer hunter2");
        for shown in [
            format!("{header:?} {header:#?}"),
            format!("{:?} {}", header.value(), header.value()),
        ] {
            assert!(
                !shown.contains("hunter2") && shown.contains("[redacted]"),
                "{shown}"
            );
        }
    }

    #[test]
    fn what_is_no_line_is_refused_and_not_quoted() {
        for (name, text, wanted) in [
            ("empty", &b" \n"[..], "is empty"),
            ("two", b"one\ntwo\n", "is not one line of text"),
            ("smuggled", b"x\r\nHost: y", "is not one line of text"),
            ("long", &[b'x'; 8_193], "is longer than 8 KiB"),
            ("bytes", b"\xff\xfe", "cannot be read"),
        ] {
            let file = Scratch::with(name, text);
            let error = Header::open("A", &file.0).expect_err(name).to_string();
            assert!(
                error.contains(wanted) && !error.contains("smuggled\r"),
                "{error}"
            );
        }
        let error = Header::open("A", Path::new("/nonexistent")).expect_err("absent");
        assert!(error.to_string().contains("/nonexistent"), "{error}");
    }

    #[test]
    fn a_new_secret_is_taken_up_and_a_missing_one_leaves_the_last() {
        let file = Scratch::with("changes", b"first");
        let mut header = Header::open("A", &file.0).expect("a line");
        fs::write(&file.0, "second\n").expect("room");
        header.refresh();
        assert_eq!(header.value().expose(), "second");
        fs::remove_file(&file.0).expect("it is there");
        header.refresh();
        assert_eq!((header.value().expose(), header.is_stale), ("second", true));
    }
}

//! The profile as a file: read, bounded, parsed, checked and compiled, or one line of complaint.
//!
//! This is the only place that knows of YAML. What a profile may say is decided in
//! `tapio-profile`.

use std::error::Error;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tapio_profile::EvidenceProfile;
use tapio_wire::CompiledConfig;

/// A profile has a dozen settings; what is larger is another file.
const PROFILE_BYTES_MAX: u64 = 65_536;

/// A profile that cannot be used.
#[derive(Debug)]
pub struct BadProfile {
    pub path: PathBuf,
    pub fault: Fault,
}

#[derive(Debug)]
pub enum Fault {
    Unreadable(io::Error),
    /// A pipe or a device, which is read once.
    NotAFile,
    TooLarge,
    NotAProfile(serde_yaml::Error),
}

impl fmt::Display for BadProfile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "profile {:?}: ", self.path)?;
        match &self.fault {
            Fault::Unreadable(error) => write!(out, "{error}"),
            Fault::NotAFile => {
                out.write_str("is no file, and was read when the controller started")
            }
            Fault::TooLarge => write!(out, "is larger than {PROFILE_BYTES_MAX} bytes"),
            Fault::NotAProfile(error) => {
                write!(out, "{}", without_controls(&error.to_string()))
            }
        }
    }
}

/// Words of a parser that may quote a file: on one line, and with nothing a terminal obeys.
fn without_controls(words: &str) -> String {
    let mut safe = String::with_capacity(words.len());
    for letter in words.chars() {
        if letter.is_control() {
            safe.extend(letter.escape_default());
        } else {
            safe.push(letter);
        }
    }
    safe
}

impl Error for BadProfile {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.fault {
            Fault::Unreadable(error) => Some(error),
            Fault::NotAProfile(error) => Some(error),
            Fault::NotAFile | Fault::TooLarge => None,
        }
    }
}

/// What the file says, or what holds where there is none.
pub fn load_or_default(path: Option<&Path>) -> Result<CompiledConfig, BadProfile> {
    path.map_or_else(|| Ok(CompiledConfig::default()), load)
}

/// Of a profile that was read before. To open a pipe again could take for ever.
pub fn load_again(path: &Path) -> Result<CompiledConfig, BadProfile> {
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(BadProfile {
            path: path.to_owned(),
            fault: Fault::NotAFile,
        });
    }
    load(path)
}

pub fn load(path: &Path) -> Result<CompiledConfig, BadProfile> {
    let bad = |fault| BadProfile {
        path: path.to_owned(),
        fault,
    };
    let text = read(path).map_err(bad)?;
    let profile: EvidenceProfile =
        serde_yaml::from_slice(&text).map_err(|error| bad(Fault::NotAProfile(error)))?;
    Ok(profile.compile())
}

fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(PROFILE_BYTES_MAX + 1).read_to_end(&mut text))
        .map_err(Fault::Unreadable)?;
    if u64::try_from(text.len()).is_ok_and(|len| len > PROFILE_BYTES_MAX) {
        return Err(Fault::TooLarge);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    const GOOD: &str = "apiVersion: tapio.false.systems/v0\n\
                        kind: EvidenceProfile\n\
                        base: production-default\n";

    fn complaint(text: &str) -> String {
        let scratch = Scratch::new("profile-file");
        let path = scratch.join("profile.yaml");
        std::fs::write(&path, text).unwrap();
        load(&path).unwrap_err().to_string()
    }

    #[test]
    fn a_profile_without_overrides_is_the_production_default() {
        let scratch = Scratch::new("profile-good");
        let path = scratch.join("profile.yaml");
        std::fs::write(&path, GOOD).unwrap();
        assert_eq!(load(&path).unwrap(), CompiledConfig::default());
    }

    #[test]
    fn a_complaint_is_one_line_with_the_file_and_the_field() {
        let complaint = complaint(&format!(
            "{GOOD}overrides:\n  network:\n    rtt_spike:\n      ratio: 101\n"
        ));
        assert!(complaint.contains("profile.yaml"), "{complaint}");
        assert!(complaint.contains("overrides.network.rtt_spike.ratio"));
        assert!(complaint.contains("1 to 100"), "{complaint}");
        assert!(!complaint.contains('\n'));
    }

    #[test]
    fn what_is_no_profile_at_all_is_said_so() {
        assert!(complaint(&" ".repeat(65_537)).ends_with("is larger than 65536 bytes"));
        assert!(!complaint("a: \"\\x1b[2J\n").contains('\u{1b}'));
        let gone = load(Path::new("/nonexistent/p.yaml")).unwrap_err();
        assert!(matches!(gone.fault, Fault::Unreadable(_)));
    }
}

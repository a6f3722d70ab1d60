//! The config of a standalone agent: a compiled one from a file, or production-default.
//!
//! The file is what `tapio-controller compile PROFILE` prints. No profile is evaluated here and no
//! YAML is read. The hash names what is applied, by the wire's own definition.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tapio_wire::{CompiledConfig, WireError};

/// Far more than a config of today; a file beyond it is not one.
const CONFIG_BYTES_MAX: u64 = 256 << 10;

/// Standalone, a config is applied once: its generation is the first.
pub const FIRST_GENERATION: u32 = 1;

/// A config and its name.
#[derive(Debug, Clone)]
pub struct NamedConfig {
    pub config: CompiledConfig,
    pub generation: u32,
    pub hash: String,
}

/// Why the file cannot be used.
#[derive(Debug)]
pub enum ConfigError {
    Unreadable(PathBuf, io::Error),
    TooLarge(PathBuf),
    Invalid(PathBuf, WireError),
    /// There is a controller, too.
    Managed(PathBuf),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => write!(out, "config {}: {error}", path.display()),
            Self::TooLarge(path) => write!(
                out,
                "config {}: more than {CONFIG_BYTES_MAX} bytes",
                path.display()
            ),
            Self::Managed(path) => write!(
                out,
                "config {}: an agent with a controller takes its config from there; leave out \
                 either --config or --controller-endpoint",
                path.display()
            ),
            Self::Invalid(path, error) => write!(
                out,
                "config {}: {error}; `tapio-controller compile PROFILE` prints one that fits",
                path.display()
            ),
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(_, error) => Some(error),
            Self::TooLarge(_) | Self::Managed(_) => None,
            Self::Invalid(_, error) => Some(error),
        }
    }
}

/// Reads the file, or takes production-default without one.
pub fn load(path: Option<&Path>) -> Result<NamedConfig, ConfigError> {
    let config = match path {
        Some(path) => read(path)?,
        None => CompiledConfig::default(),
    };
    Ok(NamedConfig {
        hash: hash_of(&config),
        generation: FIRST_GENERATION,
        config,
    })
}

fn read(path: &Path) -> Result<CompiledConfig, ConfigError> {
    let unreadable = |error| ConfigError::Unreadable(path.to_owned(), error);
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let within = file.take(CONFIG_BYTES_MAX + 1).read_to_end(&mut bytes);
    let read = u64::try_from(within.map_err(unreadable)?).unwrap_or(u64::MAX);
    if read > CONFIG_BYTES_MAX {
        return Err(ConfigError::TooLarge(path.to_owned()));
    }
    CompiledConfig::parse(&bytes).map_err(|error| ConfigError::Invalid(path.to_owned(), error))
}

/// `sha256:` and the lowercase hex digest of the canonical bytes.
pub fn hash_of(config: &CompiledConfig) -> String {
    let mut digest = Sha256::new();
    // A config has only numbers, flags and lists of numbers, and a digest takes any bytes: neither
    // side of this can fail.
    let canonical = serde_json::to_vec(config).unwrap_or_default();
    digest.update(&canonical);
    let mut hash = String::from("sha256:");
    for byte in digest.finalize() {
        // Writing to a String cannot fail.
        let _ = write!(hash, "{byte:02x}");
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_of(name: &str, text: &str) -> PathBuf {
        let name = format!("tapio-config-{}-{name}.json", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).expect("writable");
        path
    }

    #[test]
    fn without_a_file_it_is_what_deployed_controllers_serve() {
        let named = load(None).expect("nothing can fail");
        assert_eq!(
            named.hash,
            "sha256:845b719f50052b222e79a6f0a9e091e4fe5cc62f8049f7a9089cf20175f5ddef"
        );
        assert!(named.config.container.enabled);
    }

    #[test]
    fn a_file_is_taken_as_it_is() {
        let mut config = CompiledConfig::default();
        config.container.enabled = false;
        let text = serde_json::to_string(&config).expect("serialises");
        let path = file_of("good", &(text + "\n"));
        let named = load(Some(&path)).expect("fits");
        assert_eq!(named.config, config);
        assert_ne!(named.hash, load(None).expect("default").hash);
        std::fs::remove_file(path).expect("removable");
    }

    #[test]
    fn what_is_no_config_is_refused_by_name() {
        let huge = " ".repeat(300_000);
        for (name, text, wanted) in [
            ("cut", "{\"network\":", "config "),
            ("yaml", "kind: EvidenceProfile", "tapio-controller compile"),
            ("missing", "{}", "network"),
            ("huge", huge.as_str(), "more than 262144 bytes"),
        ] {
            let path = file_of(name, text);
            let complaint = load(Some(&path)).expect_err(name).to_string();
            assert!(complaint.contains(wanted), "{complaint}");
            assert!(complaint.contains(&path.display().to_string()));
            assert_eq!(complaint.lines().count(), 1);
            std::fs::remove_file(path).expect("removable");
        }
        let nowhere = load(Some(Path::new("/nonexistent/x.json"))).expect_err("no file");
        assert!(
            nowhere
                .to_string()
                .starts_with("config /nonexistent/x.json: ")
        );
    }
}

//! The config that is served now, with everything an answer needs made once.
//!
//! A generation is this process's own count; the hash is what a fleet converges to. Both, and the
//! body of `GET /v1/agents/config`, change together or not at all, because they are one value.

use std::fmt::Write as _;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tapio_wire::values::{Generation, WireVersion};
use tapio_wire::{Batching, CompiledConfig, ConfigResponse};

/// The generation of the config a controller starts with.
pub const FIRST_GENERATION: Generation = Generation(1);

/// One generation of the config.
#[derive(Debug)]
pub struct ActiveConfig {
    pub generation: Generation,
    pub hash: String,
    /// The hash in quotes, as ETag and If-None-Match spell it.
    pub etag: Arc<str>,
    pub batching: Batching,
    /// The whole `ConfigResponse`.
    pub body: Arc<[u8]>,
}

impl ActiveConfig {
    pub fn new(
        generation: Generation,
        config: CompiledConfig,
        batching: Batching,
    ) -> Result<Self, serde_json::Error> {
        let hash = config_hash(&config)?;
        let body = serde_json::to_vec(&ConfigResponse {
            wire_version: WireVersion,
            version: generation,
            config_hash: hash.as_str().into(),
            config,
            batching,
        })?;
        Ok(Self {
            generation,
            etag: tapio_wire::query::etag(&hash).into(),
            hash,
            batching,
            body: body.into(),
        })
    }

    /// The generation after this one. What wraps is a number people read, not an identity.
    pub fn next_generation(&self) -> Generation {
        Generation(self.generation.0.checked_add(1).unwrap_or(1))
    }
}

/// `sha256:` and the digest of the canonical bytes.
pub fn config_hash(config: &CompiledConfig) -> Result<String, serde_json::Error> {
    let digest = Sha256::digest(serde_json::to_vec(config)?);
    let mut hash = String::from("sha256:");
    for byte in digest {
        // Writing to a String cannot fail.
        let _ = write!(hash, "{byte:02x}");
    }
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_production_default_has_the_hash_that_deployed_controllers_serve() {
        assert_eq!(
            config_hash(&CompiledConfig::default()).unwrap(),
            "sha256:845b719f50052b222e79a6f0a9e091e4fe5cc62f8049f7a9089cf20175f5ddef"
        );
    }

    #[test]
    fn the_body_reads_back_and_carries_the_same_identity() {
        let config = ActiveConfig::new(
            FIRST_GENERATION,
            CompiledConfig::default(),
            Batching::default(),
        )
        .unwrap();
        let body = ConfigResponse::parse(&config.body).unwrap();
        assert_eq!(body.config_hash, config.hash);
        assert_eq!(body.version, Generation(1));
        assert_eq!(body.config, CompiledConfig::default());
        assert_eq!(*config.etag, format!("\"{}\"", config.hash));
        assert_eq!(config.next_generation(), Generation(2));
    }
}

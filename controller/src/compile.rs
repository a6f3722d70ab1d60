//! `tapio-controller compile PROFILE`: what agents would be told, for a node that has no
//! controller, or for a look before a rollout.

use crate::config::config_hash;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::{print, profile_file};

/// The canonical JSON goes to standard output, its hash to standard error.
pub fn run(settings: &Settings) -> Result<(), Failure> {
    let config =
        profile_file::load_or_default(settings.profile.as_deref()).map_err(Failure::Profile)?;
    let unserialisable = |error: serde_json::Error| Failure::System {
        what: "cannot write the config as JSON",
        source: error.into(),
    };
    let json = serde_json::to_string(&config).map_err(unserialisable)?;
    let hash = config_hash(&config).map_err(unserialisable)?;
    print(&format!("{json}\n"))?;
    eprintln!("{hash}");
    Ok(())
}

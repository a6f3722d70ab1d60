//! What the agent looks at, from what is attached and what the config asks for.
//!
//! Pure. A type is looked for when its observer is switched on and every hook that serves it is
//! attached; every other type of the catalogue is named with the reason why not.

use tapio_common::catalogue::{Anomaly, Observer};
use tapio_common::coverage::{Hook, Looking};
use tapio_common::time::Timestamp;
use tapio_wire::CompiledConfig;

use crate::config::NamedConfig;
use crate::kernel::{LoadedObserver, Status};

/// The entry that opens an interval of coverage; without a config nothing is looked for.
pub fn looking(
    from: Timestamp,
    boot_id: &str,
    named: Option<&NamedConfig>,
    observers: &[LoadedObserver],
) -> Looking {
    let mut looking = Looking {
        from,
        boot_id: boot_id.to_owned(),
        config_generation: named.map_or(0, |named| named.generation),
        config_hash: named.map_or_else(String::new, |named| named.hash.clone()),
        scope: named
            .and_then(|named| serde_json::to_value(&named.config).ok())
            .unwrap_or_default(),
        types: Vec::new(),
        types_missing: Default::default(),
        hooks: observers.iter().flat_map(hooks_of).collect(),
    };
    for anomaly in Anomaly::ALL.iter().copied() {
        let name = anomaly.event_type().to_owned();
        match reason_against(anomaly, named, observers) {
            None => looking.types.push(name),
            Some(reason) => {
                looking.types_missing.insert(name, reason);
            }
        }
    }
    looking
}

fn hooks_of(loaded: &LoadedObserver) -> impl Iterator<Item = Hook> {
    loaded.hooks.iter().map(|hook| Hook {
        observer: loaded.observer.name().to_owned(),
        name: hook.name.to_owned(),
        attached: hook.attached.is_ok(),
        reason: hook.attached.as_ref().err().map(ToString::to_string),
    })
}

fn reason_against(
    anomaly: Anomaly,
    named: Option<&NamedConfig>,
    observers: &[LoadedObserver],
) -> Option<String> {
    let observer = anomaly.observer();
    let loaded = observers.iter().find(|loaded| loaded.observer == observer);
    let Some(loaded) = loaded else {
        return Some("observer not asked for".to_owned());
    };
    let Some(named) = named else {
        return Some("no config has been applied yet".to_owned());
    };
    if !is_enabled(observer, &named.config) {
        return Some("switched off by config".to_owned());
    }
    if loaded.is_watched(anomaly) {
        return None;
    }
    Some(match &loaded.status {
        Status::Degraded(reason) | Status::Failed(reason) => reason.clone(),
        Status::Running => "not attached".to_owned(),
    })
}

pub fn is_enabled(observer: Observer, config: &CompiledConfig) -> bool {
    match observer {
        Observer::Network => config.network.enabled,
        Observer::Storage => config.storage.enabled,
        Observer::Container => config.container.enabled,
        Observer::Node => config.node_pmc.enabled,
    }
}

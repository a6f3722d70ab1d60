//! One observer in the kernel: what it is made of, and what came of it here.
//!
//! A hook that this kernel lacks is a value with a reason. An anomaly is watched when every hook
//! that serves it is attached; an observer is degraded when some anomaly of it is not watched or
//! some hook is missing, and failed when none is watched.

use std::path::Path;

use libbpf_rs::Link;
use tapio_common::abi::shared::{CounterRow, FoldSlot};
use tapio_common::catalogue::{Anomaly, Observer};
use tapio_wire::CompiledConfig;

use super::btf::KernelTypes;
use super::container;
use super::control;
use super::fair_share::FairShare;
use super::network;
use super::node;
use super::object::{self, Plan};
use super::obstacle::{Obstacle, Surroundings};
use super::parts::Parts;
use super::sampling::{Events, Sampling};
use super::spec::Spec;
use super::storage;
use super::watch::Watch;

pub(super) fn spec_of(observer: Observer) -> &'static Spec {
    match observer {
        Observer::Container => &container::SPEC,
        Observer::Network => &network::SPEC,
        Observer::Storage => &storage::SPEC,
        Observer::Node => &node::SPEC,
    }
}

/// How an observer stands.
#[derive(Debug)]
pub enum Status {
    Running,
    Degraded(String),
    Failed(String),
}

/// One place in the kernel, attached or not and why not.
#[derive(Debug)]
pub struct Hook {
    pub name: &'static str,
    /// What cannot be told without it.
    pub serves: &'static [Anomaly],
    pub attached: Result<(), Obstacle>,
}

/// An observer after load.
#[derive(Debug)]
pub struct LoadedObserver {
    pub observer: Observer,
    pub status: Status,
    pub hooks: Vec<Hook>,
    /// How many maps its programs have here.
    pub maps: usize,
    /// What runs; `None` if the observer failed.
    pub watch: Option<Watch>,
}

impl LoadedObserver {
    pub(super) fn failed(observer: Observer, reason: Obstacle) -> Self {
        Self {
            observer,
            status: Status::Failed(reason.to_string()),
            hooks: Vec::new(),
            maps: 0,
            watch: None,
        }
    }

    /// Whether nothing stands in the way but what this machine does not have.
    pub fn lacks_only_hardware(&self) -> bool {
        let obstacles = self
            .hooks
            .iter()
            .filter_map(|hook| hook.attached.as_ref().err());
        obstacles
            .into_iter()
            .all(|obstacle| matches!(obstacle, Obstacle::NoPmu | Obstacle::NotCounted))
    }

    /// Whether facts of this kind reach the agent.
    pub fn is_watched(&self, anomaly: Anomaly) -> bool {
        self.watch.is_some()
            && anomaly.observer() == self.observer
            && is_served(&self.hooks, anomaly)
    }
}

fn is_served(hooks: &[Hook], anomaly: Anomaly) -> bool {
    hooks
        .iter()
        .filter(|hook| hook.serves.contains(&anomaly))
        .all(|hook| hook.attached.is_ok())
}

fn status_of(observer: Observer, hooks: &[Hook]) -> Status {
    let missing: Vec<_> = hooks
        .iter()
        .filter_map(|hook| Some((hook.name, hook.attached.as_ref().err()?)))
        .map(|(name, reason)| format!("{name}: {reason}"))
        .collect();
    if missing.is_empty() {
        return Status::Running;
    }
    let reason = missing.join("; ");
    let any = observer
        .anomalies()
        .any(|anomaly| is_served(hooks, anomaly));
    if any {
        Status::Degraded(reason)
    } else {
        Status::Failed(reason)
    }
}

pub(super) fn load(
    observer: Observer,
    folder: Option<&Path>,
    types: &KernelTypes,
    surroundings: &Surroundings,
    links: &mut Vec<Link>,
) -> LoadedObserver {
    let counted = spec_of(observer).counted;
    load_driven(observer, counted, folder, types, surroundings, links)
}

/// The same, with a say in what is counted.
pub(super) fn load_driven(
    observer: Observer,
    counted: Option<&Events>,
    folder: Option<&Path>,
    types: &KernelTypes,
    surroundings: &Surroundings,
    links: &mut Vec<Link>,
) -> LoadedObserver {
    let spec = spec_of(observer);
    let cpus = match possible_cpus() {
        Ok(cpus) => cpus,
        Err(source) => {
            let step = "count the CPUs";
            return LoadedObserver::failed(observer, Obstacle::Refused { step, source });
        }
    };
    let sampling = counted.map(|events| Sampling::open(events, cpus));
    let sampling = match sampling.transpose() {
        Ok(sampling) => sampling,
        Err(obstacle) => return uncounted(observer, obstacle, surroundings),
    };
    let mut sizes = (spec.sizes)(types);
    sizes.push(("counters", cpus));
    let mut plan = Plan {
        name: observer.name(),
        folder,
        embedded: (spec.object)(),
        hooks: Vec::new(),
        run_once: spec.run_once,
        sampling: sampling.as_ref(),
        shape: (spec.shape)(types),
        sizes,
        values: vec![
            ("control", control::block_bytes(slot_bytes(spec))),
            ("counters", size_of::<CounterRow>()),
            ("folds", size_of::<FoldSlot>()),
        ],
    };
    match sampling {
        None => plan.hooks = spec.hooks.iter().map(|hook| hook.name).collect(),
        Some(_) => plan.sizes.extend(node::OF_CPUS.map(|map| (map, cpus))),
    }
    match object::load(&plan, types, surroundings) {
        Ok(mut parts) => {
            if let Some(sampling) = &sampling {
                let names = spec.hooks.iter().map(|hook| hook.name);
                parts.hooks = names.zip(node::attached(Ok(sampling))).collect();
            }
            assemble(observer, spec, parts, links)
        }
        Err(obstacle) => LoadedObserver::failed(observer, obstacle),
    }
}

/// Without counters nothing is loaded. A machine that has none is no failure.
fn uncounted(
    observer: Observer,
    obstacle: Obstacle,
    surroundings: &Surroundings,
) -> LoadedObserver {
    let Obstacle::NoPmu = obstacle else {
        let obstacle = match obstacle {
            Obstacle::Refused { step, source } => surroundings.explain(step, source),
            other => other,
        };
        return LoadedObserver::failed(observer, obstacle);
    };
    LoadedObserver {
        status: Status::Degraded(obstacle.to_string()),
        hooks: counters(spec_of(observer), Err(&obstacle)),
        ..LoadedObserver::failed(observer, obstacle)
    }
}

fn counters(spec: &'static Spec, sampling: Result<&Sampling, &Obstacle>) -> Vec<Hook> {
    let hooks = spec.hooks.iter().zip(node::attached(sampling));
    hooks
        .map(|(hook, attached)| Hook {
            name: hook.name,
            serves: hook.serves,
            attached,
        })
        .collect()
}

fn slot_bytes(spec: &Spec) -> usize {
    (spec.config)(&CompiledConfig::default(), FairShare::OFF, 0).len()
}

fn possible_cpus() -> libbpf_rs::Result<u32> {
    let cpus = libbpf_rs::num_possible_cpus()?;
    Ok(u32::try_from(cpus).unwrap_or(u32::MAX))
}

fn assemble(
    observer: Observer,
    spec: &'static Spec,
    mut parts: Parts,
    links: &mut Vec<Link>,
) -> LoadedObserver {
    let hooks: Vec<_> = parts
        .hooks
        .drain(..)
        .zip(spec.hooks)
        .map(|((name, attached), hook)| Hook {
            name,
            serves: hook.serves,
            attached,
        })
        .collect();
    let status = status_of(observer, &hooks);
    let maps = parts.maps.len();
    if let Status::Failed(_) = status {
        return LoadedObserver {
            observer,
            status,
            hooks,
            maps,
            watch: None,
        };
    }
    links.append(&mut parts.links);
    match Watch::new(observer, spec, parts, slot_bytes(spec)) {
        Ok(watch) => LoadedObserver {
            observer,
            status,
            hooks,
            maps,
            watch: Some(watch),
        },
        Err(obstacle) => LoadedObserver {
            hooks,
            ..LoadedObserver::failed(observer, obstacle)
        },
    }
}

/// The hooks of an observer as this kernel's types show them, or as its counters can be opened.
pub(super) fn offered(observer: Observer, types: &KernelTypes) -> Vec<Hook> {
    let spec = spec_of(observer);
    if let Some(events) = spec.counted {
        let sampling = Sampling::open(events, possible_cpus().unwrap_or(1));
        return counters(spec, sampling.as_ref());
    }
    spec.hooks
        .iter()
        .map(|hook| Hook {
            name: hook.name,
            serves: hook.serves,
            attached: match types.hook_arguments(hook.name) {
                Some(_) => Ok(()),
                None => Err(Obstacle::NoHook),
            },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(name: &'static str, serves: &'static [Anomaly], attached: bool) -> Hook {
        let attached = if attached {
            Ok(())
        } else {
            Err(Obstacle::NoHook)
        };
        Hook {
            name,
            serves,
            attached,
        }
    }

    fn hooks(signal: bool, exit: bool, mark: bool) -> Vec<Hook> {
        vec![
            hook("signal_generate", &[Anomaly::OomKill], signal),
            hook("sched_process_exit", &[Anomaly::AbnormalExit], exit),
            hook("mark_victim", &[Anomaly::OomKill], mark),
        ]
    }

    #[test]
    fn an_anomaly_needs_every_hook_that_serves_it() {
        assert!(is_served(&hooks(true, false, true), Anomaly::OomKill));
        assert!(!is_served(&hooks(false, true, true), Anomaly::OomKill));
        assert!(!is_served(&hooks(true, true, false), Anomaly::OomKill));
    }

    #[test]
    fn a_missing_hook_degrades_and_none_left_fails() {
        let status =
            |signal, exit, mark| status_of(Observer::Container, &hooks(signal, exit, mark));
        assert!(matches!(status(true, true, true), Status::Running));
        let Status::Degraded(reason) = status(true, true, false) else {
            panic!("one anomaly is still watched");
        };
        assert_eq!(reason, "mark_victim: this kernel has no such tracepoint");
        assert!(matches!(status(false, false, true), Status::Failed(_)));
    }
}

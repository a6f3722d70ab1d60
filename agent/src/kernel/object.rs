//! One object from bytes to attached programs: what differs between kernels is settled before load.
//!
//! A program whose tracepoint this kernel lacks is not loaded; one that the kernel refuses is left
//! out and the rest goes on. Of libbpf's own objects nothing outlives this: maps are handed on as
//! descriptors and programs as descriptors and links, because its copies cost megabytes.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use libbpf_rs::{MapCore, Object, ObjectBuilder, OpenObject, PrintLevel, ProgramInput};

use tapio_common::abi::shared::ABI_VERSION;

use super::btf::KernelTypes;
use super::obstacle::{Obstacle, Surroundings};
use super::parts::{MapPart, Parts};
use super::sampling::{SAMPLE, Sampling};

/// What the verifier is asked to say, for who reads the log: what a program cost it, and the way to
/// what it does not take.
const COSTS: u32 = 4;
const STEPS: u32 = 1;

/// Where an object says of which ABI it is; nothing is made of it in the kernel.
const ABI_MAP: &str = ".rodata.abi";

/// What is to be loaded.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The object's file name, and where it is taken from if not from this binary.
    pub name: &'static str,
    pub folder: Option<&'a Path>,
    pub embedded: &'static [u8],
    /// Program names, each the name of its tracepoint.
    pub hooks: Vec<&'static str>,
    /// Programs that are run once instead of attached.
    pub run_once: &'static [&'static str],
    /// What the program `sample` is driven by, if there is one.
    pub sampling: Option<&'a Sampling>,
    /// The bytes of the constants, empty if the object has none.
    pub shape: Vec<u8>,
    /// Maps that are not as large as the object says.
    pub sizes: Vec<(&'static str, u32)>,
    /// Maps that are read in place, and the bytes of one value as this agent knows it.
    pub values: Vec<(&'static str, usize)>,
}

/// Loads and attaches what can be. An error means that nothing could.
pub fn load(
    plan: &Plan<'_>,
    types: &KernelTypes,
    surroundings: &Surroundings,
) -> Result<Parts, Obstacle> {
    libbpf_rs::set_print(Some((PrintLevel::Debug, log_words)));
    let mut refused: BTreeMap<&str, Obstacle> = BTreeMap::new();
    for hook in &plan.hooks {
        if types.hook_arguments(hook).is_none() {
            refused.insert(hook, Obstacle::NoHook);
        }
    }
    let wanted: Vec<_> = without(&plan.hooks, &refused);
    let object = match open(plan, &wanted, COSTS)?.load() {
        Ok(object) => object,
        Err(error) => {
            if !surroundings.obstacles().is_empty() {
                return Err(surroundings.explain("load", error));
            }
            find_refused(plan, &wanted, surroundings, &mut refused)?;
            let rest = without(&plan.hooks, &refused);
            if rest.is_empty() {
                return Err(surroundings.explain("load", error));
            }
            let again = open(plan, &rest, COSTS)?.load();
            again.map_err(|error| surroundings.explain("load", error))?
        }
    };
    dismantle(plan, &object, refused, surroundings)
}

fn without<'a>(hooks: &[&'a str], refused: &BTreeMap<&str, Obstacle>) -> Vec<&'a str> {
    let kept = hooks.iter().filter(|hook| !refused.contains_key(*hook));
    kept.copied().collect()
}

/// Tries each program alone, to learn which of them this kernel does not take.
fn find_refused<'a>(
    plan: &Plan<'_>,
    wanted: &[&'a str],
    surroundings: &Surroundings,
    refused: &mut BTreeMap<&'a str, Obstacle>,
) -> Result<(), Obstacle> {
    for hook in wanted.iter().copied() {
        if let Err(error) = open(plan, &[hook], COSTS | STEPS)?.load() {
            refused.insert(hook, surroundings.explain("load", error));
        }
    }
    Ok(())
}

/// Opens the object with exactly these programs, its constants and its sizes set. `words` is what
/// the verifier is to say of them.
fn open(plan: &Plan<'_>, hooks: &[&str], words: u32) -> Result<OpenObject, Obstacle> {
    let refused = |source| Obstacle::Refused {
        step: "open",
        source,
    };
    let mut object = match plan.folder {
        None => ObjectBuilder::default().open_memory(plan.embedded),
        Some(folder) => {
            let path = folder.join(format!("{}.bpf.o", plan.name));
            let bytes =
                std::fs::read(&path).map_err(|source| Obstacle::NoObject { path, source })?;
            ObjectBuilder::default().open_memory(&aligned(&bytes))
        }
    }
    .map_err(refused)?;
    recognize(plan, &object)?;
    for mut program in object.progs_mut() {
        let is_sampled = plan.sampling.is_some() && program.name() == SAMPLE;
        let is_wanted = is_sampled
            || hooks
                .iter()
                .chain(plan.run_once)
                .any(|name| program.name() == *name);
        program.set_autoload(is_wanted);
        if log::log_enabled!(log::Level::Debug) {
            program.set_log_level(words);
        }
    }
    for mut map in object.maps_mut() {
        let name = map.name().to_string_lossy().into_owned();
        if name == ABI_MAP {
            map.set_autocreate(false).map_err(refused)?;
        } else if name.ends_with(".rodata") {
            map.set_initial_value(&plan.shape).map_err(refused)?;
        }
        if let Some((_, entries)) = plan.sizes.iter().find(|(sized, _)| *sized == name) {
            map.set_max_entries(*entries).map_err(refused)?;
        }
    }
    Ok(object)
}

/// Objects from files may be of another release, whose records and config mean other things.
fn recognize(plan: &Plan<'_>, object: &OpenObject) -> Result<(), Obstacle> {
    let foreign = |difference| {
        let object = plan.name;
        Err(Obstacle::Foreign { object, difference })
    };
    let find = |wanted: &str| object.maps().find(|map| map.name() == wanted);
    let version = find(ABI_MAP).and_then(|map| map.initial_value().map(<[u8]>::to_vec));
    match version.as_deref().map(<[u8; 4]>::try_from) {
        Some(Ok(bytes)) if u32::from_ne_bytes(bytes) == u32::from(ABI_VERSION) => {}
        Some(Ok(bytes)) => {
            let theirs = u32::from_ne_bytes(bytes);
            return foreign(format!("it is of ABI {theirs}, not {ABI_VERSION}"));
        }
        Some(Err(_)) | None => return foreign("it does not say its ABI".to_owned()),
    }
    for (name, bytes) in plan.values.iter().copied() {
        match find(name).map(|map| to_usize(map.value_size())) {
            Some(theirs) if theirs == bytes => {}
            Some(theirs) => {
                return foreign(format!("its {name} has {theirs} bytes, not {bytes}"));
            }
            None => return foreign(format!("it has no {name}")),
        }
    }
    Ok(())
}

/// Tables of an object are read in place, so its first byte has to be aligned.
fn aligned(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec() // every allocator of ours aligns to 16
}

/// Attaches each program and takes what is needed out of libbpf's hands.
fn dismantle(
    plan: &Plan<'_>,
    object: &Object,
    mut refused: BTreeMap<&str, Obstacle>,
    surroundings: &Surroundings,
) -> Result<Parts, Obstacle> {
    let mut parts = Parts::default();
    for map in object.maps() {
        let name = map.name().to_string_lossy().into_owned();
        let part = MapPart {
            fd: own(map.as_fd(), "map")?,
            value_bytes: to_usize(map.value_size()),
            entries: to_usize(map.max_entries()),
        };
        parts.maps.insert(name, part);
    }
    for program in object.progs_mut() {
        if plan.run_once.iter().any(|name| program.name() == *name) {
            run_once(&program);
        }
    }
    if let Some(sampling) = plan.sampling {
        sampling
            .drive(object, &mut parts)
            .map_err(|error| surroundings.explain("sample", error))?;
    }
    for hook in plan.hooks.iter().copied() {
        let attached = match refused.remove(hook) {
            Some(obstacle) => Err(obstacle),
            None => attach(object, hook, &mut parts)
                .map_err(|error| surroundings.explain("attach", error)),
        };
        parts.hooks.push((hook, attached));
    }
    Ok(parts)
}

/// Before 5.10 this kind of program cannot be run by hand. Then what it would have learnt stays
/// unknown, and everything else goes on.
fn run_once(program: &libbpf_rs::ProgramMut<'_>) {
    if let Err(error) = program.test_run(ProgramInput::default()) {
        log::warn!("{}: {error}", program.name().to_string_lossy());
    }
}

fn attach(object: &Object, hook: &str, parts: &mut Parts) -> libbpf_rs::Result<()> {
    for program in object.progs_mut() {
        if program.name() == hook {
            parts.links.push(program.attach()?);
            parts.programs.push(program.as_fd().try_clone_to_owned()?);
        }
    }
    Ok(())
}

fn own(fd: std::os::fd::BorrowedFd<'_>, what: &'static str) -> Result<OwnedFd, Obstacle> {
    fd.try_clone_to_owned()
        .map_err(|source| Obstacle::Unmapped { what, source })
}

fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// libbpf's words, the verifier's among them, for who asks for them.
fn log_words(_: PrintLevel, text: String) {
    for line in text.trim_end().lines() {
        log::debug!("{line}");
    }
}

#[cfg(test)]
mod tests {
    use tapio_common::abi::cgroup::CgroupLosses;

    use super::*;

    const LOSSES_BYTES: usize = size_of::<CgroupLosses>();

    fn plan(values: Vec<(&'static str, usize)>) -> Plan<'static> {
        Plan {
            name: "cgroup",
            folder: None,
            embedded: tapio_bpf::cgroup(),
            hooks: Vec::new(),
            run_once: &[],
            sampling: None,
            shape: Vec::new(),
            sizes: Vec::new(),
            values,
        }
    }

    fn refusal_of(values: Vec<(&'static str, usize)>) -> Option<String> {
        let refusal = open(&plan(values), &[], 0).err();
        refusal.map(|obstacle| obstacle.to_string())
    }

    #[test]
    fn a_map_that_is_missing_or_of_another_size_is_named() {
        assert_eq!(refusal_of(vec![("losses", LOSSES_BYTES)]), None);
        let said = refusal_of(vec![("losses", LOSSES_BYTES + 8)]).expect("a refusal");
        assert!(
            said.contains("cgroup.bpf.o") && said.contains("its losses has"),
            "{said}"
        );
        let said = refusal_of(vec![("control", 8)]).expect("a refusal");
        assert!(said.contains("it has no control"), "{said}");
    }

    #[test]
    fn an_object_of_another_abi_is_refused() {
        let plan = plan(Vec::new());
        let mut object = ObjectBuilder::default()
            .open_memory(plan.embedded)
            .expect("our own object");
        recognize(&plan, &object).expect("it is of this release");
        for mut map in object.maps_mut().filter(|map| map.name() == ABI_MAP) {
            map.initial_value_mut().expect("a constant")[0] += 1;
        }
        let refused = recognize(&plan, &object).expect_err("it is of another");
        let said = refused.to_string();
        assert!(said.contains("of ABI"), "{said}");
    }
}

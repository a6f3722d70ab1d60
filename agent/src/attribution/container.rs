//! The container a path component stands for, scheme by scheme.
//!
//! With the systemd driver the component names its runtime (`docker-<id>.scope`); with cgroupfs it
//! is a bare id, and only the groups above it tell whose. Monitors (`…-conmon-…`, `lxc.monitor.…`)
//! are next to their container, not in it, and are therefore none.

use super::{PodUid, Runtime};

/// Every OCI engine's ids are a SHA-256 in hex.
const ID_LEN: usize = 64;

/// `<prefix><id>` with or without `.scope`.
const PREFIXES: [(&str, Runtime); 6] = [
    ("docker-", Runtime::Docker),
    ("cri-containerd-", Runtime::Containerd),
    ("nerdctl-", Runtime::Containerd),
    ("crio-", Runtime::CriO),
    ("libpod-payload-", Runtime::Podman),
    ("libpod-", Runtime::Podman),
];

/// What a group says about the one directly below it.
#[derive(Clone, Copy)]
enum Parent {
    /// A bare id there is a container.
    OfIds(Option<Runtime>),
    /// Whatever is there is a container.
    OfNames(Runtime),
}

/// The groups that engines without the systemd driver make, and LXC before 4.0.
const PARENTS: [(&str, Parent); 5] = [
    ("docker", Parent::OfIds(Some(Runtime::Docker))),
    ("k8s.io", Parent::OfIds(Some(Runtime::Containerd))),
    ("default", Parent::OfIds(Some(Runtime::Containerd))),
    ("lxc", Parent::OfNames(Runtime::Lxc)),
    ("lxc.payload", Parent::OfNames(Runtime::Lxc)),
];

/// A container as one component names it.
pub struct Found<'path> {
    pub id: &'path str,
    pub runtime: Option<Runtime>,
}

/// Remembers what the component before said.
#[derive(Default)]
pub struct Reader {
    parent: Option<Parent>,
}

impl Reader {
    pub fn read<'path>(&mut self, component: &'path str) -> Option<Found<'path>> {
        let parent = self.parent.take();
        self.parent = as_parent(component);
        named(component).or_else(|| match parent? {
            Parent::OfIds(runtime) => is_id(component).then_some(Found {
                id: component,
                runtime,
            }),
            Parent::OfNames(runtime) => Some(Found {
                id: component,
                runtime: Some(runtime),
            }),
        })
    }
}

/// Docker under cri-dockerd and containerd both write a bare id below the pod: no runtime there.
fn as_parent(component: &str) -> Option<Parent> {
    if PodUid::of_component(component).is_some() {
        return Some(Parent::OfIds(None));
    }
    PARENTS
        .iter()
        .find(|(name, _)| *name == component)
        .map(|(_, parent)| *parent)
}

fn named(component: &str) -> Option<Found<'_>> {
    if let Some(id) = component.strip_prefix("lxc.payload.") {
        return (!id.is_empty()).then_some(Found {
            id,
            runtime: Some(Runtime::Lxc),
        });
    }
    let name = component.strip_suffix(".scope").unwrap_or(component);
    PREFIXES.iter().find_map(|(prefix, runtime)| {
        let id = name.strip_prefix(prefix).filter(|id| is_id(id))?;
        Some(Found {
            id,
            runtime: Some(*runtime),
        })
    })
}

fn is_id(text: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == ID_LEN && text.bytes().all(is_hex)
}

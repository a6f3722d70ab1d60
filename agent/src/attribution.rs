//! Whose it was, from the cgroup path alone: runtime, container, pod, systemd unit.
//!
//! Pure. A path is read from the root down and every component is weighed, because a process may
//! live in a sub-group of its container, or in a container inside another: the innermost container
//! and pod win, the leaf as such means nothing. What a path does not tell stays `None`: a wrong
//! owner is worse than none. Pod names are not the agent's to know.

mod container;
mod pod;
mod unit;

pub use pod::PodUid;

/// The group in which `tapio-agent selftest` causes its facts, so that whoever sees them can
/// mark them as caused on purpose.
pub const SELFTEST_PREFIX: &str = "tapio-selftest-";

/// Who made the container, as far as the path says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    Docker,
    Containerd,
    CriO,
    Podman,
    Lxc,
}

impl Runtime {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Containerd => "containerd",
            Self::CriO => "cri-o",
            Self::Podman => "podman",
            Self::Lxc => "lxc",
        }
    }
}

/// The owner of a cgroup. Texts are slices of the path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Owner<'path> {
    /// `None` with a container id where several runtimes write the same path.
    pub runtime: Option<Runtime>,
    pub container_id: Option<&'path str>,
    pub pod_uid: Option<PodUid>,
    /// The unit of the host's systemd.
    pub systemd_unit: Option<&'path str>,
    /// The unit of the user's systemd, where the host's unit is `user@….service`.
    pub systemd_user_unit: Option<&'path str>,
    /// Below a group that a self test made.
    pub synthetic: bool,
}

/// Reads the owner from an absolute cgroup path.
pub fn owner_of(path: &str) -> Owner<'_> {
    let mut owner = Owner::default();
    let mut units = unit::Reader::default();
    let mut containers = container::Reader::default();
    for component in path.split('/').filter(|component| !component.is_empty()) {
        if component.starts_with(SELFTEST_PREFIX) {
            owner.synthetic = true;
        }
        if let Some(uid) = PodUid::of_component(component) {
            owner.pod_uid = Some(uid);
            // A container seen further up is the one this pod's kubelet runs in, not this pod's.
            (owner.container_id, owner.runtime) = (None, None);
        }
        if let Some(found) = containers.read(component) {
            (owner.container_id, owner.runtime) = (Some(found.id), found.runtime);
        }
        units.read(component);
    }
    owner.systemd_unit = units.system;
    owner.systemd_user_unit = units.user;
    owner
}

#[cfg(test)]
mod tests;

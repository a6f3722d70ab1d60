//! Writes occurrences: the id, the moment on the wall clock, the facts, and whose they are.
//!
//! One buffer serves for every line. The moment is the kernel's own stamp, converted with the
//! clocks of this batch.

use tapio_common::abi::shared::{CgroupRef, HIERARCHY_V1_MEMORY};
use tapio_common::catalogue::{Anomaly, Outcome, Severity};
use tapio_common::ident::UlidSource;
use tapio_common::occurrence::{ErrorFact, Facts, Head, Members, write_line};
use tapio_common::sink::Written;
use tapio_common::time::{Now, Timestamp};

use crate::attribution::{Owner, PodUid, Runtime, owner_of};
use crate::cgroups::Cgroups;
use crate::kernel::Fold;
use crate::observer::{self, Anomalous};

/// Where, when and under what name lines are written.
#[derive(Debug)]
pub struct Scribe {
    ids: UlidSource,
    node: String,
    /// What every occurrence of this run says.
    of_run: Members,
    owners: Owners,
    line: Vec<u8>,
}

impl Scribe {
    /// `seed` is ten random bytes, fresh for every run.
    pub fn new(node: String, boot_id: &str, seed: [u8; 10]) -> Self {
        Self {
            ids: UlidSource::new(seed),
            node,
            of_run: Members::of(|facts| facts.text("boot_id", boot_id)),
            owners: Owners::default(),
            line: Vec::new(),
        }
    }

    pub fn write(&mut self, anomalous: &Anomalous, cgroups: &Cgroups, now: Now) -> Written<'_> {
        let (outcome, error) = anomalous.describe();
        let claim = Claim {
            at: now.wall_of(anomalous.boot_ns()),
            anomaly: anomalous.anomaly,
            severity: anomalous.severity,
            outcome,
            error,
        };
        self.write_claim(claim, anomalous.cgroup(), cgroups, |facts, owner| {
            anomalous.fill(facts, &|cgroup| cgroups.path(cgroup));
            facts.members(owner);
            facts.u64("config_generation", anomalous.generation());
        })
    }

    /// The closing record of a fold: how many facts it stands for, and when they were. It says of
    /// them only what is true of each.
    pub fn write_summary(&mut self, fold: &Fold, cgroups: &Cgroups, now: Now) -> Written<'_> {
        let claim = Claim {
            at: now.wall_of(fold.last_boot_ns),
            anomaly: fold.anomaly,
            severity: fold.anomaly.severity_min(),
            outcome: fold.anomaly.outcome_of_all(),
            error: None,
        };
        self.write_claim(claim, fold.cgroup, cgroups, |facts, owner| {
            facts.flag("summary", true);
            facts.u64("count", fold.count);
            for (name, boot_ns) in [("first", fold.first_boot_ns), ("last", fold.last_boot_ns)] {
                facts.kernel_text(name, &now.wall_of(boot_ns).text());
            }
            if let Some(destination) = &fold.destination {
                observer::network::fill_destination(destination, facts);
            }
            facts.members(owner);
            facts.absent("config_generation", "folded");
        })
    }

    fn write_claim(
        &mut self,
        claim: Claim,
        cgroup: Option<CgroupRef>,
        cgroups: &Cgroups,
        fill: impl FnOnce(&mut Facts<'_>, &Members),
    ) -> Written<'_> {
        let Self {
            ids,
            node,
            of_run,
            owners,
            line,
        } = self;
        let owner = owners.of(cgroup, cgroups);
        let Claim {
            at,
            anomaly,
            severity,
            outcome,
            error,
        } = claim;
        let head = Head {
            id: ids.next(at.0),
            at,
            anomaly,
            severity,
            outcome,
            error,
            node,
        };
        line.clear();
        write_line(line, &head, |facts| {
            fill(facts, owner);
            facts.members(of_run);
        });
        Written {
            line,
            at,
            anomaly,
            severity,
        }
    }
}

/// What is claimed, before the facts that bear it out.
struct Claim {
    at: Timestamp,
    anomaly: Anomaly,
    severity: Severity,
    outcome: Outcome,
    error: Option<ErrorFact<'static>>,
}

/// The owners that were written last, each in the place its cgroup's id points to: a crash loop
/// names the same few over and over.
#[derive(Debug, Default)]
struct Owners {
    places: [Option<(CgroupRef, Members)>; OWNERS],
    unkept: Members,
}

/// A power of two.
const OWNERS: usize = 16;

impl Owners {
    fn of(&mut self, cgroup: Option<CgroupRef>, cgroups: &Cgroups) -> &Members {
        let written = || Members::of(|facts| put_owner(facts, cgroup, cgroups));
        // One that has no name yet may get one, so it is not kept.
        let Some(cgroup) = cgroup.filter(|cgroup| cgroups.path(*cgroup).is_some()) else {
            self.unkept = written();
            return &self.unkept;
        };
        let place = usize::try_from(cgroup.id).unwrap_or(0) % OWNERS;
        let (kept, owner) = self.places[place].get_or_insert_with(|| (cgroup, written()));
        if *kept != cgroup {
            (*kept, *owner) = (cgroup, written());
        }
        owner
    }
}

/// The cgroup and, from its path, whose it is.
fn put_owner(facts: &mut Facts<'_>, cgroup: Option<CgroupRef>, cgroups: &Cgroups) {
    let Some(cgroup) = cgroup else {
        return facts.absent("cgroup_id", "root_cgroup");
    };
    facts.u64("cgroup_id", cgroup.id);
    if cgroup.hierarchy == HIERARCHY_V1_MEMORY {
        facts.text("cgroup_hierarchy", "v1:memory");
    }
    let Some(path) = cgroups.path(cgroup) else {
        return facts.absent("cgroup_path", "not_named");
    };
    facts.text("cgroup_path", path);
    let Owner {
        runtime,
        container_id,
        pod_uid,
        systemd_unit,
        systemd_user_unit,
        synthetic,
    } = owner_of(path);
    match (runtime.map(Runtime::name), container_id) {
        (Some(runtime), _) => facts.text("container_runtime", runtime),
        (None, Some(_)) => facts.absent("container_runtime", "not_in_path"),
        (None, None) => {}
    }
    for (name, value) in [
        ("container_id", container_id),
        ("pod_uid", pod_uid.as_ref().map(PodUid::as_str)),
        ("systemd_unit", systemd_unit),
        ("systemd_user_unit", systemd_user_unit),
    ] {
        if let Some(value) = value {
            facts.text(name, value);
        }
    }
    if synthetic {
        facts.flag("synthetic", true);
    }
}

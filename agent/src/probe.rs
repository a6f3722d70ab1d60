//! `tapio-agent probe`: what this machine allows, what its kernel offers, and what is used of it.
//!
//! What is offered is read from the kernel's types; what is used is found out by doing it: programs
//! are loaded and attached as for a run, no config is put in force, and they are taken out again.

use std::fmt::Write as _;
use std::fs;

use crate::kernel::{self, Hook, LoadedObserver, Memlock, Status, Surroundings};
use crate::settings::Settings;
use crate::{Failure, Verdict, journal};

const RELEASE_PATH: &str = "/proc/sys/kernel/osrelease";

/// Probes, and says on standard output what came of it.
pub fn probe(settings: &Settings) -> Result<Verdict, Failure> {
    journal::begin(settings.log_level, settings.log_format);
    let surroundings = kernel::surroundings();
    let loaded = kernel::load(&settings.observers, settings.ebpf_dir.as_deref());
    loaded.attachments.detach();
    let release = fs::read_to_string(RELEASE_PATH).unwrap_or_default();
    let mut page = String::new();
    row(
        &mut page,
        "kernel",
        &format!("{} {}", release.trim(), std::env::consts::ARCH),
    );
    describe_surroundings(&mut page, &surroundings);
    let names = match &loaded.names {
        Ok(_) => "cgroup_mkdir and cgroup_rmdir used".to_owned(),
        Err(reason) => format!("cgroup_mkdir and cgroup_rmdir not used: {reason}"),
    };
    row(&mut page, "cgroups", &names);
    for observer in &loaded.observers {
        describe_observer(&mut page, observer, &kernel::offered(observer.observer));
    }
    let all_run = loaded
        .observers
        .iter()
        .all(|observer| match observer.status {
            Status::Running => true,
            Status::Degraded(_) => observer.lacks_only_hardware(),
            Status::Failed(_) => false,
        });
    crate::print(&page)?;
    Ok(match all_run {
        true => Verdict::Right,
        false => Verdict::Wrong,
    })
}

fn row(page: &mut String, name: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(page, "{name:<15} {value}");
}

fn describe_surroundings(page: &mut String, surroundings: &Surroundings) {
    let types = match surroundings.has_btf {
        true => "shown by the kernel",
        false => "not shown by the kernel",
    };
    row(page, "types (BTF)", types);
    let missing = &surroundings.missing_capabilities;
    let capabilities = match missing.is_empty() {
        true => "all there; dropped after attach".to_owned(),
        false => format!("missing {}", missing.join(", ")),
    };
    row(page, "capabilities", &capabilities);
    let user = match surroundings.user {
        0 => "root, and stays it: without capabilities it still owns root's files".to_owned(),
        user => format!("{user}"),
    };
    row(page, "user", &user);
    let lockdown = surroundings.lockdown.as_deref();
    row(page, "lockdown", lockdown.unwrap_or("not in this kernel"));
    let memlock = match surroundings.memlock {
        Memlock::NotCounted => "maps are not counted by this kernel".to_owned(),
        Memlock::Enough => "maps are counted, the limit is high enough".to_owned(),
        Memlock::Short { limit_bytes } => format!("too low: {limit_bytes} bytes"),
    };
    row(page, "memlock", &memlock);
    let seccomp = match surroundings.has_seccomp_filter {
        true => "a filter is in force",
        false => "no filter",
    };
    row(page, "seccomp", seccomp);
    for obstacle in surroundings.obstacles() {
        row(page, "obstacle", &obstacle.to_string());
    }
}

fn describe_observer(page: &mut String, loaded: &LoadedObserver, offered: &[Hook]) {
    let status = match &loaded.status {
        Status::Running => "can run".to_owned(),
        Status::Degraded(reason) if loaded.hooks.iter().all(|hook| hook.attached.is_err()) => {
            format!("has nothing to run on: {reason}")
        }
        Status::Degraded(_) => "can run in part".to_owned(),
        Status::Failed(reason) => format!("cannot run: {reason}"),
    };
    row(page, loaded.observer.name(), &status);
    for hook in offered {
        let used = loaded.hooks.iter().find(|used| used.name == hook.name);
        let outcome = match (&hook.attached, used.map(|used| &used.attached)) {
            (Err(reason), _) => format!("not offered: {reason}"),
            (Ok(()), Some(Ok(()))) => "offered, used".to_owned(),
            (Ok(()), Some(Err(reason))) => format!("offered, not used: {reason}"),
            (Ok(()), None) => "offered, not tried".to_owned(),
        };
        let serves: Vec<_> = hook.serves.iter().map(|anomaly| anomaly.name()).collect();
        let serves = match serves.is_empty() {
            true => "details".to_owned(),
            false => serves.join(", "),
        };
        let name = format!("  {}", hook.name);
        // Writing to a String cannot fail.
        let _ = writeln!(page, "{name:<24} {outcome} (for {serves})");
    }
}

#[cfg(test)]
mod tests {
    use tapio_common::catalogue::{Anomaly, Observer};

    use super::*;
    use crate::kernel::Obstacle;

    fn hook(name: &'static str, attached: Result<(), Obstacle>) -> Hook {
        Hook {
            name,
            serves: &[Anomaly::OomKill],
            attached,
        }
    }

    #[test]
    fn every_hook_has_its_line_whether_offered_used_or_neither() {
        let loaded = LoadedObserver {
            observer: Observer::Container,
            status: Status::Degraded("said elsewhere".into()),
            hooks: vec![
                hook("mark_victim", Ok(())),
                hook("signal_generate", Err(Obstacle::SystemCallFilter)),
            ],
            maps: 0,
            watch: None,
        };
        let offered = [
            hook("mark_victim", Ok(())),
            hook("signal_generate", Ok(())),
            hook("absent", Err(Obstacle::NoHook)),
            hook("late", Ok(())),
        ];
        let mut page = String::new();
        describe_observer(&mut page, &loaded, &offered);
        let lines: Vec<_> = page.lines().collect();
        assert_eq!(lines[0], "container       can run in part");
        assert!(lines[1].contains("mark_victim") && lines[1].contains("offered, used"));
        assert!(lines[2].contains("offered, not used: a seccomp filter"));
        assert!(lines[3].contains("not offered: this kernel has no such tracepoint"));
        assert!(lines[4].contains("offered, not tried"));
        assert!(lines[1].ends_with("(for oom_kill)"));
    }

    #[test]
    fn what_is_in_the_way_is_told_with_its_cure() {
        let surroundings = Surroundings {
            has_btf: false,
            missing_capabilities: vec!["CAP_BPF"],
            is_in_first_user_namespace: false,
            user: 0,
            lockdown: Some("integrity".into()),
            memlock: Memlock::Short {
                limit_bytes: 65_536,
            },
            has_seccomp_filter: true,
        };
        let mut page = String::new();
        describe_surroundings(&mut page, &surroundings);
        for wanted in [
            "types (BTF)     not shown",
            "capabilities    missing CAP_BPF",
            "user            root, and stays it",
            "obstacle        this is a user namespace",
            "lockdown        integrity",
            "memlock         too low: 65536 bytes",
            "seccomp         a filter is in force",
            "run as root or grant it",
            "CONFIG_DEBUG_INFO_BTF=y",
            "LimitMEMLOCK=infinity",
        ] {
            assert!(page.contains(wanted), "{wanted} is not in\n{page}");
        }
    }
}

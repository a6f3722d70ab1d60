//! Whose it was: the cgroup of the moment, by path and id, though it be gone long before anyone asks.

use std::collections::VecDeque;
use std::os::unix::process::ExitStatusExt;

use serde_json::Value;
use tapio_tests::agent::{TestAgent, container_config};

use crate::ABNORMAL_EXIT;
use crate::cgroup::{Cgroup, Hierarchy, Standing, enter, mount_point};
use crate::scene::{Scene, causer};

/// Each lives as long as its one process: a few milliseconds.
#[test]
fn short_lived_cgroups_are_named() {
    let agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let mut wanted: Vec<(u32, u64, String)> = (0..100)
        .map(|_| {
            let cgroup = Cgroup::new();
            let mut scene = Scene::root(&cgroup, "exit 5");
            scene.end();
            (scene.pid(), cgroup.id(), cgroup.path().to_owned())
        })
        .collect();
    let report = agent.stop();
    for (pid, id, path) in wanted.drain(..) {
        let events: Vec<_> = report
            .events
            .iter()
            .filter(|event| event.fact("pid") == pid)
            .collect();
        assert_eq!(events.len(), 1, "of pid {pid}");
        assert_eq!(events[0].fact("cgroup_path"), path.as_str());
        assert_eq!(events[0].fact("cgroup_id"), id);
    }
}

#[test]
fn a_cgroup_older_than_the_agent_is_named() {
    let parent = Cgroup::new();
    let child = parent.child("older");
    let mut agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let mut scene = Scene::root(&child, "exit 5");
    scene.end();
    let event = agent.expect("exit", |event| event.fact("pid") == scene.pid());
    child.assert_named_by(&event);
    agent.stop();
}

/// The kernel cuts a name of 1,024 bytes and more: half a name is that of another cgroup.
#[test]
fn a_name_that_is_cut_is_no_name() {
    let mut agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let long = "n".repeat(240);
    // The innermost first, which is how they have to go.
    let mut nested = VecDeque::from([Cgroup::new()]);
    let mut cut = 0;
    for _ in 0..6 {
        // Before it has children: a cgroup that hands a controller on takes no process of its own.
        let cgroup = &nested[0];
        let path = match cgroup.path() {
            path if path.len() < 1_023 => Value::from(path),
            _ => Value::Null,
        };
        let mut scene = Scene::root(cgroup, "exit 5");
        scene.end();
        let event = agent.expect("exit", |event| event.fact("pid") == scene.pid());
        assert_eq!(*event.fact("cgroup_path"), path, "{event:?}");
        assert_eq!(event.fact("cgroup_id"), cgroup.id(), "{event:?}");
        assert_eq!(
            event.not_observed("cgroup_path").is_string(),
            path.is_null()
        );
        cut += u32::from(path.is_null());
        let child = cgroup.child(&long);
        nested.push_front(child);
    }
    assert!((1..6).contains(&cut), "{cut} of six names were too long");
    agent.stop();
}

/// Runtimes put containers below v1 controllers, and some of them not below v2: there, whoever is
/// deeper in v1 or as deep is named by v1. Where only v2 has the memory controller, v2 it is.
#[test]
fn of_two_hierarchies_the_deeper_one_names() {
    let mut agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let service = Cgroup::v2();
    for is_deeper_in_v2 in [false, true] {
        let inner = is_deeper_in_v2.then(|| service.child("inner"));
        let unified = inner.as_ref().unwrap_or(&service);
        let mut command = causer("exit 5");
        let container = mount_point(Hierarchy::V1Memory).map(|_| Cgroup::new());
        if let Some(container) = &container {
            container.hold(&mut command, Standing::Member);
        }
        let mut scene = Scene::play(unified, Standing::Root, command);
        scene.end();
        let event = agent.expect("exit", |event| event.fact("pid") == scene.pid());
        match container.filter(|_| !is_deeper_in_v2) {
            Some(container) => container.assert_named_by(&event),
            None => unified.assert_named_by(&event),
        }
    }
    agent.stop();
}

/// Where no cgroup means anything the id is absent and said to be: not 1, not 0.
#[test]
fn a_process_of_the_root_cgroup_has_no_cgroup() {
    let mut agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let mut command = causer("die 6");
    for hierarchy in [Hierarchy::V1Memory, Hierarchy::V2] {
        if let Some(root) = mount_point(hierarchy) {
            enter(&root, &mut command, Standing::Member);
        }
    }
    let mut child = command.spawn().expect("the causer starts");
    assert_eq!(
        child.wait().expect("it is our child").signal(),
        Some(libc::SIGABRT)
    );
    let event = agent.expect("death", |event| {
        event.is(ABNORMAL_EXIT) && event.fact("pid") == child.id()
    });
    for absent in ["cgroup_id", "cgroup_path", "cgroup_hierarchy"] {
        assert_eq!(*event.fact(absent), Value::Null, "{event:?}");
    }
    assert!(event.not_observed("cgroup_id").is_string(), "{event:?}");
    agent.stop();
}

/// Real cgroups under the names that runtimes give them; the agent goes by the ancestors, not the leaf.
#[test]
fn the_owner_is_told_from_the_path() {
    const ID: &str = "3f2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b";
    const POD: &str = "8a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
    let mut agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let unique = format!("tapio-kernel-{}.slice", std::process::id());
    let pod_slice = POD.replace('-', "_");
    #[rustfmt::skip] // a table reads by its rows
    let table: [(_, _, _, _, &[(&str, &str)]); 8] = [
        (format!("system.slice/docker-{ID}.scope/init.scope"), "docker", ID, None, &[]),
        (format!("docker/{ID}"), "docker", ID, None, &[]),
        (
            format!("kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{pod_slice}.slice/cri-containerd-{ID}.scope"),
            "containerd", ID, Some(POD), &[],
        ),
        (format!("kubepods.slice/kubepods-pod{pod_slice}.slice/crio-{ID}.scope/container"), "cri-o", ID, Some(POD), &[]),
        (format!("machine.slice/libpod-{ID}.scope/container"), "podman", ID, None, &[]),
        ("lxc.payload.box".to_owned(), "lxc", "box", None, &[]),
        ("system.slice/cron.service".to_owned(), "", "", None, &[("systemd_unit", "cron.service")]),
        (
            "user.slice/user-1000.slice/user@1000.service/app.slice/mail.service".to_owned(), "", "", None,
            &[("systemd_unit", "user@1000.service"), ("systemd_user_unit", "mail.service")],
        ),
    ];
    let root = Cgroup::named(&unique);
    for (path, runtime, container, pod, units) in table {
        let mut chain = Vec::new();
        let mut below = unique.clone();
        for part in path.split('/') {
            below = format!("{below}/{part}");
            chain.push(Cgroup::named(&below));
        }
        let leaf = chain.last().expect("a leaf");
        let mut scene = Scene::root(leaf, "exit 5");
        scene.end();
        let event = agent.expect("exit", |event| event.fact("pid") == scene.pid());
        leaf.assert_named_by(&event);
        let wanted = |text: &str| {
            if text.is_empty() {
                Value::Null
            } else {
                Value::from(text)
            }
        };
        assert_eq!(
            *event.fact("container_runtime"),
            wanted(runtime),
            "{event:?}"
        );
        assert_eq!(*event.fact("container_id"), wanted(container), "{event:?}");
        assert_eq!(
            *event.fact("pod_uid"),
            wanted(pod.unwrap_or_default()),
            "{event:?}"
        );
        for (name, unit) in units {
            assert_eq!(event.fact(name), unit, "{event:?}");
        }
        while chain.pop().is_some() {} // the leaf first
    }
    drop(root);
    agent.stop();
}

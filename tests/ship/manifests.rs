//! The manifests against the schemas of several versions of Kubernetes, as they lie here and as the
//! component makes them.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_yaml::Value;
use tapio_tests::folder::TestFolder;
use tapio_tests::manifests::{Object, all, with_component};
use tapio_tests::repository;

use crate::said;

const VERSIONS: [&str; 4] = ["1.27", "1.30", "1.33", "1.37"];

/// What `kubernetes-validate` says of them.
fn validated(objects: &[Object], version: &str) -> Output {
    let folder = TestFolder::new();
    let files = objects
        .iter()
        .enumerate()
        .map(|(number, object)| -> PathBuf {
            let text = serde_yaml::to_string(&object.value).expect("it was YAML");
            folder.write(&format!("{number}.yaml"), text)
        });
    Command::new(repository::top().join("target/python/bin/kubernetes-validate"))
        .args(["--quiet", "--strict", "-k", version])
        .args(files)
        .output()
        .expect("scripts/setup test installs it")
}

#[track_caller]
fn is_valid(objects: &[Object]) {
    for version in VERSIONS {
        let output = validated(objects, version);
        assert!(output.status.success(), "{version}: {}", said(&output));
    }
}

#[test]
fn kubernetes_takes_them_as_they_are() {
    is_valid(&all());
}

#[test]
fn kubernetes_takes_what_the_component_makes_of_them() {
    is_valid(&with_component("localhost-seccomp"));
}

#[test]
fn a_field_that_kubernetes_does_not_know_is_found() {
    let mut objects = with_component("localhost-seccomp");
    let set = objects.iter_mut().find(|o| o.kind() == "DaemonSet");
    let set = set.expect("the agent's");
    let profile = &mut set.value["spec"]["template"]["spec"]["securityContext"]["seccompProfile"];
    profile["localhostProfil"] = Value::from("tapio-agent.json");
    for version in VERSIONS {
        let output = validated(&objects, version);
        assert!(!output.status.success(), "{version}: {}", said(&output));
    }
}

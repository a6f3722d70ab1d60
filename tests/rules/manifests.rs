//! What a schema does not see in the Kubernetes manifests: names that must meet, and rights.

use std::collections::BTreeSet;

use serde_yaml::Value;
use tapio_tests::manifests::{self, Object, all, daemon_set, items, strings};
use tapio_tests::repository;

fn workloads() -> Vec<Object> {
    let workloads: Vec<Object> = all()
        .into_iter()
        .filter(|object| object.template().is_some())
        .collect();
    assert_eq!(workloads.len(), 2, "the agent and the controller");
    workloads
}

fn pod(workload: &Object) -> &Value {
    &workload.template().expect("a workload")["spec"]
}

fn named(list: &Value) -> BTreeSet<&str> {
    items(list)
        .map(|item| item["name"].as_str().expect("an item has a name"))
        .collect()
}

/// Whether every label that is asked for is there.
fn selects(selector: &Value, labels: &Value) -> bool {
    let selector = selector.as_mapping().expect("a selector is a map");
    !selector.is_empty() && selector.iter().all(|(name, value)| labels[name] == *value)
}

#[test]
fn every_file_is_taken_in_and_every_object_named_once() {
    let files: BTreeSet<String> = all().iter().map(|object| object.file.clone()).collect();
    for entry in std::fs::read_dir(manifests::folder()).expect("the folder") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_string_lossy().into_owned();
        let is_object = name.ends_with(".yaml") && name != "kustomization.yaml";
        assert!(!is_object || files.contains(&name), "{name} is left out");
    }
    let all = all();
    let names: BTreeSet<(&str, &str)> = all.iter().map(|o| (o.kind(), o.name())).collect();
    assert_eq!(names.len(), all.len(), "{names:?}");
}

#[test]
fn selectors_meet_the_labels_of_the_pods() {
    for workload in workloads() {
        let selector = &workload.value["spec"]["selector"]["matchLabels"];
        let labels = &workload.template().expect("a workload")["metadata"]["labels"];
        assert!(selects(selector, labels), "{}", workload.name());
    }
    let services: Vec<Object> = all()
        .into_iter()
        .filter(|o| o.kind() == "Service")
        .collect();
    for service in &services {
        let selector = &service.value["spec"]["selector"];
        let workloads = workloads();
        let served: Vec<&Object> = workloads
            .iter()
            .filter(|w| {
                selects(
                    selector,
                    &w.template().expect("a workload")["metadata"]["labels"],
                )
            })
            .collect();
        assert_eq!(served.len(), 1, "{}", service.name());
        for port in items(&service.value["spec"]["ports"]) {
            let target = port["targetPort"].as_str().expect("a port by name");
            let container = &pod(served[0])["containers"][0];
            assert!(named(&container["ports"]).contains(target), "{target}");
        }
    }
}

#[test]
fn what_is_mounted_is_there_and_what_is_there_is_mounted() {
    for workload in workloads() {
        let pod = pod(&workload);
        let mut mounted = BTreeSet::new();
        for container in items(&pod["containers"]) {
            mounted.extend(named(&container["volumeMounts"]));
        }
        assert_eq!(mounted, named(&pod["volumes"]), "{}", workload.name());
        for volume in items(&pod["volumes"]) {
            if let Some(wanted) = volume["configMap"]["name"].as_str() {
                let all = all();
                let map = all
                    .iter()
                    .find(|o| o.kind() == "ConfigMap" && o.name() == wanted);
                assert!(map.is_some(), "there is no ConfigMap {wanted}");
            }
        }
    }
}

#[test]
fn accounts_and_classes_are_defined_here() {
    let all = all();
    for workload in workloads() {
        let pod = pod(&workload);
        for (field, kind) in [
            ("serviceAccountName", "ServiceAccount"),
            ("priorityClassName", "PriorityClass"),
        ] {
            if let Some(wanted) = pod[field].as_str() {
                let found = all.iter().any(|o| o.kind() == kind && o.name() == wanted);
                assert!(found, "there is no {kind} {wanted}");
            }
        }
    }
}

/// In thousandths of a core, or in bytes.
fn quantity(value: &Value) -> u64 {
    let text = value.as_str().expect("a quantity is a string");
    let digits = text.trim_end_matches(|char: char| char.is_ascii_alphabetic());
    let number: u64 = digits.parse().unwrap_or_else(|_| panic!("{text}"));
    match &text[digits.len()..] {
        "m" => number,
        "" => number * 1_000,
        "Ki" => number << 10,
        "Mi" => number << 20,
        "Gi" => number << 30,
        other => panic!("{other} is no unit of ours"),
    }
}

#[test]
fn requests_are_within_limits() {
    for workload in workloads() {
        for container in items(&pod(&workload)["containers"]) {
            let resources = &container["resources"];
            for resource in ["cpu", "memory"] {
                let (request, limit) = (
                    quantity(&resources["requests"][resource]),
                    quantity(&resources["limits"][resource]),
                );
                assert!(
                    0 < request && request <= limit,
                    "{resource} of {}",
                    workload.name()
                );
            }
        }
    }
}

#[test]
fn nobody_is_given_more_than_is_proven_necessary() {
    for workload in workloads() {
        let pod = pod(&workload);
        assert_eq!(pod["automountServiceAccountToken"], Value::Bool(false));
        for field in ["hostPID", "hostIPC", "hostNetwork"] {
            assert!(pod[field].is_null(), "{field} of {}", workload.name());
        }
        for container in items(&pod["containers"]) {
            let rights = &container["securityContext"];
            assert_eq!(rights["allowPrivilegeEscalation"], Value::Bool(false));
            assert_eq!(rights["readOnlyRootFilesystem"], Value::Bool(true));
            assert_ne!(rights["privileged"], Value::Bool(true));
            assert_eq!(strings(&rights["capabilities"]["drop"]), ["ALL"]);
            let wanted: &[&str] = match workload.kind() {
                "DaemonSet" => &["BPF", "PERFMON"],
                _ => &[],
            };
            assert_eq!(strings(&rights["capabilities"]["add"]), wanted);
        }
    }
    let agent = daemon_set();
    let paths: Vec<&str> = items(&pod(&agent)["volumes"])
        .filter_map(|volume| volume["hostPath"]["path"].as_str())
        .collect();
    assert_eq!(paths, ["/sys/fs/cgroup", "/var/lib/tapio"]);
}

#[test]
fn the_agent_goes_everywhere_and_knows_where_it_is() {
    let agent = daemon_set();
    let pod = pod(&agent);
    assert!(
        items(&pod["tolerations"])
            .any(|toleration| toleration["key"].is_null() && toleration["operator"] == "Exists")
    );
    let container = &pod["containers"][0];
    let node_name = items(&container["env"]).find(|env| env["name"] == "NODE_NAME");
    let field = &node_name.expect("NODE_NAME")["valueFrom"]["fieldRef"]["fieldPath"];
    assert_eq!(field.as_str(), Some("spec.nodeName"));
    for probe in ["startupProbe", "livenessProbe"] {
        let command = strings(&container[probe]["exec"]["command"]);
        assert_eq!(command, ["/tapio-agent", "healthcheck"], "{probe}");
    }
}

#[test]
fn the_controller_is_probed_where_it_listens() {
    let workloads = workloads();
    let controller = workloads
        .iter()
        .find(|workload| workload.kind() == "Deployment")
        .expect("the controller is a Deployment");
    let pod = pod(controller);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], Value::Bool(true));
    let container = &pod["containers"][0];
    let ports = named(&container["ports"]);
    for (probe, path) in [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        let get = &container[probe]["httpGet"];
        assert_eq!(get["path"].as_str(), Some(path));
        assert!(ports.contains(get["port"].as_str().expect("a port by name")));
    }
    let port = container["ports"][0]["containerPort"]
        .as_u64()
        .expect("a port");
    let listen = format!("--listen=0.0.0.0:{port}");
    assert!(strings(&container["args"]).contains(&listen.as_str()));
}

#[test]
fn images_carry_the_version_of_the_workspace() {
    let cargo = std::fs::read_to_string(repository::top().join("Cargo.toml")).expect("a workspace");
    let version = cargo
        .lines()
        .find_map(|line| line.strip_prefix("version = "))
        .expect("a version");
    let kustomization = manifests::read("kustomization.yaml").remove(0);
    let mut renamed = BTreeSet::new();
    for image in items(&kustomization["images"]) {
        assert_eq!(image["newTag"].as_str(), Some(version.trim_matches('"')));
        renamed.insert(image["name"].as_str().expect("a name").to_owned());
    }
    for workload in workloads() {
        for container in items(&pod(&workload)["containers"]) {
            let image = container["image"].as_str().expect("an image");
            assert!(renamed.contains(image), "{image} is not given a registry");
        }
    }
}

/// The name a pod gives its filter is the file's, which has to be on the nodes under it.
#[test]
fn the_component_gives_the_agent_the_filter_beside_it_and_changes_nothing_else() {
    const PROFILE: [&str; 3] = ["template", "spec", "securityContext"];
    let before = all();
    let after = manifests::with_component("localhost-seccomp");
    for (mut was, mut is) in before.into_iter().zip(after) {
        if is.kind() == "DaemonSet" {
            let profile = |object: &mut Object| {
                let spec = &mut object.value["spec"];
                let context = PROFILE.iter().fold(spec, |value, name| &mut value[*name]);
                std::mem::take(&mut context["seccompProfile"])
            };
            assert_eq!(profile(&mut was)["type"], "RuntimeDefault");
            let profile = profile(&mut is);
            assert_eq!(profile["type"], "Localhost");
            let name = profile["localhostProfile"].as_str().expect("a name");
            let file = manifests::folder().join("localhost-seccomp").join(name);
            assert!(file.is_file(), "{}", file.display());
        }
        assert_eq!(was.value, is.value, "{} {}", is.kind(), is.name());
    }
}

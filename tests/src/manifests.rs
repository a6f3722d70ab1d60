//! The Kubernetes manifests that ship, as values.

use std::path::PathBuf;

use serde_yaml::Value;

use crate::repository;

/// One Kubernetes object, and the file it stands in.
#[derive(Debug, Clone)]
pub struct Object {
    pub file: String,
    pub value: Value,
}

pub fn folder() -> PathBuf {
    repository::top().join("scripts/ship/kubernetes")
}

/// Every object the kustomization names, in its order.
///
/// # Panics
/// When a file is missing or is no YAML.
pub fn all() -> Vec<Object> {
    let resources = read("kustomization.yaml").remove(0)["resources"].clone();
    let names = resources.as_sequence().expect("resources are a list");
    names
        .iter()
        .map(|name| name.as_str().expect("a resource is a file"))
        .flat_map(|file| {
            read(file).into_iter().map(|value| Object {
                file: file.to_owned(),
                value,
            })
        })
        .collect()
}

/// The documents of one file of the folder.
///
/// # Panics
/// When it is missing or is no YAML.
pub fn read(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder().join(file))
        .unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_yaml::Deserializer::from_str(&text)
        .map(|document| {
            serde::Deserialize::deserialize(document)
                .unwrap_or_else(|error| panic!("{file}: {error}"))
        })
        .collect()
}

impl Object {
    pub fn kind(&self) -> &str {
        self.value["kind"].as_str().unwrap_or_default()
    }

    pub fn name(&self) -> &str {
        self.value["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// What its pods are made from, if it makes any.
    pub fn template(&self) -> Option<&Value> {
        let template = &self.value["spec"]["template"];
        (!template.is_null()).then_some(template)
    }
}

/// The strings of a list; none where there is no list.
pub fn strings(list: &Value) -> Vec<&str> {
    let items = list.as_sequence().into_iter().flatten();
    items.filter_map(Value::as_str).collect()
}

/// The items of a list; none where there is no list.
pub fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_sequence().into_iter().flatten()
}

/// The DaemonSet of the agent.
///
/// # Panics
/// When there is none.
pub fn daemon_set() -> Object {
    all()
        .into_iter()
        .find(|object| object.kind() == "DaemonSet")
        .expect("the agent is a DaemonSet")
}

/// What a component of the kustomization makes of the objects, its patches applied.
///
/// # Panics
/// When a patch is for nothing, or for what is not there to be replaced.
pub fn with_component(name: &str) -> Vec<Object> {
    let mut objects = all();
    let component = read(&format!("{name}/kustomization.yaml")).remove(0);
    assert_eq!(component["kind"], "Component", "{name}");
    for patch in items(&component["patches"]) {
        let target = &patch["target"];
        let object = objects
            .iter_mut()
            .find(|o| target["kind"] == o.kind() && target["name"] == o.name())
            .unwrap_or_else(|| panic!("there is no {target:?}"));
        let text = patch["patch"].as_str().expect("a patch is text");
        let steps: Value = serde_yaml::from_str(text).expect("a patch is YAML");
        items(&steps).for_each(|step| replace(&mut object.value, step));
    }
    objects
}

/// One `replace` of RFC 6902, the one step that components here take.
fn replace(object: &mut Value, step: &Value) {
    assert_eq!(step["op"], "replace", "{step:?}");
    let path = step["path"].as_str().expect("a path");
    let names = path.strip_prefix('/').expect("from the top").split('/');
    let place = names.fold(object, |value, name| {
        let found = match value {
            Value::Sequence(list) => name.parse().ok().and_then(|at: usize| list.get_mut(at)),
            other => other.get_mut(name),
        };
        found.unwrap_or_else(|| panic!("{path}: there is no {name}"))
    });
    *place = step["value"].clone();
}

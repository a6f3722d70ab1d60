//! The packages of the workspace and all they pull in, as cargo resolves them.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::process::Command;

use serde_json::Value;

use crate::repository;

/// The platform the closure is taken for; what ships, ships for Linux.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// Everything cargo knows of the workspace.
#[derive(Debug)]
pub struct Packages {
    by_id: BTreeMap<String, Package>,
}

/// One package.
#[derive(Debug)]
pub struct Package {
    pub name: String,
    pub is_ours: bool,
    /// What it names in its manifest.
    pub declared: Vec<Declared>,
    /// What it is built with: ids of the normal and build dependencies, as resolved.
    needs: Vec<String>,
}

/// A dependency as a manifest names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    pub name: String,
    /// For tests alone: it does not ship.
    pub is_dev: bool,
}

impl Packages {
    /// # Panics
    /// When cargo cannot resolve the workspace.
    pub fn resolve() -> Self {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args([
                "metadata",
                "--format-version",
                "1",
                "--filter-platform",
                PLATFORM,
            ])
            .current_dir(repository::top())
            .output()
            .unwrap_or_else(|error| panic!("cargo does not start: {error}"));
        assert!(
            output.status.success(),
            "cargo resolves nothing: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
        let needs: BTreeMap<&str, Vec<String>> = list(&metadata["resolve"]["nodes"])
            .map(|node| (text(&node["id"]), shipped_needs(node)))
            .collect();
        let by_id = list(&metadata["packages"])
            .map(|package| {
                let id = text(&package["id"]);
                let package = Package {
                    name: text(&package["name"]).to_owned(),
                    is_ours: package["source"].is_null(),
                    declared: list(&package["dependencies"]).map(declared).collect(),
                    needs: needs.get(id).cloned().unwrap_or_default(),
                };
                (id.to_owned(), package)
            })
            .collect();
        Self { by_id }
    }

    /// The crates of this repository.
    pub fn ours(&self) -> impl Iterator<Item = &Package> {
        self.by_id.values().filter(|package| package.is_ours)
    }

    /// The names of everything that is built into this package, itself apart.
    ///
    /// # Panics
    /// When there is no such package of ours.
    pub fn closure(&self, name: &str) -> BTreeSet<&str> {
        let start = self
            .ours()
            .find(|package| package.name == name)
            .unwrap_or_else(|| panic!("no package of ours is called {name}"));
        let mut waiting: Vec<&str> = start.needs.iter().map(String::as_str).collect();
        let mut seen = BTreeSet::new();
        while let Some(id) = waiting.pop() {
            if seen.insert(id) {
                waiting.extend(self.by_id[id].needs.iter().map(String::as_str));
            }
        }
        seen.into_iter()
            .map(|id| self.by_id[id].name.as_str())
            .collect()
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn declared(dependency: &Value) -> Declared {
    Declared {
        name: text(&dependency["name"]).to_owned(),
        is_dev: dependency["kind"] == "dev",
    }
}

fn shipped_needs(node: &Value) -> Vec<String> {
    list(&node["deps"])
        .filter(|need| list(&need["dep_kinds"]).any(|kind| kind["kind"] != "dev"))
        .map(|need| text(&need["pkg"]).to_owned())
        .collect()
}

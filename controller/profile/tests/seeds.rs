//! The seeds of the profile's fuzz target, and every profile at hand, run through its properties.

use std::fs;
use std::path::Path;

#[path = "../../../tests/fuzz/src/profile.rs"]
mod properties;

fn run(folder: &str) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    entries
        .map(|entry| {
            let path = entry.expect("the folder can be listed").path();
            println!("{}", path.display()); // shown when the property fails
            properties::profile(&fs::read(path).expect("a seed can be read"));
        })
        .count()
}

#[test]
fn seeds_and_profiles_hold() {
    assert!(run("tests/fuzz/seeds/profile") >= 5);
    assert!(run("tests/data/profile/good") >= 24);
    assert!(run("tests/data/profile/bad") >= 34);
}

use std::os::unix::fs::symlink;

use super::*;
use crate::config::FIRST_GENERATION;
use crate::registry::Registry;
use crate::scratch::Scratch;

const GOOD: &str = "apiVersion: tapio.false.systems/v0\nkind: EvidenceProfile\n\
                    base: production-default\n";

fn quiet_storage() -> String {
    format!("{GOOD}overrides:\n  storage:\n    enabled: false\n")
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn print(inode: u64, modified_seconds: i64) -> Fingerprint {
    Fingerprint {
        device: 1,
        inode,
        bytes: 10,
        modified_seconds,
        modified_nanos: 0,
        changed_seconds: modified_seconds,
        changed_nanos: 0,
    }
}

/// A reloader of `path`, and what it serves.
fn reloader(path: PathBuf) -> (Reloader, Arc<Shared>) {
    let config = ActiveConfig::new(FIRST_GENERATION, Default::default(), Default::default());
    let registry = Arc::new(Shared::new(Registry::new(config.unwrap(), 10)));
    let reloader = Reloader::new(path, Batching::default(), Arc::clone(&registry));
    (reloader, registry)
}

fn generation(registry: &Shared) -> u32 {
    registry.with(|registry| registry.generation()).0
}

#[test]
fn an_old_file_is_read_once_and_then_only_when_it_changes() {
    let mut sight = Sight::default();
    assert!(sight.calls_for_reading(Some(print(1, 100)), at(1_000)));
    assert!(!sight.calls_for_reading(Some(print(1, 100)), at(1_001)));
    assert!(sight.calls_for_reading(Some(print(2, 100)), at(1_002)));
    assert!(sight.calls_for_reading(Some(print(2, 99)), at(1_003)));
    assert!(!sight.calls_for_reading(Some(print(2, 99)), at(1_004)));
}

#[test]
fn a_fresh_file_is_read_again_until_it_has_settled() {
    let mut sight = Sight::default();
    assert!(sight.calls_for_reading(Some(print(1, 1_000)), at(1_000)));
    assert!(sight.calls_for_reading(Some(print(1, 1_000)), at(1_002)));
    assert!(sight.calls_for_reading(Some(print(1, 1_000)), at(1_004)));
    assert!(!sight.calls_for_reading(Some(print(1, 1_000)), at(1_006)));
}

#[test]
fn no_file_and_a_time_in_the_future_call_for_nothing() {
    let mut sight = Sight::default();
    assert!(!sight.calls_for_reading(None, at(1_000)));
    assert!(sight.calls_for_reading(Some(print(1, 9_000)), at(1_000)));
    assert!(!sight.calls_for_reading(Some(print(1, 9_000)), at(1_001)));
    assert!(!sight.calls_for_reading(None, at(1_002)));
    assert!(!sight.calls_for_reading(Some(print(1, 9_000)), at(1_003)));
}

#[test]
fn a_file_that_may_be_read_again_is_read_again() {
    let mut sight = Sight::default();
    let before = print(1, 100);
    assert!(sight.calls_for_reading(Some(before), at(1_000)));
    let after = Fingerprint {
        changed_seconds: 990,
        ..before
    };
    assert!(sight.calls_for_reading(Some(after), at(1_001)));
    assert!(!sight.calls_for_reading(Some(after), at(1_002)));
}

#[test]
fn a_swapped_link_two_folders_up_is_seen() {
    let scratch = Scratch::new("reload-configmap");
    for (folder, text) in [("v1", GOOD.to_owned()), ("v2", quiet_storage())] {
        std::fs::create_dir(scratch.join(folder)).unwrap();
        std::fs::write(scratch.join(folder).join("profile.yaml"), text).unwrap();
    }
    let (data, file) = (scratch.join("..data"), scratch.join("profile.yaml"));
    symlink("v1", &data).unwrap();
    symlink("..data/profile.yaml", &file).unwrap();
    let (mut reloader, registry) = reloader(file);
    reloader.look(SystemTime::now());
    assert_eq!(
        generation(&registry),
        1,
        "the same config is no new generation"
    );

    symlink("v2", scratch.join("..next")).unwrap();
    std::fs::rename(scratch.join("..next"), &data).unwrap();
    reloader.look(SystemTime::now());
    assert_eq!(generation(&registry), 2);
    let config = registry.with(|registry| registry.config());
    assert!(
        !config
            .hash
            .ends_with("845b719f50052b222e79a6f0a9e091e4fe5cc62f8049f7a9089cf20175f5ddef")
    );
}

#[test]
fn an_invalid_profile_stays_out_and_a_mended_one_comes_in() {
    let scratch = Scratch::new("reload-invalid");
    let file = scratch.join("profile.yaml");
    std::fs::write(&file, GOOD).unwrap();
    let (mut reloader, registry) = reloader(file.clone());

    std::fs::write(&file, format!("{GOOD}overides: {{}}\n")).unwrap();
    assert!(matches!(reloader.load(), Outcome::Refused(_)));
    reloader.look(SystemTime::now());
    assert!(reloader.last_complaint.is_some());
    assert_eq!(generation(&registry), 1);

    std::fs::write(&file, quiet_storage()).unwrap();
    reloader.reload_as_asked();
    assert_eq!(generation(&registry), 2);
    assert!(reloader.last_complaint.is_none());
    reloader.reload_as_asked();
    assert_eq!(generation(&registry), 2);
}

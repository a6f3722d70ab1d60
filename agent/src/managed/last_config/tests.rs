use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use tapio_wire::CompiledConfig;
use tapio_wire::names::ContainerExits;
use tapio_wire::values::{Generation, WireVersion};

use super::*;

/// A folder of the test's own.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tapio-last-config-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a new folder");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("it is ours");
    }
}

fn body(config: CompiledConfig) -> Vec<u8> {
    let response = ConfigResponse {
        wire_version: WireVersion,
        version: Generation(7),
        config_hash: "sha256:the-controllers-own-word".into(),
        config,
        batching: Batching {
            send_interval_ms: 250,
            max_batch_events: 12,
        },
    };
    serde_json::to_vec(&response).expect("serialises")
}

#[test]
fn what_was_kept_is_found_again_with_the_controllers_own_hash() {
    let scratch = Scratch::new();
    let folder = scratch.0.join("made/when/it/is/not/there");
    let mut last = LastConfig::in_folder(&folder);
    assert!(last.load().is_none());
    let mut config = CompiledConfig::default();
    config.container.enabled = false;
    last.store(&body(CompiledConfig::default()));
    last.store(&body(config.clone()));
    let (named, batching) = LastConfig::in_folder(&folder).load().expect("it was kept");
    assert_eq!((named.generation, named.config), (7, config));
    assert_eq!(named.hash, "sha256:the-controllers-own-word");
    assert_eq!(batching.max_batch_events, 12);
    let files: Vec<_> = fs::read_dir(&folder).expect("a folder").collect();
    assert_eq!(files.len(), 1, "nothing half done is left: {files:?}");
}

#[test]
fn a_file_that_was_cut_or_changed_anywhere_is_not_used() {
    let scratch = Scratch::new();
    let mut last = LastConfig::in_folder(&scratch.0);
    last.store(&body(CompiledConfig::default()));
    let path = scratch.0.join(FILE);
    let whole = fs::read(&path).expect("it was kept");
    for at in 0..whole.len() {
        fs::write(&path, &whole[..at]).expect("writable");
        assert!(last.load().is_none(), "cut at {at}");
        let mut changed = whole.clone();
        changed[at] ^= 4;
        fs::write(&path, &changed).expect("writable");
        assert!(last.load().is_none(), "changed at {at}");
    }
    fs::write(&path, &whole).expect("writable");
    assert!(last.load().is_some());
}

#[test]
fn whole_but_not_for_this_agent_is_not_used_either() {
    let scratch = Scratch::new();
    let mut last = LastConfig::in_folder(&scratch.0);
    let mut config = CompiledConfig::default();
    config.container.exits = ContainerExits::Other("planets".into());
    for bytes in [
        body(config),
        b"{}".to_vec(),
        b"garbage".to_vec(),
        Vec::new(),
    ] {
        last.store(&bytes);
        assert!(last.load().is_none(), "{}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_told_of_when_something_is_to_be_kept() {
    let scratch = Scratch::new();
    let file = scratch.0.join("a-file");
    fs::write(&file, "").expect("writable");
    let mut last = LastConfig::in_folder(&file.join("folder"));
    assert!(!last.is_failing, "nothing was told yet");
    last.store(&body(CompiledConfig::default()));
    assert!(last.is_failing);
}

use std::sync::atomic::{AtomicU64, Ordering};

use tapio_common::coverage::Looking;
use tapio_wire::limits::IDENTIFIER_BYTES_MAX;

use super::*;
use crate::{Verdict, clock};

/// A folder of the test's own.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tapio-health-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a new folder");
        Self(path)
    }

    fn status(&self) -> Status {
        let bytes = fs::read(self.0.join(FILE)).expect("the file");
        assert_eq!(bytes.len(), STATUS_BYTES, "always of the same length");
        serde_json::from_slice(&bytes).expect("a status")
    }

    /// What the command says, and whether the code is 1.
    fn said(&self) -> (String, Verdict) {
        let health = check(&self.0);
        (health.to_string(), verdict(&health))
    }

    fn leave(&self, boot_id: &str, stage: Stage) {
        let mut status = first(boot_id, Timestamp(5));
        status.stage = stage;
        fs::write(self.0.join(FILE), status.to_bytes()).expect("room");
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("it is ours");
    }
}

const NOW: Now = Now {
    wall: Timestamp(0),
    boot_nanos: 0,
};

fn looking() -> Entry {
    Entry::Looking(Looking {
        from: Timestamp(7),
        boot_id: "b".repeat(36),
        config_generation: u32::MAX,
        config_hash: format!("sha256:{}", "0".repeat(64)),
        scope: serde_json::Value::Null,
        types: vec!["a".into(), "b".into()],
        types_missing: [("c".to_owned(), "no hook".to_owned())].into(),
        hooks: Vec::new(),
    })
}

#[test]
fn it_answers_when_it_was_asked_and_says_that_it_leaves() {
    let scratch = Scratch::new();
    let roll = RollCall::of(&[Observer::Network, Observer::Storage]).expect("an eventfd");
    let folder = scratch.0.join("made/by it");
    fs::create_dir_all(&folder).expect("a folder");
    let mut file = StatusFile::open(&scratch.0, &"b".repeat(36), Timestamp(5), &roll)
        .expect("a folder of ours");
    assert_eq!(scratch.status().stage, Stage::Starting);
    file.cover(&looking());
    let status = scratch.status();
    assert_eq!(
        (status.stage, status.types, status.types_missing),
        (Stage::Observing, 2, 1)
    );
    file.flush(NOW);
    assert_eq!(scratch.status().answers, 0, "nobody asked");
    roll.answer(Observer::Network);
    (0..3).for_each(|_| roll.call());
    file.flush(NOW);
    let status = scratch.status();
    assert_eq!(status.answers, 3);
    let silent: Vec<&str> = status.silent_since(0).collect();
    assert_eq!(
        silent,
        ["network"],
        "its thread has not heard, and storage has none"
    );
    roll.answer(Observer::Network);
    file.flush(NOW);
    assert_eq!(scratch.status().silent_since(2).count(), 0);
    drop(file);
    assert_eq!(scratch.status().stage, Stage::Left);
}

#[test]
fn an_answer_says_what_is_looked_for_and_by_which_config() {
    let mut status = first("b", Timestamp(0));
    let said = |status: &Status| {
        let after = Duration::from_millis(3);
        let status = status.clone();
        check::Health::Answered { status, after }.to_string()
    };
    assert_eq!(
        said(&status),
        "observing since 1970-01-01T00:00:00.000000000Z: 0 event types looked for, 0 not; \
         no config yet; answered after 3 ms"
    );
    (status.types, status.types_missing) = (7, 2);
    (status.config_generation, status.config_hash) = (4, "sha256:0a".to_owned());
    assert!(
        said(&status).ends_with(
            "7 event types looked for, 2 not; config generation 4 sha256:0a; answered after 3 ms"
        ),
        "{}",
        said(&status)
    );
}

/// A controller gives its config any hash that may stand on the wire.
#[test]
fn there_is_room_for_the_longest_status() {
    let longest = Status {
        answers: u64::MAX,
        rings: Observer::ALL
            .iter()
            .map(|observer| (observer.name().to_owned(), u64::MAX))
            .collect(),
        config_generation: u32::MAX,
        config_hash: "\"".repeat(IDENTIFIER_BYTES_MAX),
        types: usize::MAX,
        types_missing: usize::MAX,
        stage: Stage::Observing,
        ..first(&"b".repeat(36), Timestamp(5))
    };
    let read: Status = serde_json::from_slice(&longest.to_bytes()).expect("a status");
    assert_eq!(read, longest);
}

#[test]
fn where_no_agent_runs_it_says_what_became_of_the_last_one() {
    let scratch = Scratch::new();
    let wrong = |begins: &str| {
        let (said, verdict) = scratch.said();
        assert!(said.starts_with(begins), "{said}");
        assert_eq!(verdict, Verdict::Wrong, "{said}");
    };
    wrong("absent: there is no ");
    fs::write(scratch.0.join(FILE), "").expect("room");
    wrong("absent: ");
    fs::write(scratch.0.join(FILE), "{\"format\":1}").expect("room");
    wrong("absent: ");
    let boot_id = clock::boot_id().expect("this boot's name");
    scratch.leave(&boot_id, Stage::Observing);
    wrong("gone: the agent ended without saying so");
    scratch.leave(&boot_id, Stage::Left);
    wrong("gone: the agent was stopped");
    scratch.leave("another", Stage::Observing);
    wrong("gone: the agent ran before this boot");
}

#[test]
fn what_it_cannot_look_at_it_cannot_say() {
    let scratch = Scratch::new();
    let (said, verdict) = {
        let health = check(&scratch.0.join("nothing").join("there"));
        (health.to_string(), verdict(&health))
    };
    assert_eq!(verdict, Verdict::Wrong, "{said}");
    std::os::unix::fs::symlink(FILE, scratch.0.join(FILE)).expect("a loop");
    let (said, verdict) = scratch.said();
    assert!(said.starts_with("cannot say: "), "{said}");
    assert_eq!(verdict, Verdict::CannotSay);
}

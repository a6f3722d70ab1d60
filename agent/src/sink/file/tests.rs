use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use tapio_common::catalogue::{Anomaly, Severity};
use tapio_common::evidence::Limits;
use tapio_common::evidence::word::{LOCK_FILE, Word};
use tapio_common::ledger::{ObserverCounts, TypeCounts};

use super::*;

/// For as long as the tests run.
fn kept() -> &'static Kept {
    Box::leak(Box::new(Kept::new()))
}

/// A folder of the test's own.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tapio-file-sink-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a new folder");
        Self(path)
    }

    fn evidence(&self) -> PathBuf {
        self.0.join("deep/evidence")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("it is ours");
    }
}

fn now(second: u64) -> Now {
    Now {
        wall: Timestamp((1_795_257_600 + second) * NANOS_PER_SECOND),
        boot_nanos: second * NANOS_PER_SECOND,
    }
}

fn open<'a>(path: &Path, account: &'a SinkAccount) -> Result<File<'a>, FileError> {
    File::open(path, Limits::default(), kept(), account, now(0))
}

fn word(path: &Path) -> Option<Timestamp> {
    let bytes = fs::read(path.join(LOCK_FILE)).expect("the lock file is there");
    Word::from_bytes(&bytes).map(|word| word.stored_to)
}

/// So many emitted, all delivered but for those in the ring.
fn ledger(emitted: u64, in_ring: u64) -> Ledger {
    let mut ledger = Ledger::default();
    let row = TypeCounts {
        seen: emitted + in_ring,
        submitted: emitted + in_ring,
        received: emitted,
        emitted,
        ..TypeCounts::default()
    };
    let missed = None;
    let malformed = 0;
    let observer = ObserverCounts {
        missed,
        in_ring,
        malformed,
    };
    ledger
        .types
        .insert(Anomaly::OomKill.event_type().into(), row);
    ledger.observers.insert("container".into(), observer);
    ledger
}

#[test]
fn the_directory_is_made_for_the_group_and_for_one_writer() {
    let (scratch, account) = (Scratch::new(), SinkAccount::default());
    let path = scratch.evidence();
    let first = open(&path, &account).expect("it is made");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(&path).expect("it is there").permissions(),
    );
    assert_eq!(mode & 0o7777, 0o750);
    let refused = open(&path, &account).err().expect("it is held").to_string();
    assert!(refused.starts_with("another agent writes to "), "{refused}");
    drop(first);
    open(&path, &account).expect("it was let go");
}

#[test]
fn a_file_in_the_place_of_the_directory_is_refused() {
    let (scratch, account) = (Scratch::new(), SinkAccount::default());
    let path = scratch.0.join("evidence");
    fs::write(&path, "").expect("a new file");
    assert!(matches!(
        open(&path, &account),
        Err(FileError::Unusable(..))
    ));
}

#[test]
fn a_line_is_there_when_it_was_taken_and_counts_as_delivered() {
    let (scratch, account) = (Scratch::new(), SinkAccount::default());
    let mut file = open(&scratch.evidence(), &account).expect("it is made");
    let at = clock::now().wall;
    let line = format!("{{\"timestamp\":\"{at}\"}}\n");
    let (anomaly, severity) = (Anomaly::OomKill, Severity::Critical);
    file.take(&Written {
        line: line.as_bytes(),
        at,
        anomaly,
        severity,
    });
    let files = fs::read_dir(scratch.evidence()).expect("it is there");
    let texts: Vec<String> = files
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "jsonl"))
        .map(|path| fs::read_to_string(path).expect("it can be read"))
        .collect();
    assert_eq!(texts, [line]);
    assert_eq!(account.counts().delivered, 1);
}

#[test]
fn what_the_disk_refuses_is_counted_by_its_reason() {
    let (scratch, account) = (Scratch::new(), SinkAccount::default());
    let mut file = open(&scratch.evidence(), &account).expect("it is made");
    for kind in [
        io::ErrorKind::StorageFull,
        io::ErrorKind::ReadOnlyFilesystem,
    ] {
        file.refused(&kind.into());
    }
    let dropped = account.counts().dropped;
    assert_eq!((dropped["disk_full"], dropped["write_failed"]), (1, 1));
}

#[test]
fn the_word_is_given_when_nothing_is_on_its_way_and_not_before() {
    let (scratch, account) = (Scratch::new(), SinkAccount::default());
    let path = scratch.evidence();
    let mut file = open(&path, &account).expect("it is made");
    let mut say = |second, ledger: &Ledger| {
        let wakes_in = file.flush(now(second)).expect("a word is due some time");
        file.account(ledger);
        (wakes_in.as_secs(), word(&path))
    };
    let at = |second| Some(Timestamp(now(second).wall.0 - HOOK_NANOS_MAX));
    assert_eq!(say(1, &ledger(5, 1)), (10, None), "one is in the ring");
    let mut uneven = ledger(5, 0);
    uneven.types.values_mut().for_each(|row| row.received += 1);
    assert_eq!(say(11, &uneven), (10, None), "one is in a queue");
    assert_eq!(say(21, &ledger(6, 0)), (10, at(21)));
    assert_eq!(say(30, &ledger(7, 0)), (21, at(21)), "not so often");
    assert_eq!(say(31, &ledger(7, 0)), (20, at(31)));
    assert_eq!(say(61, &ledger(7, 1)), (10, at(31)));
}

#[test]
fn the_run_after_a_crash_says_since_when_nobody_looked() {
    let (scratch, account) = (Scratch::new(), SinkAccount::default());
    let path = scratch.evidence();
    let mut file = open(&path, &account).expect("it is made");
    file.flush(now(5));
    file.cover(&Entry::Looking(tapio_common::coverage::Looking {
        from: now(4).wall,
        boot_id: "b".into(),
        config_generation: 1,
        config_hash: String::new(),
        scope: serde_json::Value::Null,
        types: Vec::new(),
        types_missing: Default::default(),
        hooks: Vec::new(),
    }));
    file.account(&Ledger::default());
    drop(file); // which writes no stop: that is the batcher's to say
    drop(File::open(&path, Limits::default(), kept(), &account, now(9)).expect("it was let go"));
    let coverage = fs::read_to_string(path.join("coverage.jsonl")).expect("it is there");
    let mut entries = coverage.lines();
    let gap = entries
        .find(|line| line.contains("\"gap\""))
        .expect("a gap");
    let from = Timestamp(now(5).wall.0 - HOOK_NANOS_MAX);
    let wanted = format!(
        "{{\"kind\":\"gap\",\"from\":\"{from}\",\"to\":\"{}\",",
        now(9).wall
    );
    assert!(gap.starts_with(&wanted), "{gap}");
}

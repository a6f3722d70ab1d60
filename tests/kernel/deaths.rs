//! Deaths of our own, and what an evidence directory says of them and of itself.
//!
//! The causer is our child and says how it ended, so a death is known from outside: who it was, and
//! between which moments.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tapio_common::evidence::claim::{Coverage, Until};
use tapio_common::evidence::disk::Folder;
use tapio_common::evidence::name::SegmentName;
use tapio_common::evidence::verify::verify;
use tapio_common::time::Timestamp;

use crate::ABNORMAL_EXIT;
use crate::scene::causer;

/// One death of ours: who, and between which moments.
#[derive(Debug, Clone, Copy)]
pub struct Death {
    pub pid: u64,
    pub after: Timestamp,
    pub before: Timestamp,
}

pub fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    Timestamp(u64::try_from(since.as_nanos()).expect("before 2554"))
}

pub fn cause() -> Death {
    let after = now();
    let mut child = causer("exit 3").spawn().expect("the causer starts");
    let pid = u64::from(child.id());
    assert_eq!(child.wait().expect("our child").code(), Some(3));
    Death {
        pid,
        after,
        before: now(),
    }
}

/// The occurrences in a directory, by the segment they stand in, each in the order of its lines.
pub fn segments(directory: &Path) -> BTreeMap<String, Vec<Value>> {
    let mut segments = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("it is there") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or("");
        if SegmentName::from_file(name).is_none() {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a segment");
        // A line that is being written has no newline yet.
        let whole = text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        let events = whole.map(|line| serde_json::from_str(line).expect("a whole occurrence"));
        segments.insert(name.to_owned(), events.collect());
    }
    segments
}

/// How often each process of ours stands in the directory.
pub fn stored(directory: &Path) -> BTreeMap<u64, u32> {
    let mut stored = BTreeMap::new();
    for event in segments(directory).into_values().flatten() {
        if event["type"] == ABNORMAL_EXIT {
            let pid = event["data"]["pid"].as_u64().expect("a pid");
            *stored.entry(pid).or_insert(0) += 1;
        }
    }
    stored
}

/// The moments at which each process died, as the directory has them.
pub fn moments(directory: &Path) -> BTreeMap<u64, Vec<Timestamp>> {
    let mut moments: BTreeMap<u64, Vec<Timestamp>> = BTreeMap::new();
    for event in segments(directory).into_values().flatten() {
        if event["type"] == ABNORMAL_EXIT {
            let pid = event["data"]["pid"].as_u64().expect("a pid");
            let at = event["timestamp"]
                .as_str()
                .and_then(Timestamp::from_rfc3339);
            moments.entry(pid).or_default().push(at.expect("a moment"));
        }
    }
    moments
}

impl Death {
    /// How often it is told. Pids come again; moments do not.
    pub fn told(&self, stored: &BTreeMap<u64, Vec<Timestamp>>) -> usize {
        let moments = stored.get(&self.pid).map_or(&[][..], Vec::as_slice);
        let ours = |at: &&Timestamp| (self.after..=self.before).contains(*at);
        moments.iter().filter(ours).count()
    }

    /// The directory itself says that it cannot vouch for that moment.
    #[track_caller]
    pub fn assert_doubted(&self, coverage: &Coverage) {
        let claim = coverage.claim(&[ABNORMAL_EXIT], self.after, Until::Moment(self.before));
        let (pid, after) = (self.pid, self.after);
        assert!(
            !claim.doubts.is_empty(),
            "{pid} is missing at {after}, and nothing is said of it"
        );
    }
}

pub fn coverage(directory: &Path) -> Coverage {
    Coverage::read(&Folder::new(directory), false).expect("it can be read")
}

#[track_caller]
pub fn assert_whole(directory: &Path) {
    let verdict = verify(&Folder::new(directory), None, &mut |_| ()).expect("it can be read");
    assert!(
        verdict.fault.is_none(),
        "{}",
        verdict.fault.expect("a fault")
    );
}

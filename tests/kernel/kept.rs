//! Evidence that lasts: the directory against kills, full disks and refusals, with deaths caused here.
//!
//! The causer's own log stands on the other side: every death caused is in the directory once, or
//! the directory itself says that it cannot vouch for that moment.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tapio_common::coverage::Entry;
use tapio_common::evidence::claim::{Coverage, Until};
use tapio_common::evidence::name::SegmentName;
use tapio_tests::agent::{EVENT_MAX, TestAgent, container_config};
use tapio_tests::deadline::{poll_for, wait_until};
use tapio_tests::folder::TestFolder;
use tapio_tests::program::Program;

use crate::ABNORMAL_EXIT;
use crate::deaths::{Death, assert_whole, cause, coverage, now, stored};

/// Kills of the agent in a row. `scripts/soak` is the place for hundreds.
const KILLS: u64 = 10;

/// An agent that keeps evidence there, of every abnormal exit.
fn keep(directory: &Path) -> TestAgent {
    let folder = TestFolder::new();
    let config = folder.write("config.json", container_config("all", &[]).to_string());
    let mut command = Command::new(Program::Agent.path());
    command.args([
        "--sink",
        "file",
        "--observers",
        "container",
        "--fair-share",
        "0",
    ]);
    command.args(["--segment-max-bytes", "64KiB", "--fsync", "0"]);
    command
        .arg("--config")
        .arg(config)
        .arg("--data-dir")
        .arg(directory);
    TestAgent::spawn(folder, command)
}

#[track_caller]
fn wait_for_stored(directory: &Path, death: &Death) {
    wait_until("the death in the directory", EVENT_MAX, || {
        stored(directory).contains_key(&death.pid)
    });
}

#[test]
fn a_killed_agent_loses_nothing_that_the_directory_vouches_for() {
    let folder = TestFolder::new();
    let directory = folder.join("evidence");
    let mut deaths = Vec::new();
    for round in 0..KILLS {
        let mut agent = keep(&directory);
        // Killed in the midst of it, a little later every time.
        deaths.push((0..5 + 7 * round).map(|_| cause()).collect::<Vec<_>>());
        agent.signal(libc::SIGKILL);
        agent
            .wait_for_end(EVENT_MAX)
            .expect("nothing survives that");
    }
    keep(&directory).stop();
    assert_whole(&directory);
    let (stored, coverage) = (stored(&directory), coverage(&directory));
    let gaps = coverage
        .entries
        .iter()
        .filter(|entry| matches!(entry, Entry::Gap(_)))
        .count();
    assert_eq!(gaps as u64, KILLS);
    let mut kept = 0;
    for round in &deaths {
        // What the ring held at the kill is lost, and the ring is read in order: so whatever is
        // missing is the end of its round, and nothing before it.
        let held = round
            .iter()
            .take_while(|death| stored.contains_key(&death.pid));
        let (told, lost) = round.split_at(held.count());
        kept += told.len();
        for death in told {
            assert_eq!(stored[&death.pid], 1, "process {}", death.pid);
        }
        for death in lost {
            assert!(
                !stored.contains_key(&death.pid),
                "process {} is kept, and one before it is not",
                death.pid
            );
            let claim = coverage.claim(&[ABNORMAL_EXIT], death.after, Until::Moment(death.before));
            assert!(
                !claim.doubts.is_empty(),
                "{} is missing at {}",
                death.pid,
                death.after
            );
        }
    }
    assert!(kept > 0, "nothing was kept in {KILLS} rounds");
}

#[test]
fn what_was_not_seen_is_soon_covered_and_a_stop_ends_that() {
    let folder = TestFolder::new();
    let directory = folder.join("evidence");
    let agent = keep(&directory);
    let from = now();
    // The word is given every ten seconds at least while somebody dies on this machine, and that
    // nobody did is said within thirty.
    let covered = poll_for(Duration::from_secs(60), || {
        let coverage = Coverage {
            is_live: true,
            ..coverage(&directory)
        };
        let claim = coverage.claim(&["kernel.container.oom_kill"], from, Until::Now(now()));
        claim.doubts.is_empty().then_some(claim.to)
    });
    assert!(covered.is_some_and(|to| to > from), "{covered:?}");
    let report = agent.stop();
    assert!(report.ledger.sinks.contains_key("file"));
    let after = coverage(&directory);
    let claim = after.claim(&["kernel.container.oom_kill"], from, Until::Now(now()));
    assert!(!claim.doubts.is_empty(), "nobody looks any more");
}

#[test]
fn a_second_agent_is_refused() {
    let folder = TestFolder::new();
    let directory = folder.join("evidence");
    let first = keep(&directory);
    let output = Command::new(Program::Agent.path())
        .args(["--sink", "file", "--observers", "container", "--data-dir"])
        .arg(&directory)
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("another agent writes to "), "{said}");
    first.stop();
}

fn has_segment(directory: &Path) -> bool {
    let mut files = fs::read_dir(directory).expect("it is there");
    files.any(|entry| {
        let name = entry.expect("an entry").file_name();
        name.to_str().and_then(SegmentName::from_file).is_some()
    })
}

#[test]
fn a_directory_made_read_only_refuses_and_takes_again_when_it_is_not() {
    let folder = TestFolder::new();
    let directory = folder.join("evidence");
    let agent = keep(&directory);
    let set_mode = |mode| {
        fs::set_permissions(&directory, PermissionsExt::from_mode(mode)).expect("it is ours");
    };
    set_mode(0o550);
    // A segment that somebody's death has opened already goes on being written: then nothing is
    // refused before it is full. Else the first of ours is.
    let is_refused = !has_segment(&directory);
    let meanwhile: Vec<Death> = (0..5).map(|_| cause()).collect();
    if is_refused {
        wait_until("the refusal", EVENT_MAX, || {
            agent.stderr().contains("evidence cannot be kept in")
        });
    }
    set_mode(0o750);
    let taken = cause();
    wait_for_stored(&directory, &taken);
    let report = agent.stop();
    let (stored, coverage) = (stored(&directory), coverage(&directory));
    let refused: Vec<&Death> = meanwhile
        .iter()
        .filter(|death| !stored.contains_key(&death.pid))
        .collect();
    if is_refused {
        let counts = &report.ledger.sinks["file"];
        assert!(counts.dropped["write_failed"] >= 1, "{counts:?}");
        assert!(
            report.stderr.contains("evidence is kept in"),
            "{}",
            report.stderr
        );
        assert!(!refused.is_empty(), "the first of them at least");
    }
    for death in refused {
        let claim = coverage.claim(&[ABNORMAL_EXIT], death.after, Until::Moment(death.before));
        assert!(!claim.doubts.is_empty(), "process {} is missing", death.pid);
    }
    assert_whole(&directory);
}

/// A small file system of the test's own.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn mount(at: &'a Path) -> Self {
        fs::create_dir(at).expect("a new folder");
        let (path, kind) = (path_text(at), CString::new("tmpfs").expect("text"));
        let options = CString::new("size=512k,mode=750").expect("text");
        // SAFETY: all texts end in NUL and live as long as the call.
        let answer = unsafe {
            libc::mount(
                kind.as_ptr(),
                path.as_ptr(),
                kind.as_ptr(),
                0,
                options.as_ptr().cast(),
            )
        };
        assert_eq!(answer, 0, "{}", std::io::Error::last_os_error());
        Self(at)
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let path = path_text(self.0);
        // SAFETY: the text ends in NUL and lives as long as the call.
        if unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) } != 0 {
            eprintln!("still mounted: {}", self.0.display());
        }
    }
}

fn path_text(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("a path without NUL")
}

#[test]
fn a_full_disk_drops_and_counts_and_is_written_to_again_when_there_is_room() {
    let folder = TestFolder::new();
    let directory = folder.join("evidence");
    let disk = Disk::mount(&directory);
    let agent = keep(&directory);
    let before = cause();
    wait_for_stored(&directory, &before);
    let filler = directory.join("filler");
    assert!(
        fs::write(&filler, vec![0; 1 << 20]).is_err(),
        "it is smaller than that"
    );
    let mut lost = Vec::new();
    wait_until("the refusal", EVENT_MAX, || {
        lost.push(cause());
        agent.stderr().contains("evidence cannot be kept in")
    });
    fs::remove_file(&filler).expect("it is there");
    let after = cause();
    wait_for_stored(&directory, &after);
    let report = agent.stop();
    let counts = &report.ledger.sinks["file"];
    assert!(counts.dropped["disk_full"] >= 1, "{counts:?}");
    let stored = stored(&directory);
    assert!(
        stored.values().all(|times| *times == 1),
        "no half line, none twice"
    );
    let coverage = coverage(&directory);
    for death in lost.iter().filter(|death| !stored.contains_key(&death.pid)) {
        let claim = coverage.claim(&[ABNORMAL_EXIT], death.after, Until::Moment(death.before));
        assert!(!claim.doubts.is_empty(), "process {} is missing", death.pid);
    }
    assert_whole(&directory);
    drop(disk);
}

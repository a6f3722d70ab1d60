//! Disks that fill up, and directories that turn read-only, with the agent at work on them.
//!
//! A file system cannot be remounted read-only while somebody writes to it, so a read-only mount
//! covers the directory instead: what is open goes on, and whatever is to be made anew is refused.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tapio_common::evidence::name::SegmentName;
use tapio_tests::agent::EVENT_MAX;
use tapio_tests::deadline::wait_until;
use tapio_tests::folder::TestFolder;

use super::{keep, wait_for_stored};
use crate::deaths::{Death, assert_whole, cause, coverage, moments};

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
    let (stored, coverage) = (moments(&directory), coverage(&directory));
    let refused: Vec<&Death> = meanwhile
        .iter()
        .filter(|death| death.told(&stored) == 0)
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
    refused
        .iter()
        .for_each(|death| death.assert_doubted(&coverage));
    assert_whole(&directory);
}

/// Something mounted at a folder, until it is dropped.
struct Mount<'a>(&'a Path);

impl<'a> Mount<'a> {
    /// A small file system.
    fn disk(at: &'a Path) -> Self {
        fs::create_dir(at).expect("a new folder");
        let tmpfs = text(Path::new("tmpfs"));
        mount(&tmpfs, at, Some(&tmpfs), 0, "size=512k,mode=750");
        Self(at)
    }

    /// The folder itself once more, read-only, over the folder.
    fn read_only(at: &'a Path) -> Self {
        mount(&text(at), at, None, libc::MS_BIND, "");
        let mounted = Self(at);
        let flags = libc::MS_REMOUNT | libc::MS_BIND | libc::MS_RDONLY;
        mount(&text(at), at, None, flags, "");
        mounted
    }
}

#[track_caller]
fn mount(from: &CString, at: &Path, kind: Option<&CString>, flags: libc::c_ulong, options: &str) {
    let (path, options) = (text(at), text(Path::new(options)));
    let kind = kind.map_or(std::ptr::null(), |kind| kind.as_ptr());
    // SAFETY: all texts end in NUL and live as long as the call; no kind is a null pointer.
    let answer = unsafe {
        libc::mount(
            from.as_ptr(),
            path.as_ptr(),
            kind,
            flags,
            options.as_ptr().cast(),
        )
    };
    assert_eq!(answer, 0, "{}", std::io::Error::last_os_error());
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let path = text(self.0);
        // SAFETY: the text ends in NUL and lives as long as the call.
        if unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) } != 0 {
            eprintln!("still mounted: {}", self.0.display());
        }
    }
}

fn text(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("a path without NUL")
}

#[test]
fn a_full_disk_drops_and_counts_and_is_written_to_again_when_there_is_room() {
    let folder = TestFolder::new();
    let directory = folder.join("evidence");
    let disk = Mount::disk(&directory);
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
    let stored = moments(&directory);
    let lines: usize = stored.values().map(Vec::len).sum();
    assert_eq!(
        counts.delivered, lines as u64,
        "no half line, none twice, none but those counted"
    );
    let coverage = coverage(&directory);
    for death in lost.iter().filter(|death| death.told(&stored) == 0) {
        death.assert_doubted(&coverage);
    }
    assert_whole(&directory);
    drop(disk);
}

#[test]
fn a_read_only_mount_holds_up_seals_and_nothing_else() {
    let folder = TestFolder::new();
    let directory = folder.join("evidence");
    let agent = keep(&directory);
    let before = cause();
    wait_for_stored(&directory, &before);
    let covered = Mount::read_only(&directory);
    let mut meanwhile = Vec::new();
    // The segment is full at 64 KiB, and cannot be sealed.
    wait_until("the refusal", EVENT_MAX, || {
        meanwhile.push(cause());
        agent.stderr().contains("Read-only file system")
    });
    drop(covered);
    let after = cause();
    wait_for_stored(&directory, &after);
    let report = agent.stop();
    let (stored, coverage) = (moments(&directory), coverage(&directory));
    for death in meanwhile.iter().filter(|death| death.told(&stored) != 1) {
        death.assert_doubted(&coverage);
    }
    let counts = &report.ledger.sinks["file"];
    let lines: usize = stored.values().map(Vec::len).sum();
    assert_eq!(counts.delivered, lines as u64);
    assert_whole(&directory);
}

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use super::*;
use crate::scratch::Scratch;

fn open(path: &Path) -> Output {
    Output::open(&AcceptedTarget::File(path.to_owned())).unwrap()
}

/// Runs `work` while no file of this process may grow beyond `bytes`.
fn with_file_size_limit(bytes: u64, work: impl FnOnce()) {
    let mut before = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `before` is a valid rlimit to be written.
    let read = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &mut before) };
    assert_eq!(read, 0);
    let limit = libc::rlimit {
        rlim_cur: bytes,
        ..before
    };
    // SAFETY: `limit` is a valid rlimit to be read, below the hard limit.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) };
    assert_eq!(set, 0);
    work();
    // SAFETY: as above; `before` came from getrlimit.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &before) };
    assert_eq!(set, 0);
}

#[test]
fn a_batch_that_does_not_fit_leaves_no_trace() {
    const LIMIT: usize = 262_144;
    let scratch = Scratch::new("accepted-full");
    let path = scratch.join("accepted.jsonl");
    let mut output = open(&path);
    let first = [vec![b'a'; LIMIT - 100], vec![b'\n']].concat();
    let second = [vec![b'b'; 200], vec![b'\n']].concat();
    with_file_size_limit(262_144, || {
        output.append(&first).unwrap();
        let error = output.append(&second).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EFBIG));
        assert_eq!(std::fs::read(&path).unwrap(), first);
        output.append(b"short\n").unwrap();
    });
    output.append(&second).unwrap();
    let wanted = [first, b"short\n".to_vec(), second].concat();
    assert_eq!(std::fs::read(&path).unwrap(), wanted);
}

#[test]
fn a_disk_without_any_room_is_an_error() {
    let mut output = open(Path::new("/dev/full"));
    let error = output.append(b"line\n").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

#[test]
fn a_torn_line_on_a_pipe_is_ended_before_the_next() {
    let (mut reader, writer) = UnixStream::pair().unwrap();
    let mut output = Output::on_pipe(writer);
    // SAFETY: the descriptor is open and ours; O_NONBLOCK is a status flag a pipe takes.
    let set = unsafe { libc::fcntl(output.file.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
    assert_eq!(set, 0);
    let long = [vec![b'x'; 1_048_576], vec![b'\n']].concat();
    let error = output.append(&long).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    let mut taken = vec![0; 1_048_576];
    let len = reader.read(&mut taken).unwrap();
    assert!(len < long.len());
    output.append(b"next\n").unwrap();
    drop(output);
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert!(
        rest.ends_with("x\nnext\n") || rest == "\nnext\n",
        "{rest:?}"
    );
}

#[test]
fn what_a_crash_left_of_a_line_is_cut_off_at_the_next_start() {
    let scratch = Scratch::new("accepted-crash");
    let long = format!("{BEGINNING}{}", "y".repeat(200_000));
    for (name, before, after) in [
        ("whole", "one\ntwo\n", "one\ntwo\n"),
        ("torn", "one\ntwo\n{\"age", "one\ntwo\n"),
        ("all-torn", "{", ""),
        ("empty", "", ""),
        ("long", &format!("one\n{long}"), "one\n"),
    ] {
        let path = scratch.join(name);
        std::fs::write(&path, before).unwrap();
        open(&path).append(b"three\n").unwrap();
        let found = std::fs::read_to_string(&path).unwrap();
        assert_eq!(found, format!("{after}three\n"), "{name}");
    }
}

#[test]
fn what_is_not_ours_is_ended_and_never_cut() {
    let scratch = Scratch::new("accepted-foreign");
    let long = "y".repeat(200_000);
    for (name, before) in [
        ("remark", "one\n# a remark"),
        ("another-key", "{\"agent\":1}"),
        ("long", &format!("one\n{long}")),
        ("no-line-at-all", &long),
    ] {
        let path = scratch.join(name);
        std::fs::write(&path, before).unwrap();
        let mut output = open(&path);
        output.append(b"two\n").unwrap();
        output.append(b"three\n").unwrap();
        let found = std::fs::read_to_string(&path).unwrap();
        assert_eq!(found, format!("{before}\ntwo\nthree\n"), "{name}");
    }
}

#[test]
fn a_file_that_was_moved_away_is_followed_only_when_asked() {
    let scratch = Scratch::new("accepted-moved");
    let (path, moved) = (scratch.join("a.jsonl"), scratch.join("a.jsonl.1"));
    let mut output = open(&path);
    output.append(b"1\n").unwrap();
    output.reopen().unwrap();
    std::fs::rename(&path, &moved).unwrap();
    output.append(b"2\n").unwrap();
    output.reopen().unwrap();
    output.append(b"3\n").unwrap();
    assert_eq!(std::fs::read_to_string(&moved).unwrap(), "1\n2\n");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "3\n");
}

#[test]
fn standard_output_into_a_file_that_is_not_appended_to_gets_no_hole() {
    let scratch = Scratch::new("accepted-redirected");
    let path = scratch.join("accepted.jsonl");
    let mut output = Output {
        file: File::create(&path).unwrap(),
        path: None,
        torn: false,
    };
    output.append(b"first\n").unwrap();
    output.file.write_all(b"torn").unwrap();
    output.take_back(4);
    output.append(b"next\n").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"first\nnext\n");
}

//! Runs of one program that the kernel skipped because it had interrupted itself, from the kernel itself.
//!
//! The ledger's `missed` is the sum over an observer's programs. How many facts of one kind can be
//! missing is known only of the one program that sees them, and only while its agent lives.

use std::fs;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

const BPF_PROG_GET_FD_BY_ID: libc::c_int = 13;
const BPF_OBJ_GET_INFO_BY_FD: libc::c_int = 15;
/// Of `struct bpf_prog_info`, up to the end of the name.
const INFO_BYTES: usize = 80;
const NAME_AT: usize = 64;
/// The kernel cuts names there.
const NAME_BYTES_MAX: usize = 15;

/// The first fields of `union bpf_attr` for the two commands.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Attributes {
    id_or_fd: u32,
    info_bytes: u32,
    info: u64,
}

/// The skipped runs of the program of this name that the process holds; zero where the kernel, before
/// 5.12, skips none.
#[track_caller]
pub fn skipped(pid: u32, program: &str) -> u64 {
    let kept = &program[..program.len().min(NAME_BYTES_MAX)];
    let folder = format!("/proc/{pid}/fdinfo");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let held: Vec<String> = entries
        .flatten()
        .filter_map(|entry| fs::read_to_string(entry.path()).ok())
        .filter(|text| number(text, "prog_type:").is_some())
        .filter(|text| name_of(number(text, "prog_id:").expect("a program's id")) == kept)
        .collect();
    assert_eq!(held.len(), 1, "process {pid} holds {program} once");
    number(&held[0], "recursion_misses:").unwrap_or(0)
}

fn number(text: &str, key: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(key))?;
    value.trim().parse().ok()
}

fn name_of(id: u64) -> String {
    let id_or_fd = u32::try_from(id).expect("an id");
    let program = bpf(
        BPF_PROG_GET_FD_BY_ID,
        &Attributes {
            id_or_fd,
            ..Attributes::default()
        },
    );
    // SAFETY: the descriptor is fresh and nobody else's.
    let program = unsafe { OwnedFd::from_raw_fd(program) };
    let mut info = [0u64; INFO_BYTES / 8];
    let about = Attributes {
        id_or_fd: program.as_raw_fd().unsigned_abs(),
        info_bytes: u32::try_from(INFO_BYTES).expect("small"),
        info: info.as_mut_ptr().expose_provenance() as u64,
    };
    bpf(BPF_OBJ_GET_INFO_BY_FD, &about);
    let bytes = info.map(u64::to_ne_bytes);
    let name = &bytes.as_flattened()[NAME_AT..];
    let end = name
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(name.len());
    String::from_utf8_lossy(&name[..end]).into_owned()
}

#[track_caller]
fn bpf(command: libc::c_int, attributes: &Attributes) -> libc::c_int {
    // SAFETY: the attributes are whole for both commands, and `info` is null or a buffer of as many
    // bytes as they say, which lives across the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            &raw const *attributes,
            size_of::<Attributes>(),
        )
    };
    assert!(result >= 0, "bpf: {}", std::io::Error::last_os_error());
    result.try_into().expect("a small number")
}

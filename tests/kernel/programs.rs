//! The programs that a process holds in the kernel, by the kernel's own word: their names, their sizes
//! and maps, and the runs that it skipped because a program had interrupted itself.
//!
//! The ledger's `missed` is the sum over an observer's programs. How many facts of one kind can be
//! missing is known only of the one program that sees them, and only while its agent lives.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::str::FromStr;

use tapio_tests::bpf::{self, Command, address, pair};

/// Of `struct bpf_prog_info`, as far as it is read, and where its fields stand.
const INFO_BYTES: usize = 216;
const TRANSLATED_BYTES_AT: usize = 20;
const MAPS_AT: usize = 52;
const MAP_IDS_AT: usize = 56;
const NAME_AT: usize = 64;
const SKIPPED_AT: usize = 208;
/// The kernel cuts names there.
const NAME_BYTES_MAX: usize = 15;
const MAPS_MAX: u32 = 32;

/// One program, its name as far as the kernel keeps it.
#[derive(Debug)]
pub struct Held {
    name: String,
    pub translated_bytes: u32,
    /// Zero where the kernel, before 5.12, skips none.
    skipped: u64,
    maps: Vec<u32>,
}

impl Held {
    pub fn is(&self, program: &str) -> bool {
        self.name == program[..program.len().min(NAME_BYTES_MAX)]
    }
}

/// Those that the process has a descriptor of, or of their link.
#[track_caller]
pub fn held_by(pid: u32) -> Vec<Held> {
    let folder = format!("/proc/{pid}/fdinfo");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let ids: BTreeSet<u32> = entries
        .flatten()
        .filter_map(|entry| fs::read_to_string(entry.path()).ok())
        .filter_map(|text| number(&text, "prog_id:"))
        .collect();
    ids.into_iter().map(about).collect()
}

/// The skipped runs of the program of this name that the process holds.
#[track_caller]
pub fn skipped(pid: u32, program: &str) -> u64 {
    let held = held_by(pid);
    let mut named = held.iter().filter(|held| held.is(program));
    let (Some(held), None) = (named.next(), named.next()) else {
        panic!("process {pid} holds {program} once: {held:?}");
    };
    held.skipped
}

/// What the maps of these programs take of the kernel's memory, each map once.
#[track_caller]
pub fn map_bytes(held: &[Held]) -> u64 {
    let maps: BTreeSet<u32> = held.iter().flat_map(|held| held.maps.clone()).collect();
    let bytes = |id| -> u64 {
        let map = open(Command::MapById, id);
        let path = format!("/proc/self/fdinfo/{}", map.as_raw_fd());
        let text = fs::read_to_string(path).expect("our own descriptor");
        number(&text, "memlock:").expect("the kernel says it")
    };
    maps.into_iter().map(bytes).sum()
}

fn number<T: FromStr>(text: &str, key: &str) -> Option<T> {
    let value = text.lines().find_map(|line| line.strip_prefix(key))?;
    value.trim().parse().ok()
}

fn about(id: u32) -> Held {
    let program = open(Command::ProgramById, id);
    let mut ids = [0u32; MAPS_MAX as usize];
    let mut info = [0u8; INFO_BYTES];
    info[MAPS_AT..][..4].copy_from_slice(&MAPS_MAX.to_ne_bytes());
    let room = address(ids.as_mut_ptr());
    info[MAP_IDS_AT..][..8].copy_from_slice(&room.to_ne_bytes());
    let asked = [
        pair(
            program.as_raw_fd().unsigned_abs(),
            u32::try_from(INFO_BYTES).expect("small"),
        ),
        address(info.as_mut_ptr()),
    ];
    // SAFETY: `info` has as many bytes as is said, and `ids` room for as many as stands in it; both
    // live across the call.
    unsafe { bpf::call(Command::InfoByFd, &asked) }.expect("what the program is");
    let u32_at = |at: usize| u32::from_ne_bytes(info[at..at + 4].try_into().expect("four"));
    let name = info[NAME_AT..].split(|byte| *byte == 0).next();
    let skipped = info[SKIPPED_AT..].try_into().expect("eight");
    let maps = u32_at(MAPS_AT);
    assert!(maps <= MAPS_MAX, "{maps} maps of one program");
    Held {
        name: String::from_utf8_lossy(name.unwrap_or_default()).into_owned(),
        translated_bytes: u32_at(TRANSLATED_BYTES_AT),
        skipped: u64::from_ne_bytes(skipped),
        maps: ids[..maps as usize].to_vec(),
    }
}

#[track_caller]
fn open(command: Command, id: u32) -> OwnedFd {
    // SAFETY: there is no address among the words, and both commands answer with a descriptor.
    unsafe { bpf::open(command, &[pair(id, 0)]) }.expect("the id is the kernel's")
}

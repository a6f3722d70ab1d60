//! Programs that are measured beside the agent's: what measuring costs, and what a hash costs.
//!
//! An empty one returns at once. One with a hash keeps something by pointer from the first of two
//! moments to the second, which is the least that an observer of connections or requests can do.

use std::ffi::CStr;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use tapio_tests::bpf::{self, Command, address, pair};

const TYPE_HASH: u32 = 1;
const TYPE_RAW_TRACEPOINT: u32 = 17;

/// As many, and as large, as the observers keep.
const ENTRIES: u32 = 16_384;
const VALUE_WORDS: i32 = 8;

const SYN_SENT: i32 = 2;
const CLOSE: i32 = 7;
const UPDATE: i32 = 2;
const DELETE: i32 = 3;

/// Time spent and runs made.
#[derive(Default, Clone, Copy)]
pub struct Runs {
    pub nanos: u64,
    pub count: u64,
}

/// When a program with a hash does what, by the first argument of its hook.
#[derive(Clone, Copy)]
pub enum Keeping {
    /// From the state `SYN_SENT`, the third argument, to `CLOSE`.
    WhileConnected,
    From,
    Until,
}

/// A map that programs share.
pub struct Hash(OwnedFd);

impl Hash {
    pub fn new() -> io::Result<Self> {
        let create = [
            pair(TYPE_HASH, 8),
            pair(8 * VALUE_WORDS.unsigned_abs(), ENTRIES),
        ];
        // SAFETY: there is no address among the words, and a map comes as a descriptor.
        unsafe { bpf::open(Command::MapCreate, &create) }.map(Self)
    }
}

/// A program on one hook.
pub struct Beside {
    program: OwnedFd,
    _link: OwnedFd,
}

impl Beside {
    /// Returns at once.
    pub fn empty(hook: &CStr) -> io::Result<Self> {
        Self::attach(hook, &leave())
    }

    pub fn keeping(hook: &CStr, keeping: Keeping, hash: &Hash) -> io::Result<Self> {
        let mut program = begin(hash.0.as_raw_fd());
        match keeping {
            Keeping::WhileConnected => {
                program.push(instruction(0x79, 7, 6, 16, 0)); // r7 = the third argument
                program.push(instruction(0x55, 7, 0, 3, SYN_SENT)); // if not, past the next three
                program.extend(call(UPDATE));
                program.push(instruction(0x55, 7, 0, 1, CLOSE));
                program.extend(&call(DELETE)[..1]);
                program.extend(leave());
            }
            Keeping::From => program.extend(call(UPDATE)),
            Keeping::Until => program.extend(call(DELETE)),
        }
        Self::attach(hook, &program)
    }

    fn attach(hook: &CStr, program: &[u64]) -> io::Result<Self> {
        let count = u32::try_from(program.len()).map_err(io::Error::other)?;
        let load = [
            pair(TYPE_RAW_TRACEPOINT, count),
            address(program.as_ptr()),
            address(c"GPL".as_ptr()),
        ];
        // SAFETY: the program has as many instructions as is said, the licence ends with a NUL, both
        // live across the call, and a program comes as a descriptor.
        let program = unsafe { bpf::open(Command::ProgramLoad, &load) }?;
        let open = [
            address(hook.as_ptr()),
            pair(program.as_raw_fd().unsigned_abs(), 0),
        ];
        // SAFETY: the name ends with a NUL and lives across the call, and a link comes as a descriptor.
        let link = unsafe { bpf::open(Command::RawTracepointOpen, &open) }?;
        Ok(Self {
            program,
            _link: link,
        })
    }

    pub fn runs(&self) -> io::Result<Runs> {
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", self.program.as_raw_fd()))?;
        let field = |name: &str| {
            let mut lines = info.lines();
            lines.find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
        };
        Ok(Runs {
            nanos: field("run_time_ns:").unwrap_or(0),
            count: field("run_cnt:").unwrap_or(0),
        })
    }
}

/// The first argument becomes the key, nothing the value, and r1 to r4 what a call wants.
fn begin(hash: i32) -> Vec<u64> {
    let mut program = vec![
        instruction(0xbf, 6, 1, 0, 0),   // r6 = the arguments
        instruction(0x79, 2, 6, 0, 0),   // r2 = the first
        instruction(0x7b, 10, 2, -8, 0), // the key, on the stack
    ];
    let words = (1..=VALUE_WORDS).filter_map(|word| i16::try_from(word + 1).ok());
    program.extend(words.map(|word| instruction(0x7a, 10, 0, -8 * word, 0)));
    program.extend([
        instruction(0x18, 1, 1, 0, hash), // r1 = the map
        0,
        instruction(0xbf, 2, 10, 0, 0),
        instruction(0x07, 2, 0, 0, -8),
        instruction(0xbf, 3, 10, 0, 0),
        instruction(0x07, 3, 0, 0, -8 - VALUE_WORDS * 8),
        instruction(0xb7, 4, 0, 0, 0),
    ]);
    program
}

fn call(helper: i32) -> [u64; 3] {
    let [zero, exit] = leave();
    [instruction(0x85, 0, 0, 0, helper), zero, exit]
}

fn leave() -> [u64; 2] {
    [instruction(0xb7, 0, 0, 0, 0), instruction(0x95, 0, 0, 0, 0)]
}

fn instruction(code: u8, to: u8, from: u8, offset: i16, value: i32) -> u64 {
    let [o0, o1] = offset.to_ne_bytes();
    let [v0, v1, v2, v3] = value.to_ne_bytes();
    u64::from_ne_bytes([code, from << 4 | to, o0, o1, v0, v1, v2, v3])
}

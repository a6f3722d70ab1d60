//! Config on its way into the kernel: two slots in mapped memory, and an index stored last.
//!
//! A program reads the index once and then that slot alone, so it sees one config or the other,
//! never half of each. Works without any capability.

use std::sync::atomic::Ordering;

use tapio_common::abi::shared::ABI_VERSION;

use super::mapped::Mapped;

/// 32-bit numbers before the first slot: the index and the version.
const HEAD: usize = 2;

/// The whole of a control block, of which `config_bytes` is the size of one slot.
pub(super) const fn block_bytes(config_bytes: usize) -> usize {
    HEAD * 4 + 2 * config_bytes
}

/// One observer's config block. One thread at a time may store to it.
#[derive(Debug)]
pub struct Control {
    block: Mapped,
    slot_words: usize,
}

impl Control {
    /// `config_bytes` is the size of one slot.
    pub(super) fn new(block: Mapped, config_bytes: usize) -> Self {
        let control = Self {
            block,
            slot_words: config_bytes / 4,
        };
        control.block.halves()[1].store(u32::from(ABI_VERSION), Ordering::Relaxed);
        control
    }

    /// Puts a config in force; all zero is inert.
    pub fn store(&self, config: &[u8]) {
        let words = self.block.halves();
        let next = 1 - (words[0].load(Ordering::Relaxed) & 1);
        let from = HEAD + self.slot_words * usize::from(next == 1);
        let slot = &words[from..from + self.slot_words];
        for (word, bytes) in slot.iter().zip(config.chunks_exact(4)) {
            let bytes = [bytes[0], bytes[1], bytes[2], bytes[3]];
            word.store(u32::from_ne_bytes(bytes), Ordering::Relaxed);
        }
        words[0].store(next, Ordering::Release);
        wait_for_programs();
    }
}

/// Waits until every program that was running has ended, so that what it read may be changed.
/// A kernel or a seccomp profile that refuses leaves the window at the length of one program run.
pub(super) fn wait_for_programs() {
    const MEMBARRIER_CMD_GLOBAL: libc::c_int = 1;
    // SAFETY: the call takes no pointers.
    let done = unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) };
    if done != 0 {
        log::debug!("membarrier: {}", std::io::Error::last_os_error());
    }
}

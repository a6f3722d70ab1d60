//! Folds: what the kernel counted instead of sending, read for the closing records.
//!
//! Programs only ever add to a slot. `reported` is ours and says how many of the folded facts a
//! closing record has told of; the difference is the next record's count, so nothing is counted
//! twice and nothing is reset under a program's hands.

use std::mem::offset_of;
use std::sync::atomic::{AtomicU64, Ordering};

use tapio_common::abi::Plain;
use tapio_common::abi::network::{DESTINATION_SLOTS, Destination, DestinationSlot};
use tapio_common::abi::shared::{CgroupRef, FOLD_SLOTS, FoldSlot};
use tapio_common::catalogue::{Anomaly, Observer};

use super::mapped::Mapped;

const WORDS: usize = size_of::<FoldSlot>() / 8;
const DESTINATION_WORDS: usize = size_of::<DestinationSlot>() / 8;
/// A destination's slot begins with its fold.
const _: () = assert!(offset_of!(DestinationSlot, fold) == 0);

/// What a closing record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fold {
    pub anomaly: Anomaly,
    /// `None` in the root of every hierarchy, where nothing is named.
    pub cgroup: Option<CgroupRef>,
    pub count: u64,
    pub first_boot_ns: u64,
    pub last_boot_ns: u64,
    /// What all of them were about, if they were folded by destination.
    pub destination: Option<Destination>,
}

/// The slots of one observer. One thread at a time may take from them.
#[derive(Debug)]
pub struct Folds {
    observer: Observer,
    slots: Mapped,
    /// Of the observer that folds by destination; numbered on from `FOLD_SLOTS`.
    destinations: Option<Mapped>,
}

impl Folds {
    pub(super) fn new(observer: Observer, slots: Mapped, destinations: Option<Mapped>) -> Self {
        Self {
            observer,
            slots,
            destinations,
        }
    }

    /// Every slot there is, for a sweep.
    pub fn slots(&self) -> impl Iterator<Item = u32> + use<> {
        match self.destinations {
            Some(_) => 0..FOLD_SLOTS + DESTINATION_SLOTS,
            None => 0..FOLD_SLOTS,
        }
    }

    /// What a slot folded since it was last taken; `None` if nothing.
    pub fn take(&self, slot: u32) -> Option<Fold> {
        let words = self.words_of(slot)?;
        let at = |offset: usize| words[offset / 8].load(Ordering::Acquire);
        let folded = at(offset_of!(FoldSlot, folded));
        let reported = at(offset_of!(FoldSlot, reported));
        let count = folded.checked_sub(reported).filter(|count| *count > 0)?;
        let (owner, hierarchy) = halves(at(offset_of!(FoldSlot, owner)));
        let row = usize::try_from(owner).ok()?.checked_sub(1)?;
        let fold = Fold {
            anomaly: self.observer.anomalies().nth(row)?,
            cgroup: CgroupRef {
                id: at(offset_of!(FoldSlot, cgroup_id)),
                hierarchy: u8::try_from(hierarchy).ok()?,
                reserved: [0; 7],
            }
            .named(),
            count,
            first_boot_ns: at(offset_of!(FoldSlot, first_ns)),
            last_boot_ns: at(offset_of!(FoldSlot, last_ns)),
            destination: destination_in(words),
        };
        words[offset_of!(FoldSlot, reported) / 8].store(folded, Ordering::Release);
        Some(fold)
    }

    fn words_of(&self, slot: u32) -> Option<&[AtomicU64]> {
        let (slots, at, words) = match slot.checked_sub(FOLD_SLOTS) {
            None => (&self.slots, slot, WORDS),
            Some(at) => (self.destinations.as_ref()?, at, DESTINATION_WORDS),
        };
        let from = usize::try_from(at).ok()? * words;
        slots.words().get(from..from + words)
    }
}

/// What stands behind a fold, if the slot is a destination's.
fn destination_in(words: &[AtomicU64]) -> Option<Destination> {
    let at = offset_of!(DestinationSlot, destination) / 8;
    let behind = words.get(at..at + size_of::<Destination>() / 8)?;
    let bytes: Vec<u8> = behind
        .iter()
        .flat_map(|word| word.load(Ordering::Acquire).to_ne_bytes())
        .collect();
    Destination::from_bytes(&bytes)
}

/// The two 32-bit fields that share a word, in the order they stand in memory.
fn halves(word: u64) -> (u32, u32) {
    let bytes = word.to_ne_bytes();
    let half =
        |at: usize| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    (half(0), half(4))
}

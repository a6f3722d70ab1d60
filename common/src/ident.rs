//! Occurrence ids: 26-character ULIDs, ordered by the moment in the kernel.
//!
//! The first 48 bits are milliseconds since 1970, the other 80 come from a random start that the
//! caller hands in once per run and that counts up, so that two ids of one run never collide and
//! no clock or random source is touched here.

use std::fmt;

/// Crockford's alphabet: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Characters of an id in text.
pub const ULID_LEN: usize = 26;

const RANDOM_BITS: u32 = 80;
const RANDOM_MASK: u128 = (1 << RANDOM_BITS) - 1;
const MILLIS_MASK: u64 = (1 << 48) - 1;

/// One id, 128 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ulid(u128);

impl Ulid {
    pub fn from_text(text: &str) -> Option<Self> {
        if text.len() != ULID_LEN {
            return None;
        }
        let mut value: u128 = 0;
        for (at, byte) in text.bytes().enumerate() {
            let digit = ALPHABET.iter().position(|known| *known == byte)?;
            if at == 0 && digit > 7 {
                return None; // 26 digits of five bits are 130: the first may hold only three
            }
            value = (value << 5) | digit as u128;
        }
        Some(Self(value))
    }

    pub fn unix_millis(self) -> u64 {
        (self.0 >> RANDOM_BITS) as u64
    }

    /// The 26 characters, all ASCII.
    pub fn text(self) -> [u8; ULID_LEN] {
        let mut text = [0u8; ULID_LEN];
        for (at, slot) in text.iter_mut().rev().enumerate() {
            *slot = ALPHABET[(self.0 >> (5 * at)) as usize & 31];
        }
        text
    }
}

impl fmt::Display for Ulid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(std::str::from_utf8(&self.text()).map_err(|_| fmt::Error)?)
    }
}

/// Hands out the ids of one agent run.
#[derive(Debug)]
pub struct UlidSource {
    next_random: u128,
}

impl UlidSource {
    /// `seed` is ten random bytes, fresh for every run.
    pub fn new(seed: [u8; 10]) -> Self {
        let mut wide = [0u8; 16];
        wide[6..].copy_from_slice(&seed);
        Self {
            next_random: u128::from_be_bytes(wide),
        }
    }

    pub fn next(&mut self, unix_nanos: u64) -> Ulid {
        let millis = (unix_nanos / 1_000_000) & MILLIS_MASK;
        let id = (u128::from(millis) << RANDOM_BITS) | self.next_random;
        self.next_random = (self.next_random + 1) & RANDOM_MASK;
        Ulid(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let mut source = UlidSource::new([0xff; 10]);
        let id = source.next(1_479_000_000_123_456_789);
        assert_eq!(id.to_string().len(), ULID_LEN);
        assert_eq!(Ulid::from_text(&id.to_string()), Some(id));
        assert_eq!(id.unix_millis(), 1_479_000_000_123);
    }

    #[test]
    fn known_text() {
        let id = Ulid(1);
        assert_eq!(id.to_string(), "00000000000000000000000001");
        assert_eq!(Ulid(u128::MAX).to_string(), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
        assert_eq!(Ulid::from_text("8ZZZZZZZZZZZZZZZZZZZZZZZZZ"), None);
        assert_eq!(Ulid::from_text("0000000000000000000000000U"), None);
    }

    #[test]
    fn ids_of_one_run_differ_even_when_the_counter_wraps() {
        let mut source = UlidSource::new([0xff; 10]);
        let first = source.next(5_000_000);
        let second = source.next(5_000_000);
        assert_ne!(first, second);
        assert_eq!(second.unix_millis(), 5);
    }
}

//! Between the units of people and those of the kernel programs.

pub const NANOS_PER_MS: u64 = 1_000_000;
pub const MICROS_PER_MS: u32 = 1_000;
pub const PERMILLE_PER_PCT: f64 = 10.0;
pub const MILLI_PER_ONE: f64 = 1_000.0;

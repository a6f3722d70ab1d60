//! The share of a ring that one cgroup may have.

use tapio_common::abi::shared;

/// How many facts of one type a cgroup may emit: `per_second` on average, `burst` at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FairShare {
    /// Zero switches folding off.
    pub per_second: u32,
    pub burst: u32,
}

impl FairShare {
    pub const OFF: Self = Self {
        per_second: 0,
        burst: 0,
    };

    /// As the programs take it: time between facts, and how far ahead of it one may run.
    pub(super) fn compiled(self) -> shared::FairShare {
        let interval_ns = match self.per_second {
            0 => 0,
            rate => 1_000_000_000 / u64::from(rate),
        };
        shared::FairShare {
            interval_ns,
            burst_ns: interval_ns * u64::from(self.burst.saturating_sub(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_becomes_time_between_facts() {
        let share = FairShare {
            per_second: 200,
            burst: 1_000,
        };
        assert_eq!(share.compiled().interval_ns, 5_000_000);
        assert_eq!(share.compiled().burst_ns, 999 * 5_000_000);
        assert_eq!(FairShare::OFF.compiled().interval_ns, 0);
    }
}

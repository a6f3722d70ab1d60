//! Numbers that look random and are the same for the same seed, so that a run can be had again.

/// SplitMix64: one addition and three mixes, good enough to spread a fleet.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to and without 1.
    pub fn fraction(&mut self) -> f64 {
        let [a, b, c, d, ..] = self.next().to_ne_bytes();
        f64::from(u32::from_ne_bytes([a, b, c, d])) / 4_294_967_296.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_fill_the_range_evenly_and_come_again_for_the_same_seed() {
        let mut chance = Chance::new(7);
        let drawn: Vec<f64> = (0..10_000).map(|_| chance.fraction()).collect();
        assert!(drawn.iter().all(|drawn| (0.0..1.0).contains(drawn)));
        for tenth in 0..10 {
            let (from, to) = (f64::from(tenth) / 10.0, f64::from(tenth + 1) / 10.0);
            let inside = drawn.iter().filter(|drawn| (from..to).contains(drawn));
            assert!((850..1_150).contains(&inside.count()), "{from}");
        }
        assert_eq!(Chance::new(7).fraction(), drawn[0]);
    }
}

//! The middle of a few, and the ranks of many.

/// The middle value; of an even number, the lower of the two in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values
        .get(values.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or(f64::NAN)
}

/// The value that `permille` of a thousand do not exceed.
pub fn rank<T: Ord + Copy + Default>(values: &mut [T], permille: usize) -> T {
    values.sort_unstable();
    let at = (values.len() * permille).div_ceil(1000).saturating_sub(1);
    values.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_ranks() {
        assert_eq!(median(vec![5.0, 1.0, 3.0]), 3.0);
        assert_eq!(median(vec![2.0, 1.0]), 1.0);
        assert!(median(vec![]).is_nan());
        let mut values: Vec<u32> = (1..=1000).rev().collect();
        assert_eq!(
            (
                rank(&mut values, 500),
                rank(&mut values, 990),
                rank(&mut values, 1000)
            ),
            (500, 990, 1000)
        );
        assert_eq!(rank::<u32>(&mut [], 990), 0);
    }
}

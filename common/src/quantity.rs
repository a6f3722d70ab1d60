//! Quantities as people write them in flags: `90s`, `14d`, `16MiB`.
//!
//! One reading for every binary. A number alone is the basic unit, seconds or bytes.

use std::time::Duration;

const TIME_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

const SIZE_UNITS: [(&str, u64); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// `500ms`, `90s`, `30m`, `24h`, `14d`, or plain seconds.
pub fn duration(text: &str) -> Option<Duration> {
    scaled(text, &TIME_UNITS, 1_000).map(Duration::from_millis)
}

/// `4096`, `64KiB`, `16MiB`, `2GiB`.
pub fn bytes(text: &str) -> Option<u64> {
    scaled(text, &SIZE_UNITS, 1)
}

fn scaled(text: &str, units: &[(&str, u64)], plain: u64) -> Option<u64> {
    let digits_len = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, unit) = text.split_at(digits_len);
    let scale = match unit {
        "" => plain,
        named => units.iter().find(|(name, _)| *name == named)?.1,
    };
    digits.parse::<u64>().ok()?.checked_mul(scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, millis) in [
            ("0", 0),
            ("7", 7_000),
            ("500ms", 500),
            ("90s", 90_000),
            ("5m", 300_000),
            ("24h", 86_400_000),
            ("14d", 1_209_600_000),
        ] {
            assert_eq!(
                duration(text),
                Some(Duration::from_millis(millis)),
                "{text}"
            );
        }
        for text in [
            "",
            "s",
            "1.5h",
            "-1s",
            "1 s",
            "1S",
            "5min",
            "99999999999999999d",
            "+3s",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, size) in [
            ("4096", 4_096),
            ("64KiB", 65_536),
            ("16MiB", 1 << 24),
            ("2GiB", 1 << 31),
        ] {
            assert_eq!(bytes(text), Some(size), "{text}");
        }
        for text in ["", "16MB", "16M", "1e3", "16 MiB", "99999999999GiB"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}

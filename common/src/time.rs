//! Time as text and as numbers: RFC 3339 in UTC with nanoseconds, and the hour of an event.
//!
//! Pure arithmetic over nanoseconds since 1970; nobody here asks a clock. Years 1970 to 2554 (the
//! range of a u64), no leap seconds, as in the kernel.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub const NANOS_PER_SECOND: u64 = 1_000_000_000;
pub const NANOS_PER_HOUR: u64 = 3_600 * NANOS_PER_SECOND;
const SECONDS_PER_DAY: u64 = 86_400;

/// A moment, in nanoseconds since 1970, that prints as RFC 3339 with nine digits and `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

/// The calendar parts of a moment in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar {
    pub year: u64,
    pub month: u64,
    pub day: u64,
    pub hour: u64,
    pub minute: u64,
    pub second: u64,
    pub nanos: u64,
}

impl Timestamp {
    pub fn calendar(self) -> Calendar {
        let seconds = self.0 / NANOS_PER_SECOND;
        let (year, month, day) = civil_from_days(seconds / SECONDS_PER_DAY);
        let of_day = seconds % SECONDS_PER_DAY;
        Calendar {
            year,
            month,
            day,
            hour: of_day / 3_600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
            nanos: self.0 % NANOS_PER_SECOND,
        }
    }

    /// Reads `2026-11-21T10:00:00[.fraction](Z|±hh:mm)`; `None` for anything else.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() < 20 || !matches!(bytes[10], b'T' | b't' | b' ') {
            return None;
        }
        let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
        if separators.iter().any(|(at, byte)| bytes[*at] != *byte) {
            return None;
        }
        let (year, month, day) = (
            digits(text, 0, 4)?,
            digits(text, 5, 2)?,
            digits(text, 8, 2)?,
        );
        let (hour, minute, second) = (
            digits(text, 11, 2)?,
            digits(text, 14, 2)?,
            digits(text, 17, 2)?,
        );
        let in_range = (1970..=2554).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        if !in_range {
            return None;
        }
        let (nanos, zone_at) = fraction(text, 19)?;
        let local = days_from_civil(year, month, day) * SECONDS_PER_DAY
            + hour * 3_600
            + minute * 60
            + second;
        let seconds = i64::try_from(local)
            .ok()?
            .checked_sub(offset_seconds(text, zone_at)?)?;
        u64::try_from(seconds)
            .ok()?
            .checked_mul(NANOS_PER_SECOND)?
            .checked_add(nanos)
            .map(Self)
    }
}

/// Characters of a moment in text.
pub const TIMESTAMP_LEN: usize = 30;

impl Timestamp {
    /// The 30 characters, all ASCII.
    pub fn text(self) -> [u8; TIMESTAMP_LEN] {
        let at = self.calendar();
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        for (value, from, to) in [
            (at.year, 0, 4),
            (at.month, 5, 7),
            (at.day, 8, 10),
            (at.hour, 11, 13),
            (at.minute, 14, 16),
            (at.second, 17, 19),
            (at.nanos, 20, 29),
        ] {
            let mut rest = value;
            for slot in text[from..to].iter_mut().rev() {
                *slot = b'0' + (rest % 10).to_le_bytes()[0];
                rest /= 10;
            }
        }
        text
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(std::str::from_utf8(&self.text()).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_rfc3339(&text)
            .ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &"an RFC 3339 moment"))
    }
}

/// One reading of both clocks, handed to whoever needs the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    pub wall: Timestamp,
    /// Since boot, suspend included: never steps, and what the kernel stamps records with.
    pub boot_nanos: u64,
}

impl Now {
    /// The wall time of a boot-time stamp, by the difference of the clocks at this reading.
    pub fn wall_of(self, boot_nanos: u64) -> Timestamp {
        let booted_at = self.wall.0.saturating_sub(self.boot_nanos);
        Timestamp(booted_at.saturating_add(boot_nanos))
    }
}

fn digits(text: &str, from: usize, len: usize) -> Option<u64> {
    let part = text.get(from..from + len)?;
    if !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    part.parse().ok()
}

/// The optional `.123` at `from`, as nanoseconds, and where the zone begins.
fn fraction(text: &str, from: usize) -> Option<(u64, usize)> {
    if text.as_bytes().get(from) != Some(&b'.') {
        return Some((0, from));
    }
    let len = text[from + 1..]
        .bytes()
        .take_while(u8::is_ascii_digit)
        .count();
    if len == 0 || len > 9 {
        return None;
    }
    let scale = 10u64.pow(u32::try_from(9 - len).ok()?);
    Some((digits(text, from + 1, len)? * scale, from + 1 + len))
}

fn offset_seconds(text: &str, from: usize) -> Option<i64> {
    let zone = text.get(from..)?;
    let sign = match zone.as_bytes() {
        [b'Z' | b'z'] => return Some(0),
        [b'+', _, _, b':', _, _] => 1,
        [b'-', _, _, b':', _, _] => -1,
        _ => return None,
    };
    let (hours, minutes) = (digits(zone, 1, 2)?, digits(zone, 4, 2)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    Some(sign * i64::try_from(hours * 3_600 + minutes * 60).ok()?)
}

fn is_leap(year: u64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 of a date; years are counted from March so that the leap day comes last.
fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let of_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_from_the_first_to_the_last() {
        for (nanos, text) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (
                951_782_400 * NANOS_PER_SECOND,
                "2000-02-29T00:00:00.000000000Z",
            ),
            (1_795_258_799_999_999_999, "2026-11-21T10:59:59.999999999Z"),
            (u64::MAX, "2554-07-21T23:34:33.709551615Z"),
        ] {
            assert_eq!(Timestamp(nanos).to_string(), text);
            assert_eq!(Timestamp::from_rfc3339(text), Some(Timestamp(nanos)));
        }
        let past_the_last = "2554-07-21T23:34:33.709551616Z";
        assert_eq!(Timestamp::from_rfc3339(past_the_last), None);
    }

    #[test]
    fn what_is_printed_is_read_back() {
        for day in 0..80_000 {
            let moment = Timestamp(day * SECONDS_PER_DAY * NANOS_PER_SECOND + 123_456_789);
            assert_eq!(Timestamp::from_rfc3339(&moment.to_string()), Some(moment));
        }
    }

    #[test]
    fn a_boot_stamp_is_converted_by_the_reading_it_came_with() {
        let now = Now {
            wall: Timestamp(1_000_000),
            boot_nanos: 400,
        };
        assert_eq!(now.wall_of(400), Timestamp(1_000_000));
        assert_eq!(now.wall_of(100), Timestamp(999_700));
        assert_eq!(now.wall_of(500), Timestamp(1_000_100));
    }

    #[test]
    fn offsets_fractions_and_nonsense() {
        let at = |text| Timestamp::from_rfc3339(text).map(|moment| moment.0);
        assert_eq!(at("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(at("1970-01-01T00:00:00.5Z"), Some(500_000_000));
        assert_eq!(at("1969-12-31T23:00:00-01:00"), None);
        assert_eq!(at("1970-01-01T00:00:00+01:00"), None);
        for bad in [
            "",
            "2026-02-29T00:00:00Z",
            "2026-01-01",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00.Z",
            "2026-1-01T00:00:00Zx",
            "2026-01-01T00:00:0éZ",
            "+026-01-01T00:00:00Z",
        ] {
            assert_eq!(at(bad), None, "{bad}");
        }
    }
}

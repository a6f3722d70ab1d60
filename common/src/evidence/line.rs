//! What the directory needs to know of a line without reading all of it: when it happened.
//!
//! The agent writes `{"id":"…26…","timestamp":"…30…",` and the moment stands at a fixed place; a
//! line that another hand has formatted is parsed instead. Filters that look at facts parse in any
//! case; this is for those that only want to know whether a line is of their time.

use serde::Deserialize;

use crate::ident::ULID_LEN;
use crate::time::{TIMESTAMP_LEN, Timestamp};

/// No line is longer, so that no damage makes a reader take the whole file for one.
pub const LINE_BYTES_MAX: usize = 1 << 20;

const BEFORE_ID: &[u8] = b"{\"id\":\"";
const BEFORE_MOMENT: &[u8] = b"\",\"timestamp\":\"";
const MOMENT_AT: usize = BEFORE_ID.len() + ULID_LEN + BEFORE_MOMENT.len();

/// When the occurrence of this line happened; `None` if the line is no occurrence.
///
/// Only the start of the line is looked at where it has the agent's own shape.
pub fn moment_of(line: &[u8]) -> Option<Timestamp> {
    moment_in_place(line).or_else(|| moment_parsed(line))
}

fn moment_in_place(line: &[u8]) -> Option<Timestamp> {
    let rest = line.strip_prefix(BEFORE_ID)?.get(ULID_LEN..)?;
    rest.strip_prefix(BEFORE_MOMENT)?;
    let text = line.get(MOMENT_AT..MOMENT_AT + TIMESTAMP_LEN)?;
    if line.get(MOMENT_AT + TIMESTAMP_LEN) != Some(&b'"') {
        return None;
    }
    Timestamp::from_rfc3339(std::str::from_utf8(text).ok()?)
}

fn moment_parsed(line: &[u8]) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct OnlyMoment {
        timestamp: Timestamp,
    }
    serde_json::from_slice::<OnlyMoment>(line)
        .ok()
        .map(|found| found.timestamp)
}

/// Whether the line is a whole occurrence as far as the directory cares: one JSON object with a
/// moment. Used where a crash may have left something else.
pub fn is_whole(line: &[u8]) -> bool {
    line.last() == Some(&b'\n') && moment_parsed(line).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Anomaly, Outcome, Severity};
    use crate::ident::UlidSource;
    use crate::occurrence::{Head, write_line};

    fn written(at: Timestamp) -> Vec<u8> {
        let mut line = Vec::new();
        let head = Head {
            id: UlidSource::new([7; 10]).next(at.0),
            at,
            anomaly: Anomaly::OomKill,
            severity: Severity::Critical,
            outcome: Outcome::Failure,
            error: None,
            node: "edge-7",
        };
        write_line(&mut line, &head, |facts| facts.u64("pid", 7u32));
        line
    }

    #[test]
    fn the_agents_own_line_is_read_in_place() {
        let at = Timestamp(1_795_258_799_999_999_999);
        assert_eq!(moment_in_place(&written(at)), Some(at));
        assert!(is_whole(&written(at)));
    }

    #[test]
    fn a_line_of_another_shape_is_parsed() {
        let line = b" { \"timestamp\" : \"1970-01-01T00:00:01Z\", \"id\": \"x\" }\n";
        assert_eq!(moment_in_place(line), None);
        assert_eq!(moment_of(line), Some(Timestamp(1_000_000_000)));
    }

    #[test]
    fn a_cut_line_is_not_whole_wherever_it_is_cut() {
        let line = written(Timestamp(5));
        for len in 0..line.len() {
            assert!(!is_whole(&line[..len]), "{len} bytes");
        }
        let mut zeroed = line.clone();
        let len = zeroed.len();
        zeroed[len - 9..len - 1].fill(0);
        assert!(!is_whole(&zeroed));
    }

    #[test]
    fn what_is_no_occurrence_has_no_moment() {
        for line in [
            &b""[..],
            b"\n",
            b"[]\n",
            b"{}\n",
            b"\0\0\0\n",
            b"{\"timestamp\":5}\n",
        ] {
            assert_eq!(moment_of(line), None);
        }
    }
}

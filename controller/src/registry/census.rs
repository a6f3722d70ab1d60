//! How many agents run which config, by the hash they report: a bounded set of labels.
//!
//! Counted as heartbeats come, so that asking costs nothing. A hash that is no hash, or one too
//! many, is counted under [`OTHER`]; the hash that is served now always finds a place.

/// Labels that agents alone can bring about, and labels at all.
const REPORTED_MAX: usize = 16;
const LABELS_MAX: usize = 32;

/// The label of everything that has none of its own.
pub const OTHER: &str = "other";

/// Under which label an agent is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ballot(u8);

impl Ballot {
    const OTHER: Self = Self(u8::MAX);
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Label {
    hash: Box<str>,
    agents: u64,
}

#[derive(Debug, Clone, Default)]
pub struct Census {
    labels: Vec<Label>,
    other: u64,
}

impl Census {
    /// Counts an agent that reports `hash` and was counted under `before`.
    pub fn count(&mut self, before: Option<Ballot>, hash: &str, served: &str) -> Ballot {
        if let Some(ballot) = before {
            if self
                .labels
                .get(usize::from(ballot.0))
                .is_some_and(|label| *label.hash == *hash)
            {
                return ballot;
            }
            self.leave(ballot);
        }
        let ballot = self.ballot_for(hash, served);
        match self.labels.get_mut(usize::from(ballot.0)) {
            Some(label) => label.agents += 1,
            None => self.other += 1,
        }
        ballot
    }

    /// An agent is forgotten.
    pub fn leave(&mut self, ballot: Ballot) {
        match self.labels.get_mut(usize::from(ballot.0)) {
            Some(label) => label.agents = label.agents.saturating_sub(1),
            None => self.other = self.other.saturating_sub(1),
        }
    }

    /// Each label with its agents, the rest last.
    pub fn rows(&self) -> impl Iterator<Item = (&str, u64)> {
        self.labels
            .iter()
            .filter(|label| label.agents > 0)
            .map(|label| (&*label.hash, label.agents))
            .chain((self.other > 0).then_some((OTHER, self.other)))
    }

    fn ballot_for(&mut self, hash: &str, served: &str) -> Ballot {
        if !is_hash(hash) {
            return Ballot::OTHER;
        }
        let known = self.labels.iter().position(|label| *label.hash == *hash);
        let place = known.or_else(|| self.place_for(hash, served));
        place
            .and_then(|place| u8::try_from(place).ok())
            .map_or(Ballot::OTHER, Ballot)
    }

    /// A label nobody is counted under any more, or a new one where there is room.
    fn place_for(&mut self, hash: &str, served: &str) -> Option<usize> {
        let label = Label {
            hash: hash.into(),
            agents: 0,
        };
        if let Some(free) = self.labels.iter().position(|label| label.agents == 0) {
            self.labels[free] = label;
            return Some(free);
        }
        let room = if hash == served {
            LABELS_MAX
        } else {
            REPORTED_MAX
        };
        (self.labels.len() < room).then(|| {
            self.labels.push(label);
            self.labels.len() - 1
        })
    }
}

/// Empty is what an agent reports before any config.
fn is_hash(text: &str) -> bool {
    let hex = |digits: &str| {
        digits.len() == 64
            && digits
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    text.is_empty() || text.strip_prefix("sha256:").is_some_and(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: usize) -> String {
        format!("sha256:{number:064x}")
    }

    #[test]
    fn agents_move_between_labels_and_leave() {
        let mut census = Census::default();
        let first = census.count(None, "", "");
        let second = census.count(None, "", "");
        let second = census.count(Some(second), &hash(1), "");
        assert_eq!(census.count(Some(second), &hash(1), ""), second);
        let wanted = hash(1);
        assert_eq!(
            census.rows().collect::<Vec<_>>(),
            [("", 1), (wanted.as_str(), 1)]
        );
        census.leave(first);
        census.leave(second);
        assert_eq!(census.rows().count(), 0);
    }

    #[test]
    fn what_is_no_hash_has_no_label() {
        let mut census = Census::default();
        for junk in ["sha256:", "sha256:XYZ", &hash(1)[1..], "\"} 1\n"] {
            census.count(None, junk, "");
        }
        assert_eq!(census.rows().collect::<Vec<_>>(), [(OTHER, 4)]);
    }

    #[test]
    fn labels_are_bounded_and_the_served_hash_finds_a_place() {
        let mut census = Census::default();
        for number in 0..1_000 {
            census.count(None, &hash(number), "");
        }
        assert_eq!(census.rows().count(), REPORTED_MAX + 1);
        assert_eq!(census.rows().last(), Some((OTHER, 1_000 - 16)));
        let served = hash(5_000);
        census.count(None, &served, &served);
        assert!(census.rows().any(|row| row == (served.as_str(), 1)));
    }

    #[test]
    fn a_label_that_emptied_is_used_again() {
        let mut census = Census::default();
        let ballots: Vec<_> = (0..16)
            .map(|number| census.count(None, &hash(number), ""))
            .collect();
        census.leave(ballots[3]);
        let ballot = census.count(None, &hash(77), "");
        assert_eq!(ballot, ballots[3]);
        assert_eq!(census.rows().count(), 16);
    }
}

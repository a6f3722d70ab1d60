//! What the end of the copy says of batches that were taken before this process began.
//!
//! A controller that was killed between writing a batch and answering it is asked to take the very
//! batch again, and its registry is gone. The file is not: the last batch of each agent near its end
//! is learnt at the start, line by line as digests, and what of it is there already is not written
//! again. So the file may be moved away or removed. A pipe has no end to look at, and an agent whose
//! batch lies further back is taken at its word.

use std::collections::HashMap;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

use super::lines::BEGINNING;

/// How far back is looked: a minute of a fleet of ten thousand, or a quarter of a second of reading.
const RECALL_BYTES: u64 = 67_108_864;

/// The batches that may be sent again, each of another agent.
#[derive(Debug, Default)]
pub struct Recall {
    digester: RandomState,
    batches: HashMap<Box<[u8]>, Last>,
}

/// The lines with an agent's last opening, in their order. A batch that was cut by one kill and
/// ended after the next start may have those of others in between.
#[derive(Debug, Default)]
struct Last {
    opening: u64,
    lines: Vec<u64>,
}

impl Recall {
    pub fn of(path: &Path) -> io::Result<Self> {
        let mut recall = Self::default();
        let metadata = fs::metadata(path)?;
        if !metadata.is_file() {
            return Ok(recall);
        }
        let mut reader = BufReader::new(File::open(path)?);
        let from = metadata.len().saturating_sub(RECALL_BYTES);
        reader.seek(SeekFrom::Start(from))?;
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            recall.learn(&line);
            line.clear();
        }
        Ok(recall)
    }

    /// Half a line where the look back begins, or somebody else's, is none of a batch.
    fn learn(&mut self, line: &[u8]) {
        let Some(Opening { agent_id, whole }) = opening(line) else {
            return;
        };
        if !self.batches.contains_key(agent_id) {
            self.batches.insert(agent_id.into(), Last::default());
        }
        if let Some(last) = self.batches.get_mut(agent_id) {
            let opening = self.digester.hash_one(whole);
            if last.opening != opening {
                last.lines.clear();
            }
            last.opening = opening;
            last.lines.push(self.digester.hash_one(line));
        }
    }

    /// What of a batch is not in the file yet.
    pub fn unwritten<'a>(&self, lines: &'a [u8]) -> &'a [u8] {
        let written = self.written(lines).unwrap_or(0);
        lines.get(written..).unwrap_or_default()
    }

    /// Bytes of the lines with which this batch begins and the agent's last one ended.
    fn written(&self, lines: &[u8]) -> Option<usize> {
        let Opening { agent_id, whole } = opening(lines)?;
        let last = self.batches.get(agent_id)?;
        if last.opening != self.digester.hash_one(whole) {
            return None;
        }
        let given: Vec<&[u8]> = lines.split_inclusive(|byte| *byte == b'\n').collect();
        let digests = given.iter().map(|line| self.digester.hash_one(*line));
        let digests: Vec<u64> = digests.collect();
        let most = digests.len().min(last.lines.len());
        let count = (1..=most)
            .rev()
            .find(|count| last.lines.ends_with(&digests[..*count]))?;
        Some(given.iter().take(count).map(|line| line.len()).sum())
    }

    /// The agent has gone on: nothing before this batch comes again.
    pub fn forget(&mut self, lines: &[u8]) {
        if self.batches.is_empty() {
            return;
        }
        if let Some(Opening { agent_id, .. }) = opening(lines) {
            self.batches.remove(agent_id);
        }
        if self.batches.is_empty() {
            *self = Self::default();
        }
    }
}

/// How a line begins, which is the same for all of its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Opening<'a> {
    /// As it stands in the line, quotes and escapes included.
    agent_id: &'a [u8],
    /// Up to the sequence, which is the last that all have in common.
    whole: &'a [u8],
}

fn opening(line: &[u8]) -> Option<Opening<'_>> {
    let rest = line.strip_prefix(BEGINNING.as_bytes())?;
    let (agent_id, rest) = string(rest)?;
    let (_, rest) = string(rest.strip_prefix(b",\"node_name\":")?)?;
    let rest = rest.strip_prefix(b",\"sequence\":")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = line.len() - rest.len() + digits;
    Some(Opening {
        agent_id,
        whole: line.get(..whole)?,
    })
}

/// The string a text begins with, in its quotes, and what follows it.
fn string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut escaped = false;
    let inside = text.strip_prefix(b"\"")?;
    let end = inside.iter().position(|byte| {
        let closes = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        closes
    })?;
    text.split_at_checked(end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    fn lines(agent_id: &str, sequence: u64, events: usize) -> Vec<u8> {
        let line = |event| {
            format!(
                "{{\"agent_id\":\"{agent_id}\",\"node_name\":\"n\\\"\",\"sequence\":{sequence},\
                 \"type\":\"kernel.x\",\"facts\":{event}}}\n"
            )
        };
        (0..events).map(line).collect::<String>().into_bytes()
    }

    fn recall(name: &str, content: &[u8]) -> (Scratch, Recall) {
        let scratch = Scratch::new(name);
        let path = scratch.join("accepted.jsonl");
        std::fs::write(&path, content).unwrap();
        (scratch, Recall::of(&path).unwrap())
    }

    #[test]
    fn an_opening_is_read_up_to_the_sequence() {
        let line = &lines(r"a\\", 12, 1)[..];
        let found = opening(line).unwrap();
        assert_eq!(found.agent_id, br#""a\\""#);
        assert!(found.whole.ends_with(b"\"sequence\":12"));
        for bad in [
            "",
            "{}",
            r#"{"agent_id":"a"#,
            r#"{"agent_id":"a","sequence":1"#,
        ] {
            assert_eq!(opening(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn the_last_batch_of_each_agent_is_not_written_again() {
        let content = [
            lines("a", 1, 3),
            lines("b", 7, 2),
            lines("a", 2, 3),
            lines("a\\\"", 2, 1),
        ]
        .concat();
        let (_scratch, mut recall) = recall("recall-last", &content);
        for (agent_id, sequence, events) in [("a", 2, 3), ("b", 7, 2), ("a\\\"", 2, 1)] {
            let again = lines(agent_id, sequence, events);
            assert_eq!(recall.unwritten(&again), b"", "{agent_id}");
        }
        for (agent_id, sequence, events) in [("a", 1, 3), ("a", 3, 3), ("b", 7, 1), ("c", 1, 1)] {
            let other = lines(agent_id, sequence, events);
            assert_eq!(recall.unwritten(&other), other, "{agent_id} {sequence}");
        }
        recall.forget(&lines("a", 3, 1));
        let again = lines("a", 2, 3);
        assert_eq!(recall.unwritten(&again), again);
        assert_eq!(recall.unwritten(&lines("b", 7, 2)), b"");
    }

    #[test]
    fn of_a_batch_that_is_there_in_part_the_rest_is_written() {
        let batch = lines("a", 5, 4);
        let line = batch.len() / 4;
        let content = [lines("a", 4, 2), batch[..2 * line].to_vec()].concat();
        let (_scratch, recall) = recall("recall-part", &content);
        assert_eq!(recall.unwritten(&batch), &batch[2 * line..]);
        let mut other = batch;
        other[line - 3] = b'9';
        assert_eq!(
            recall.unwritten(&other),
            other,
            "other facts, another batch"
        );
    }

    #[test]
    fn a_batch_that_was_cut_and_ended_among_others_is_whole() {
        let batch = lines("a", 5, 4);
        let (begun, ended) = batch.split_at(batch.len() / 2);
        let content = [begun, &lines("b", 7, 2), ended, &lines("c", 1, 1)].concat();
        let (_scratch, recall) = recall("recall-twice", &content);
        assert_eq!(recall.unwritten(&batch), b"");
    }

    #[test]
    fn an_earlier_batch_of_the_same_number_is_no_part_of_the_last() {
        // As of an agent that begins at one with every run.
        let runs = ["kernel.1", "kernel.2"].map(|name| {
            let text = String::from_utf8(lines("a", 1, 3)).unwrap();
            text.replace("kernel.x", name).into_bytes()
        });
        let (_scratch, recall) = recall("recall-runs", &runs.concat());
        assert_eq!(recall.unwritten(&runs[1]), b"");
        assert_eq!(recall.unwritten(&runs[0]), runs[0]);
    }

    #[test]
    fn the_file_may_go() {
        let (scratch, recall) = recall("recall-gone", &lines("a", 1, 3));
        std::fs::remove_file(scratch.join("accepted.jsonl")).unwrap();
        assert_eq!(recall.unwritten(&lines("a", 1, 3)), b"");
    }

    #[test]
    fn what_is_no_line_of_ours_is_passed_over() {
        let content = [
            b"half a line\",\"sequence\":1}\n".to_vec(),
            lines("a", 1, 1),
            b"a remark\n".to_vec(),
            lines("a", 1, 1),
        ]
        .concat();
        let (_scratch, recall) = recall("recall-foreign", &content);
        assert_eq!(recall.unwritten(&lines("a", 1, 1)), b"");
        let two = lines("a", 1, 2);
        assert_eq!(recall.unwritten(&two), &two[two.len() / 2..]);
    }
}

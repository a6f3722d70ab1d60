//! What the end of the copy says of batches that were taken before this process began.
//!
//! A controller that was killed between writing a batch and answering it is asked to take the very
//! batch again, and its registry is gone. The file is not: the last batch of each agent near its end
//! is found at the start, and what of it is there already is not written again. A pipe has no end to
//! look at, and an agent whose batch lies further back is taken at its word.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// How far back is looked: a minute of a fleet of ten thousand, or a quarter of a second of reading.
const RECALL_BYTES: u64 = 67_108_864;

/// The batches that may be sent again, each of another agent.
#[derive(Debug, Default)]
pub struct Recall {
    file: Option<File>,
    batches: HashMap<Box<[u8]>, Extent>,
}

/// Where the lines of a batch are; the last of them may be missing.
#[derive(Debug, Clone, Copy)]
struct Extent {
    begin: u64,
    bytes: usize,
}

impl Recall {
    pub fn of(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(Self::default());
        }
        let mut at = metadata.len().saturating_sub(RECALL_BYTES);
        let mut reader = BufReader::new(&file);
        reader.seek(SeekFrom::Start(at))?;
        let mut batches: HashMap<Box<[u8]>, Extent> = HashMap::new();
        let mut current: Vec<u8> = Vec::new();
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            match opening(&line) {
                Some(Opening { agent_id, whole }) if current == whole => {
                    if let Some(extent) = batches.get_mut(agent_id) {
                        extent.bytes += line.len();
                    }
                }
                Some(Opening { agent_id, whole }) => {
                    let extent = Extent {
                        begin: at,
                        bytes: line.len(),
                    };
                    batches.insert(agent_id.into(), extent);
                    current = whole.to_vec();
                }
                // Half a line where the look back begins, or somebody else's.
                None => current.clear(),
            }
            at += u64::try_from(line.len()).map_err(io::Error::other)?;
            line.clear();
        }
        Ok(Self {
            file: Some(file),
            batches,
        })
    }

    /// What of a batch is not in the file yet.
    pub fn unwritten<'a>(&self, lines: &'a [u8]) -> &'a [u8] {
        let written = self.written(lines).unwrap_or(0);
        lines.get(written..).unwrap_or_default()
    }

    fn written(&self, lines: &[u8]) -> Option<usize> {
        let extent = self.batches.get(opening(lines)?.agent_id)?;
        let wanted = lines.get(..extent.bytes)?;
        let mut found = vec![0; extent.bytes];
        let file = self.file.as_ref()?;
        file.read_exact_at(&mut found, extent.begin).ok()?;
        (found == wanted).then_some(extent.bytes)
    }

    /// The agent has gone on: nothing before this batch comes again.
    pub fn forget(&mut self, lines: &[u8]) {
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
    let rest = line.strip_prefix(b"{\"agent_id\":")?;
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

//! Evidence carries no conclusions: which keys are refused in the facts of an event, and where.
//!
//! A key counts by its letters alone: underscores and letter case are set aside, so that snake
//! case, camel case and any mixture of them are one. Only whole keys count, never values.

use crate::error::ErrorCode;
use crate::json::{Fault, Reader, undo_escapes};

/// The refused keys, in lower case and without underscores.
const KEYS: [&[u8]; 9] = [
    b"reasoning",
    b"rootcause",
    b"causalchain",
    b"explanation",
    b"possiblecauses",
    b"suggestedfix",
    b"remediation",
    b"recommendation",
    b"whyitmatters",
];

/// Letters of the longest refused key.
const LETTERS_MAX: usize = 14;

/// For each letter that a refused key begins with, those it may end with, one bit each.
const ENDS: [u32; 26] = {
    let mut ends = [0; 26];
    let mut at = 0;
    while at < KEYS.len() {
        let word = KEYS[at];
        let (first, last) = (word[0] - b'a', word[word.len() - 1] - b'a');
        ends[first as usize] |= 1 << last;
        at += 1;
    }
    ends
};

/// Whether `key` claims to explain rather than to state.
#[inline]
pub fn is_reasoning_key(key: &str) -> bool {
    let (Some(first), Some(last)) = (key.bytes().next(), key.bytes().next_back()) else {
        return false;
    };
    if first != b'_' && last != b'_' {
        // Nearly every key of nearly every event leaves here.
        let letter = |byte: u8| (byte | 0x20).wrapping_sub(b'a');
        let ends = ENDS.get(usize::from(letter(first))).copied().unwrap_or(0);
        if ends.checked_shr(letter(last).into()).unwrap_or(0) & 1 == 0 {
            return false;
        }
    }
    spells_a_refused_key(key)
}

fn spells_a_refused_key(key: &str) -> bool {
    let mut spelt = [0u8; LETTERS_MAX];
    let mut len = 0;
    for byte in key.bytes().filter(|byte| *byte != b'_') {
        let Some(slot) = spelt.get_mut(len) else {
            return false;
        };
        *slot = byte.to_ascii_lowercase();
        len += 1;
    }
    KEYS.contains(&&spelt[..len])
}

/// Passes over one value of any kind and refuses the first reasoning key in it, at any depth.
pub(crate) fn pass_facts(reader: &mut Reader<'_>) -> Result<(), Fault> {
    let begin = reader.mark();
    let all_facts = reader.walk(|key, escaped| match escaped {
        false => !is_reasoning_key(key),
        true => !undo_escapes(key).is_ok_and(|key| is_reasoning_key(&key)),
    })?;
    if all_facts {
        return Ok(());
    }
    reader.back_to(begin);
    refuse(reader)
}

/// Reads the value again, to say where the key is that was met.
#[cold]
fn refuse(reader: &mut Reader<'_>) -> Result<(), Fault> {
    match reader.peek()? {
        b'{' => reader.object(|reader, key| {
            if is_reasoning_key(&key) {
                let what = "is a reasoning field: facts carry no conclusions";
                return Err(Fault::new(ErrorCode::ReasoningField, what).at_key(&key));
            }
            refuse(reader).map_err(|fault| fault.at_key(&key))
        }),
        b'[' => reader.array(|reader, _| refuse(reader)),
        _ => reader.skip(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys of the page in snake case and in camel case.
    fn page() -> Vec<(&'static str, &'static str)> {
        let lines = include_str!("../../tests/data/wire/reasoning-keys.tsv").lines();
        let keys: Vec<_> = lines.filter_map(|line| line.split_once('\t')).collect();
        assert_eq!(keys.len(), KEYS.len());
        keys
    }

    #[test]
    fn each_key_of_the_page_in_every_spelling() {
        for (key, camel) in page() {
            let spaced: String = key.chars().flat_map(|char| ['_', char, '_']).collect();
            for spelling in [
                key.to_owned(),
                key.to_uppercase(),
                camel.to_owned(),
                camel.to_uppercase(),
                camel[..1].to_uppercase() + &camel[1..],
                key.replace('_', ""),
                format!("_{key}"),
                format!("{key}__"),
                spaced,
            ] {
                assert!(is_reasoning_key(&spelling), "{spelling}");
            }
        }
    }

    #[test]
    fn a_key_that_is_nearly_one_is_none() {
        for (key, _) in page() {
            for other in [
                format!("{key}s"),
                format!("x{key}"),
                key[1..].to_owned(),
                key[..key.len() - 1].to_owned(),
                key.replacen('e', "ee", 1),
                format!("{key} "),
                key.replacen('o', "-o", 1).replacen('a', "-a", 1),
                format!("{key}\u{17f}"),
            ] {
                assert!(other == key || !is_reasoning_key(&other), "{other}");
            }
        }
        for key in [
            "",
            "_",
            "__",
            "r",
            "rg",
            "cause",
            "reason",
            "fix",
            "ſuggestedfix",
            "\u{212a}",
        ] {
            assert!(!is_reasoning_key(key), "{key}");
        }
    }
}

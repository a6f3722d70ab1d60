//! Evidence carries no conclusions: which keys are refused in the facts of an event, and where.
//!
//! A key counts by its letters alone: underscores and letter case are set aside, so that snake
//! case, camel case and any mixture of them are one. Only whole keys count, never values.

use crate::error::ErrorCode;
use crate::json::{Fault, Reader};

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

const KEY_BYTES_MAX: usize = 14;

/// Whether `key` claims to explain rather than to state.
pub fn is_reasoning_key(key: &str) -> bool {
    let mut letters = [0u8; KEY_BYTES_MAX];
    let mut len = 0;
    for byte in key.bytes().filter(|byte| *byte != b'_') {
        let Some(slot) = letters.get_mut(len) else {
            return false;
        };
        *slot = byte.to_ascii_lowercase();
        len += 1;
    }
    KEYS.contains(&&letters[..len])
}

/// Passes over one value of any kind and refuses the first reasoning key in it, at any depth.
pub(crate) fn pass_facts(reader: &mut Reader<'_>) -> Result<(), Fault> {
    match reader.peek()? {
        b'{' => reader.object(|reader, key| {
            if is_reasoning_key(&key) {
                let what = "is a reasoning field: facts carry no conclusions";
                return Err(Fault::new(ErrorCode::ReasoningField, what).at_key(&key));
            }
            pass_facts(reader).map_err(|fault| fault.at_key(&key))
        }),
        b'[' => reader.array(|reader, _| pass_facts(reader)),
        _ => reader.skip(),
    }
}

//! What a refusal looks like: one envelope, one code per cause, nothing of the inside.

use serde_json::Value;
use tapio_tests::http::Answer;

/// The status and the code of a refusal, as the standard's table pairs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub code: &'static str,
}

const fn refusal(status: u16, code: &'static str) -> Refusal {
    Refusal { status, code }
}

pub const MISSING: Refusal = refusal(400, "MISSING_FIELD");
pub const INVALID: Refusal = refusal(400, "INVALID_FIELD");
pub const MALFORMED: Refusal = refusal(400, "MALFORMED_JSON");
pub const VERSION: Refusal = refusal(400, "UNSUPPORTED_VERSION");
pub const TOO_LARGE: Refusal = refusal(413, "PAYLOAD_TOO_LARGE");
pub const REASONING: Refusal = refusal(422, "REASONING_FIELD");
pub const UNKNOWN: Refusal = refusal(404, "UNKNOWN_ENDPOINT");
pub const INTERNAL: Refusal = refusal(500, "INTERNAL_ERROR");

pub const ALL: [Refusal; 8] = [
    MISSING, INVALID, MALFORMED, VERSION, TOO_LARGE, REASONING, UNKNOWN, INTERNAL,
];

/// What no answer may carry: names of Rust types and crates, debug dumps, places in a file system.
const INSIDES: [&str; 34] = [
    "::",
    "struct ",
    "enum ",
    "variant ",
    "Some(",
    "Ok(",
    "Err(",
    "None",
    " { ",
    "Vec<",
    "Option<",
    "BTreeMap",
    "HashMap",
    "String",
    "&str",
    "u8",
    "u32",
    "i32",
    "u64",
    "i64",
    "usize",
    "f64",
    "serde",
    "tiny_http",
    "panicked",
    "unwrap",
    "backtrace",
    ".rs",
    "/tmp",
    "/home",
    "/usr",
    "/proc",
    "/dev",
    "os error",
];

/// The answer is this refusal, its message speaks of `mention`, and it tells nothing else.
///
/// # Panics
/// When it is not.
#[track_caller]
pub fn expect(answer: &Answer, wanted: Refusal, mention: &str) {
    let text = answer.text();
    let envelope = answer.json();
    let error = envelope["error"].as_object();
    let of_error = |key: &str| {
        error
            .and_then(|error| error.get(key))
            .and_then(Value::as_str)
    };
    let (code, message) = (of_error("code"), of_error("message"));
    assert_eq!(
        (answer.status, code),
        (wanted.status, Some(wanted.code)),
        "{text}"
    );
    let keys = (
        envelope.as_object().map(serde_json::Map::len),
        error.map(serde_json::Map::len),
    );
    assert_eq!(keys, (Some(1), Some(2)), "more than the envelope: {text}");
    let message = message.unwrap_or_default();
    assert!(!message.trim().is_empty(), "no message: {text}");
    assert!(message.contains(mention), "no word of {mention:?}: {text}");
    assert_eq!(
        answer
            .header("content-type")
            .map(|value| value.split(';').next()),
        Some(Some("application/json"))
    );
    for inside in INSIDES {
        assert!(
            !message.contains(inside),
            "{inside:?} is our inside: {text}"
        );
    }
    assert!(
        !message.chars().any(char::is_control),
        "a control character: {text:?}"
    );
}

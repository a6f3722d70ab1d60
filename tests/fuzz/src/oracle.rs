//! The page, read naively: every complaint that a body gives rise to, found on a whole tree and
//! without a thought for speed. It shares no code with the reader it judges.

use tapio_wire::ErrorCode;
use tapio_wire::limits::LEDGER_BYTES_MAX;

use super::tree::{self, Tree};

pub enum Shape {
    Version,
    /// A string; an identifier by the page's rule.
    Text,
    Kernel,
    U32,
    U64,
    Facts,
    List(&'static Shape),
    Map(&'static Shape, usize),
    /// Name, whether required, and shape.
    Object(&'static [(&'static str, Need, Shape)]),
    Events(&'static Shape),
}

impl Shape {
    fn is_text(&self) -> bool {
        matches!(self, Self::Version | Self::Text | Self::Kernel)
    }
}

#[derive(Clone, Copy, PartialEq)]
pub enum Need {
    Required,
    Defaulted,
    /// Null is as good as absent.
    Nullable,
}

use Need::{Defaulted, Nullable, Required};

pub const HELLO: Shape = Shape::Object(&[
    ("wire_version", Required, Shape::Version),
    ("agent_id", Required, Shape::Text),
    ("node_name", Required, Shape::Text),
    ("tapio_version", Required, Shape::Text),
    ("kernel_release", Required, Shape::Text),
    ("arch", Required, Shape::Text),
    ("capabilities", Defaulted, Shape::List(&Shape::Text)),
    ("object_sizes", Defaulted, Shape::Map(&Shape::U64, 0)),
    ("map_counts", Defaulted, Shape::Map(&Shape::U64, 0)),
    ("boot_id", Nullable, Shape::Text),
    ("next_sequence", Nullable, Shape::U64),
]);

const COUNTERS: Shape = Shape::Object(&[
    ("events_total", Required, Shape::U64),
    ("malformed_events_total", Required, Shape::U64),
    ("lost_events_total", Required, Shape::U64),
    ("correlation_drops_total", Required, Shape::U64),
    ("sink_drops_total", Required, Shape::U64),
    ("controller_send_failures_total", Required, Shape::U64),
]);

const TYPE_ROW: Shape = Shape::Object(&[
    ("seen", Defaulted, Shape::U64),
    ("summaries", Defaulted, Shape::U64),
    ("filtered", Defaulted, Shape::U64),
    ("aggregated", Defaulted, Shape::U64),
    ("ambiguous", Defaulted, Shape::U64),
    ("lost", Defaulted, Shape::U64),
    ("submitted", Defaulted, Shape::U64),
    ("received", Defaulted, Shape::U64),
    ("ignored", Defaulted, Shape::U64),
    ("queue_drops", Defaulted, Shape::U64),
    ("emitted", Defaulted, Shape::U64),
]);

const OBSERVER_ROW: Shape = Shape::Object(&[
    ("missed", Nullable, Shape::U64),
    ("in_ring", Defaulted, Shape::U64),
    ("malformed", Defaulted, Shape::U64),
]);

const SINK_ROW: Shape = Shape::Object(&[
    ("delivered", Defaulted, Shape::U64),
    ("earlier", Defaulted, Shape::U64),
    ("pending", Defaulted, Shape::U64),
    ("dropped", Defaulted, Shape::Map(&Shape::U64, 0)),
]);

const LEDGER: Shape = Shape::Object(&[
    ("format", Defaulted, Shape::U32),
    ("boot_id", Defaulted, Shape::Text),
    ("since_unix_nanos", Defaulted, Shape::U64),
    ("observers", Defaulted, Shape::Map(&OBSERVER_ROW, 0)),
    ("types", Defaulted, Shape::Map(&TYPE_ROW, 0)),
    ("sinks", Defaulted, Shape::Map(&SINK_ROW, 0)),
]);

const HEAD: Shape = Shape::Object(&[
    ("seal", Required, Shape::Text),
    ("sha256", Required, Shape::Text),
]);

const FAILURE: Shape = Shape::Object(&[
    ("config_hash", Required, Shape::Text),
    ("reason", Required, Shape::Text),
]);

pub const HEARTBEAT: Shape = Shape::Object(&[
    ("wire_version", Required, Shape::Version),
    ("agent_id", Required, Shape::Text),
    ("node_name", Required, Shape::Text),
    ("config_version", Required, Shape::Text),
    ("config_hash", Defaulted, Shape::Text),
    ("uptime_seconds", Required, Shape::U64),
    ("observers", Required, Shape::Map(&Shape::Text, 1)),
    ("counters", Required, COUNTERS),
    ("degraded_reasons", Defaulted, Shape::List(&Shape::Text)),
    ("ledger", Nullable, LEDGER),
    ("evidence_head", Nullable, HEAD),
    ("config_last_failed", Nullable, FAILURE),
    ("observer_reasons", Defaulted, Shape::Map(&Shape::Text, 0)),
]);

const EVENT: Shape = Shape::Object(&[
    ("type", Required, Shape::Kernel),
    ("timestamp_unix_nanos", Required, Shape::U64),
    ("observer", Required, Shape::Text),
    ("severity", Required, Shape::Text),
    ("facts", Required, Shape::Facts),
    ("id", Nullable, Shape::Text),
]);

pub const EVENTS: Shape = Shape::Object(&[
    ("wire_version", Required, Shape::Version),
    ("agent_id", Required, Shape::Text),
    ("node_name", Required, Shape::Text),
    ("sequence", Required, Shape::U64),
    ("sent_at_unix_nanos", Required, Shape::U64),
    ("events", Required, Shape::Events(&EVENT)),
]);

#[derive(Debug)]
pub enum Verdict {
    Accepted,
    Unsupported,
    /// Any of these complaints is right.
    Refused(Vec<ErrorCode>),
    NoJson,
    /// JSON that serde_json makes no tree of, or that a tree says too little about.
    CannotSay,
}

pub fn verdict(body: &[u8], shape: &Shape, events_max: u64) -> Verdict {
    if body.len() > LEDGER_BYTES_MAX {
        return Verdict::CannotSay; // a tree has lost how long the ledger was as sent
    }
    let Some(tree) = tree::parse(body) else {
        return if tree::is_json(body) {
            Verdict::CannotSay
        } else {
            Verdict::NoJson
        };
    };
    let mut codes = Vec::new();
    if tree.depth() > 64 {
        codes.push(ErrorCode::MalformedJson);
    }
    judge(&tree, shape, events_max, &mut codes);
    if codes.contains(&ErrorCode::UnsupportedVersion) {
        return Verdict::Unsupported;
    }
    match codes.is_empty() {
        true => Verdict::Accepted,
        false => Verdict::Refused(codes),
    }
}

fn judge(tree: &Tree, shape: &Shape, events_max: u64, codes: &mut Vec<ErrorCode>) {
    match (shape, tree) {
        (Shape::Version, Tree::Text(text)) if text == tapio_wire::WIRE_VERSION => {}
        (Shape::Version, Tree::Text(_)) => codes.push(ErrorCode::UnsupportedVersion),
        (Shape::Text, Tree::Text(text)) => judge_text(text, codes),
        (Shape::Kernel, Tree::Text(text)) => {
            judge_text(text, codes);
            if !text.starts_with("kernel.") {
                codes.push(ErrorCode::InvalidField);
            }
        }
        (Shape::U32, Tree::Whole(value)) if *value <= u64::from(u32::MAX) => {}
        (Shape::U64, Tree::Whole(_)) => {}
        (Shape::Facts, facts) => {
            if has_reasoning(facts) {
                codes.push(ErrorCode::ReasoningField);
            }
        }
        (Shape::List(of), Tree::List(items)) => {
            count(items.len(), 0, 128, codes);
            items
                .iter()
                .for_each(|item| judge(item, of, events_max, codes));
        }
        (Shape::Events(of), Tree::List(items)) => {
            let most = usize::try_from(events_max).unwrap_or(usize::MAX);
            count(items.len(), 1, most, codes);
            items
                .iter()
                .for_each(|item| judge(item, of, events_max, codes));
        }
        (Shape::Map(of, least), Tree::Map(entries)) => {
            count(entries.len(), *least, 128, codes);
            judge_repetitions(entries, |_| true, codes);
            for (key, value) in entries {
                judge_text(key, codes);
                judge(value, of, events_max, codes);
            }
        }
        (Shape::Object(fields), Tree::Map(entries)) => {
            judge_object(fields, entries, events_max, codes)
        }
        _ => codes.push(ErrorCode::MalformedJson),
    }
}

fn judge_object(
    fields: &[(&str, Need, Shape)],
    entries: &[(String, Tree)],
    events_max: u64,
    codes: &mut Vec<ErrorCode>,
) {
    judge_repetitions(
        entries,
        |key| fields.iter().any(|(name, _, _)| *name == key),
        codes,
    );
    for (name, need, shape) in fields {
        let given: Vec<&Tree> = entries
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value)
            .collect();
        if given.is_empty() && *need == Required {
            codes.push(ErrorCode::MissingField);
        }
        for value in given {
            match value {
                Tree::Null if *need == Nullable => {}
                Tree::Text(text) if *need == Required && shape.is_text() && is_blank(text) => {
                    codes.push(ErrorCode::MissingField);
                }
                value => judge(value, shape, events_max, codes),
            }
        }
    }
}

fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

fn judge_repetitions(
    entries: &[(String, Tree)],
    counts: impl Fn(&str) -> bool,
    codes: &mut Vec<ErrorCode>,
) {
    for (at, (key, _)) in entries.iter().enumerate() {
        if counts(key) && entries[..at].iter().any(|(earlier, _)| earlier == key) {
            codes.push(ErrorCode::MalformedJson);
        }
    }
}

fn judge_text(text: &str, codes: &mut Vec<ErrorCode>) {
    if text.len() > 256 || text.chars().any(char::is_control) {
        codes.push(ErrorCode::InvalidField);
    }
}

fn count(len: usize, least: usize, most: usize, codes: &mut Vec<ErrorCode>) {
    if len < least || len > most {
        codes.push(ErrorCode::InvalidField);
    }
}

fn has_reasoning(tree: &Tree) -> bool {
    const KEYS: &str = include_str!("../../data/wire/reasoning-keys.tsv");
    let words = || KEYS.lines().flat_map(|line| line.split('\t'));
    let letters = |text: &str| text.replace('_', "").to_ascii_lowercase();
    match tree {
        Tree::List(items) => items.iter().any(has_reasoning),
        Tree::Map(entries) => entries.iter().any(|(key, value)| {
            words().any(|word| letters(word) == letters(key)) || has_reasoning(value)
        }),
        Tree::Null | Tree::Bool(_) | Tree::Whole(_) | Tree::Other(_) | Tree::Text(_) => false,
    }
}

/// Both parameters of a config query, or nothing if it must be refused.
pub fn query(query: &str) -> Option<(String, String)> {
    let mut pairs = Vec::new();
    for part in query.split('&') {
        let (key, value) = part.split_at(part.find('=').unwrap_or(part.len()));
        let value = value.strip_prefix('=').unwrap_or("");
        if let Some(key) = unescape(key) {
            pairs.push((key, unescape(value)));
        }
    }
    let one = |name: &str| {
        let given: Vec<_> = pairs.iter().filter(|(key, _)| key == name).collect();
        match given.as_slice() {
            [(_, Some(value))] => {
                let mut codes = Vec::new();
                judge_text(value, &mut codes);
                (codes.is_empty() && !value.trim().is_empty()).then(|| value.clone())
            }
            _ => None,
        }
    };
    Some((one("agent_id")?, one("node_name")?))
}

/// By splitting at the escapes, where the parser goes byte by byte.
fn unescape(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or("").as_bytes().to_vec();
    for part in parts {
        let hex = part
            .get(..2)
            .filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

//! JSON in which every known name is a byte or two: the form in which text is kept that only has to
//! be echoed, because a hundred thousand ledgers are mostly the same names.
//!
//! A control character never stands in JSON as it is, so the first thirty-two bytes are free to be
//! codes. What is not known stays as it is. Packed text lives in memory alone; the codes may change
//! with every build.

/// A code of two bytes begins with this one.
const LONG: u8 = 0x1f;
/// Codes of one byte: from 1 up to `LONG`.
const SHORT_CODES: usize = 30;

macro_rules! vocabulary {
    ($($word:literal)+) => {
        const WORDS: &[&str] = &[$($word),+];
        const NAMES: &[Name] = &[$(Name::of(concat!("\"", $word, "\":").as_bytes())),+];
    };
}

// The most frequent first: the short codes are theirs.
vocabulary! {
    "seen" "summaries" "filtered" "aggregated" "ambiguous" "lost" "submitted" "received" "ignored"
    "queue_drops" "emitted" "network" "storage" "container" "node" "missed" "in_ring" "malformed"
    "delivered" "pending" "dropped" "queue_full" "file" "controller" "stdout" "http" "otlp"
    "format" "boot_id" "since_unix_nanos" "observers" "types" "sinks"
    "kernel.network.connection_refused" "kernel.network.connection_timeout"
    "kernel.network.connection_unreachable" "kernel.network.connection_reset"
    "kernel.network.connection_lost" "kernel.network.retransmit_spike"
    "kernel.network.rtt_degradation" "kernel.storage.io_error" "kernel.storage.latency_spike"
    "kernel.container.oom_kill" "kernel.container.abnormal_exit" "kernel.node.cpu_stall"
    "kernel.node.memory_pressure" "kernel.node.ipc_degradation"
    "reported_config_version" "reported_config_hash" "reported_counters" "degraded_reasons"
    "observer_reasons" "config_last_failed" "ledger" "evidence_head" "events_total"
    "malformed_events_total" "lost_events_total" "correlation_drops_total" "sink_drops_total"
    "controller_send_failures_total" "seal" "sha256" "earlier" "earlier_dropped"
}

/// The code of a known name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code(usize);

impl Code {
    /// For names of our own; one that the vocabulary lacks does not compile where it is a constant.
    pub(crate) const fn of(name: &str) -> Self {
        let mut at = 0;
        while !same(WORDS[at].as_bytes(), name.as_bytes()) {
            at += 1;
        }
        Self(at)
    }

    fn find(name: &str) -> Option<Self> {
        let at = usize::from(PLACES[place(name.as_bytes(), MIX)]);
        WORDS.get(at).filter(|word| **word == name)?;
        Some(Self(at))
    }

    /// Begins a member of an object.
    pub(crate) fn write(self, packed: &mut Vec<u8>) {
        let [.., low] = self.0.to_be_bytes();
        match self.0 < SHORT_CODES {
            true => packed.push(low + 1),
            false => packed.extend_from_slice(&[LONG, low]),
        }
    }
}

/// A word is found at the place that its length and three of its bytes make out, which it shares
/// with no other: a heartbeat has some fifty names to look up.
const PLACE_BITS: u32 = 9;
const NOBODY: u8 = u8::MAX;

const fn place(name: &[u8], mix: u32) -> usize {
    let [len, ..] = name.len().to_le_bytes();
    let (Some(first), Some(last)) = (name.first(), name.last()) else {
        return 0;
    };
    let key = u32::from_be_bytes([len, *first, name[name.len() / 2], *last]);
    (key.wrapping_mul(mix) >> (u32::BITS - PLACE_BITS)) as usize
}

/// The first factor that sets all words apart.
const MIX: u32 = {
    let mut mix = 0x9e37_79b1;
    while places(mix).is_none() {
        mix = 0x3c6e_f362_u32.wrapping_add(mix);
    }
    mix
};

static PLACES: [u8; 1 << PLACE_BITS] = places(MIX).expect("the factor is one that does");

/// Who is where; `None` where two want one place.
const fn places(mix: u32) -> Option<[u8; 1 << PLACE_BITS]> {
    let mut places = [NOBODY; 1 << PLACE_BITS];
    let mut at = 0;
    while at < WORDS.len() {
        let place = place(WORDS[at].as_bytes(), mix);
        if places[place] != NOBODY {
            return None;
        }
        let [low, ..] = at.to_le_bytes();
        places[place] = low;
        at += 1;
    }
    Some(places)
}

/// Begins a member whose name came from outside.
pub(crate) fn write_name(packed: &mut Vec<u8>, name: &str) {
    if let Some(code) = Code::find(name) {
        return code.write(packed);
    }
    if !matches!(packed.last(), None | Some(b'{')) {
        packed.push(b',');
    }
    write_text(packed, name);
    packed.push(b':');
}

/// A string with its quotes.
pub(crate) fn write_text(packed: &mut Vec<u8>, text: &str) {
    packed.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => packed.extend_from_slice(&[b'\\', byte]),
            0..=LONG => packed.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            plain => packed.push(plain),
        }
    }
    packed.push(b'"');
}

/// A known name as it stands in JSON, padded so that it is copied without asking how long it is.
struct Name {
    padded: [u8; NAME_ROOM],
    len: usize,
}

const NAME_ROOM: usize = 48;
/// Most names are short, and copying sixteen bytes takes two instructions.
const SHORT_NAME_ROOM: usize = 16;

impl Name {
    const fn of(json: &[u8]) -> Self {
        let mut padded = [0; NAME_ROOM];
        let mut at = 0;
        while at < json.len() {
            padded[at] = json[at];
            at += 1;
        }
        Self {
            padded,
            len: json.len(),
        }
    }
}

/// What is copied at once where nothing is known of what is copied.
const RUN: usize = 8;
const BLOCK: usize = 1_024;

/// Appends the JSON that `packed` stands for. Whole words are copied into a block whose tail is
/// overwritten by what follows: a fleet's status is a million of these steps.
pub(crate) fn unpack(packed: &[u8], json: &mut Vec<u8>) {
    let mut block = [0u8; BLOCK];
    let mut len = 0;
    let mut last = b'{';
    let mut rest = packed;
    while !rest.is_empty() {
        if len > BLOCK - RUN - 1 - NAME_ROOM {
            json.extend_from_slice(&block[..len]);
            len = 0;
        }
        let run = leading_run(rest);
        let plain = plain_bytes(run).min(rest.len());
        block[len..len + RUN].copy_from_slice(&run);
        len += plain;
        rest = &rest[plain..];
        if plain > 0 {
            last = run[plain - 1];
        }
        let Some((name, after)) = name_at(rest) else {
            if plain == 0 {
                break; // half a code, which nobody here writes
            }
            continue;
        };
        rest = after;
        if last != b'{' {
            block[len] = b',';
            len += 1;
        }
        if name.len <= SHORT_NAME_ROOM {
            block[len..len + SHORT_NAME_ROOM].copy_from_slice(&name.padded[..SHORT_NAME_ROOM]);
        } else {
            block[len..len + NAME_ROOM].copy_from_slice(&name.padded);
        }
        len += name.len;
        last = b':';
    }
    json.extend_from_slice(&block[..len]);
}

/// The next eight bytes; behind the end there are zeros.
fn leading_run(rest: &[u8]) -> [u8; RUN] {
    rest.first_chunk().copied().unwrap_or_else(|| {
        let mut run = [0; RUN];
        for (slot, byte) in run.iter_mut().zip(rest) {
            *slot = *byte;
        }
        run
    })
}

/// How many of them mean themselves, from the first on.
fn plain_bytes(run: [u8; RUN]) -> usize {
    const ONES: u64 = u64::MAX / 0xff;
    let word = u64::from_le_bytes(run);
    let codes = word.wrapping_sub(ONES * 0x20) & !word & (ONES << 7);
    (codes.trailing_zeros() / u8::BITS) as usize
}

/// The name whose code is next, and what follows it.
fn name_at(rest: &[u8]) -> Option<(&'static Name, &[u8])> {
    let (code, rest) = match rest {
        [LONG, code, rest @ ..] => (usize::from(*code), rest),
        [code @ 1..LONG, rest @ ..] => (usize::from(*code) - 1, rest),
        _ => return None,
    };
    NAMES.get(code).map(|name| (name, rest))
}

const _: () = assert!(WORDS.len() <= NOBODY as usize && SHORT_CODES < LONG as usize);

const fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use tapio_common::catalogue::{Anomaly, Observer};
    use tapio_common::ledger::TypeCounts;

    use super::*;

    fn unpacked(packed: &[u8]) -> String {
        let mut json = Vec::new();
        unpack(packed, &mut json);
        String::from_utf8(json).expect("JSON is UTF-8")
    }

    #[test]
    fn the_vocabulary_knows_what_every_ledger_says() {
        let observers = Observer::ALL.iter().map(|observer| observer.name());
        let anomalies = Anomaly::ALL.iter().map(|anomaly| anomaly.event_type());
        let counts = TypeCounts::default();
        let counters = counts.rows().map(|(name, _)| name);
        for name in observers.chain(anomalies).chain(counters) {
            assert!(Code::find(name).is_some(), "{name}");
        }
    }

    #[test]
    fn every_word_is_one_code_and_comes_back() {
        for (at, word) in WORDS.iter().enumerate() {
            assert_eq!(Code::find(word), Some(Code(at)), "{word} is there twice");
            let mut packed = b"{".to_vec();
            for value in *b"12" {
                write_name(&mut packed, word);
                packed.push(value);
            }
            packed.push(b'}');
            assert_eq!(unpacked(&packed), format!("{{\"{word}\":1,\"{word}\":2}}"));
            assert!(packed.len() <= 8);
        }
    }

    #[test]
    fn an_unknown_name_stays_as_it_is() {
        let mut packed = Vec::new();
        for name in ["a\"\u{1f}", "seen", "\u{1}", "é"] {
            write_name(&mut packed, name);
            packed.push(b'0');
        }
        assert_eq!(
            unpacked(&packed),
            r#""a\"\u001f":0,"seen":0,"\u0001":0,"é":0"#
        );
    }
}

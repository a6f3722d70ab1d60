//! Strings: finding their end, and undoing their escapes.

use std::borrow::Cow;

use super::{Fault, Reader};

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// A bit in every byte of `word` that is zero. Bytes above the first such one may be named
/// wrongly, so only the first counts.
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGH_BITS
}

/// Bytes from `from` on that mean themselves inside a string: up to a quote, a backslash or a
/// control character. Eight at a time, because most bytes of a batch are inside strings.
fn plain_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH_BITS;
        let special = control
            | zero_bytes(word ^ (ONES * b'"' as u64))
            | zero_bytes(word ^ (ONES * b'\\' as u64));
        if special != 0 {
            return at + (special.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let plain = |byte: &u8| *byte >= 0x20 && *byte != b'"' && *byte != b'\\';
    at + rest
        .iter()
        .position(|byte| !plain(byte))
        .unwrap_or(rest.len())
}

/// What a string says, given what stands between its quotes.
pub(crate) fn undo_escapes(between: &str) -> Result<String, Fault> {
    let quoted = format!("\"{between}\"");
    let mut reader = Reader::new(quoted.as_bytes())?;
    Ok(reader.string()?.into_owned())
}

impl<'a> Reader<'a> {
    /// A string of any content.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, Fault> {
        if self.peek()? != b'"' {
            return Err(Fault::malformed("must be a string"));
        }
        self.string_at_quote()
    }

    /// A string whose quote is next.
    #[inline]
    pub(super) fn string_at_quote(&mut self) -> Result<Cow<'a, str>, Fault> {
        let from = self.at + 1;
        let end = from + plain_len(self.bytes().get(from..).unwrap_or_default());
        self.at = end;
        if self.byte() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(&self.text[from..end]));
        }
        self.string_from(from).map(Cow::Owned)
    }

    /// The rest of a string that holds more than plain text, which begins at `from`.
    fn string_from(&mut self, from: usize) -> Result<String, Fault> {
        let mut built = self.text[from..self.at].to_owned();
        loop {
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(built);
                }
                Some(b'\\') => built.push(self.escape()?),
                Some(_) => return Err(self.broken("a raw control character in a string")),
                None => return Err(self.broken("a string without end")),
            }
            let from = self.at;
            self.at += plain_len(self.rest());
            built.push_str(&self.text[from..self.at]);
        }
    }

    /// Passes over a string whose quote is next, and says whether it holds an escape.
    pub(super) fn pass_string(&mut self) -> Result<bool, Fault> {
        self.at += 1;
        let mut escaped = false;
        loop {
            self.at += plain_len(self.rest());
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    self.escape()?;
                    escaped = true;
                }
                Some(_) => return Err(self.broken("a raw control character in a string")),
                None => return Err(self.broken("a string without end")),
            }
        }
    }

    /// The character an escape stands for; its backslash is next.
    fn escape(&mut self) -> Result<char, Fault> {
        let letter = self.bytes().get(self.at + 1).copied();
        self.at += 2;
        Ok(match letter {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            Some(_) | None => return Err(self.broken("an unknown escape in a string")),
        })
    }

    fn unicode_escape(&mut self) -> Result<char, Fault> {
        let first = self.hex4()?;
        let code = match first {
            0xD800..=0xDBFF if self.rest().starts_with(b"\\u") => {
                self.at += 2;
                match self.hex4()? {
                    second @ 0xDC00..=0xDFFF => {
                        0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)
                    }
                    _ => return Err(self.broken("half a surrogate pair in a string")),
                }
            }
            other => other,
        };
        char::from_u32(code).ok_or_else(|| self.broken("half a surrogate pair in a string"))
    }

    fn hex4(&mut self) -> Result<u32, Fault> {
        let digits = self.rest().first_chunk::<4>().copied().unwrap_or_default();
        let mut code = 0;
        for digit in digits {
            let value = char::from(digit)
                .to_digit(16)
                .ok_or_else(|| self.broken("an escape without four hex digits"))?;
            code = code << 4 | value;
        }
        self.at += 4;
        Ok(code)
    }
}

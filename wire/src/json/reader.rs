//! The reader itself: where it is, how deep, and how objects, arrays, numbers and flags are read.

use std::borrow::Cow;

use super::Fault;
use crate::limits::DEPTH_MAX;

/// Reads a body from its beginning to its end, once.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) depth: u32,
}

const _: () = assert!(
    DEPTH_MAX <= u64::BITS,
    "scanning keeps one bit for each level"
);

impl<'a> Reader<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(body).map_err(|_| Fault::malformed("is not UTF-8"))?;
        Ok(Self {
            text,
            at: 0,
            depth: 0,
        })
    }

    pub(super) fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes().get(self.at..).unwrap_or_default()
    }

    pub(super) fn byte(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    /// The next byte that is not white space; it is not taken.
    #[inline]
    pub(crate) fn peek(&mut self) -> Result<u8, Fault> {
        match self.byte() {
            Some(byte) if byte > b' ' => Ok(byte),
            Some(_) | None => self.peek_behind_white(),
        }
    }

    fn peek_behind_white(&mut self) -> Result<u8, Fault> {
        loop {
            match self.byte() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(byte) => return Ok(byte),
                None => return Err(self.broken("it ends too early")),
            }
        }
    }

    /// A complaint about the JSON itself rather than about a field.
    #[cold]
    pub(super) fn broken(&self, what: &'static str) -> Fault {
        Fault::malformed(format!("is not valid JSON at byte {}: {what}", self.at))
    }

    pub(super) fn open(&mut self) -> Result<(), Fault> {
        if self.depth == DEPTH_MAX {
            return Err(Fault::malformed(format!(
                "is nested deeper than {DEPTH_MAX} levels"
            )));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    pub(super) fn close(&mut self) {
        self.depth -= 1;
        self.at += 1;
    }

    #[inline]
    pub(super) fn colon(&mut self) -> Result<(), Fault> {
        if self.peek()? != b':' {
            return Err(self.broken("a colon was due"));
        }
        self.at += 1;
        Ok(())
    }

    /// After the last value: white space, and then nothing.
    pub(crate) fn end(&mut self) -> Result<(), Fault> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.at += 1;
        }
        match self.byte() {
            Some(_) => Err(self.broken("something follows its end")),
            None => Ok(()),
        }
    }

    /// An object; `each` is called with every key and must read or skip its value.
    pub(crate) fn object(
        &mut self,
        mut each: impl FnMut(&mut Self, Cow<'a, str>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if self.peek()? != b'{' {
            return Err(Fault::malformed("must be an object"));
        }
        self.open()?;
        if self.peek()? == b'}' {
            self.close();
            return Ok(());
        }
        loop {
            if self.peek()? != b'"' {
                return Err(self.broken("a key was due"));
            }
            let key = self.string_at_quote()?;
            self.colon()?;
            each(self, key)?;
            if !self.item_follows(b'}')? {
                return Ok(());
            }
        }
    }

    /// An array; `each` is called with every index and must read or skip the value.
    pub(crate) fn array(
        &mut self,
        mut each: impl FnMut(&mut Self, usize) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if self.peek()? != b'[' {
            return Err(Fault::malformed("must be an array"));
        }
        self.open()?;
        if self.peek()? == b']' {
            self.close();
            return Ok(());
        }
        for index in 0.. {
            each(self, index).map_err(|fault| fault.at_index(index))?;
            if !self.item_follows(b']')? {
                break;
            }
        }
        Ok(())
    }

    /// Takes the comma, or what closes the object or array.
    #[inline]
    fn item_follows(&mut self, closing: u8) -> Result<bool, Fault> {
        match self.peek()? {
            b',' => {
                self.at += 1;
                Ok(true)
            }
            byte if byte == closing => {
                self.close();
                Ok(false)
            }
            _ => Err(self.broken("a comma or a closing bracket was due")),
        }
    }

    /// The text of the value that `pass` passes over, as it stands.
    pub(crate) fn raw(
        &mut self,
        pass: impl FnOnce(&mut Self) -> Result<(), Fault>,
    ) -> Result<&'a str, Fault> {
        self.peek()?;
        let from = self.at;
        pass(self)?;
        Ok(&self.text[from..self.at])
    }

    /// Where the reader is, to come back to.
    pub(crate) fn mark(&self) -> (usize, u32) {
        (self.at, self.depth)
    }

    pub(crate) fn back_to(&mut self, (at, depth): (usize, u32)) {
        (self.at, self.depth) = (at, depth);
    }

    pub(crate) fn take_null(&mut self) -> Result<bool, Fault> {
        let is_null = self.peek()? == b'n';
        if is_null {
            self.word("null")?;
        }
        Ok(is_null)
    }

    pub(crate) fn bool(&mut self) -> Result<bool, Fault> {
        match self.peek()? {
            b't' => self.word("true").map(|()| true),
            b'f' => self.word("false").map(|()| false),
            _ => Err(Fault::malformed("must be true or false")),
        }
    }

    /// Takes `true`, `false` or `null`, of which the first letter is next.
    pub(super) fn word(&mut self, word: &'static str) -> Result<(), Fault> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.broken("a value was due"));
        }
        self.at += word.len();
        Ok(())
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Fault> {
        self.peek()?;
        let value = self.whole().and_then(|digits| digits.parse().ok());
        value.ok_or_else(|| wanted(U64_RANGE))
    }

    /// The digits of a u64.
    pub(crate) fn u64_digits(&mut self) -> Result<&'a str, Fault> {
        self.peek()?;
        let fits = |digits: &&str| digits.len() <= U64_DIGITS_SAFE || digits.parse::<u64>().is_ok();
        self.whole().filter(fits).ok_or_else(|| wanted(U64_RANGE))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Fault> {
        self.peek()?;
        let value = self.whole().and_then(|digits| digits.parse().ok());
        value.ok_or_else(|| wanted("0 to 4294967295"))
    }

    pub(crate) fn i32(&mut self) -> Result<i32, Fault> {
        let is_negative = self.peek()? == b'-';
        self.at += usize::from(is_negative);
        let sign = if is_negative { -1 } else { 1 };
        self.whole()
            .and_then(|digits| digits.parse::<i64>().ok())
            .and_then(|value| i32::try_from(sign * value).ok())
            .ok_or_else(|| wanted("-2147483648 to 2147483647"))
    }

    /// A number without sign, fraction or exponent; nothing if it is another value.
    fn whole(&mut self) -> Option<&'a str> {
        let from = self.at;
        let len = self
            .rest()
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        self.at += len;
        let digits = &self.text[from..self.at];
        let is_whole = len == 1 || (len > 1 && !digits.starts_with('0'));
        let is_all = !matches!(self.byte(), Some(b'.' | b'e' | b'E'));
        (is_whole && is_all).then_some(digits)
    }
}

const U64_RANGE: &str = "0 to 18446744073709551615";
/// So many digits are in range whatever they are.
const U64_DIGITS_SAFE: usize = 19;

fn wanted(range: &'static str) -> Fault {
    Fault::malformed(format!("must be a whole number from {range}"))
}

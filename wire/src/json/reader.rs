//! The reader itself: where it is, how deep, and how objects, arrays, numbers and flags are read.

use std::borrow::Cow;
use std::str::FromStr;

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
    pub(crate) fn peek(&mut self) -> Result<u8, Fault> {
        loop {
            match self.byte() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(byte) => return Ok(byte),
                None => return Err(self.broken("it ends too early")),
            }
        }
    }

    /// A complaint about the JSON itself rather than about a field.
    pub(super) fn broken(&self, what: &'static str) -> Fault {
        Fault::malformed(format!("is not valid JSON at byte {}: {what}", self.at))
    }

    /// Takes the byte that a value of the wanted kind begins with.
    pub(super) fn expect_kind(&mut self, first: u8, wanted: &'static str) -> Result<(), Fault> {
        if self.peek()? != first {
            return Err(Fault::malformed(wanted));
        }
        self.at += 1;
        Ok(())
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

    pub(super) fn colon(&mut self) -> Result<(), Fault> {
        if self.peek()? != b':' {
            return Err(self.broken("a colon was due"));
        }
        self.at += 1;
        Ok(())
    }

    /// After the last value: white space, and then nothing.
    pub(crate) fn end(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Ok(_) => Err(self.broken("something follows its end")),
            Err(_) => Ok(()),
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
            let key = self.string()?;
            self.colon()?;
            each(self, key)?;
            if self.item_follows(b'}')? {
                continue;
            }
            return Ok(());
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

    pub(crate) fn take_null(&mut self) -> Result<bool, Fault> {
        let null = self.peek()? == b'n' && self.rest().starts_with(b"null");
        if null {
            self.at += b"null".len();
        }
        Ok(null)
    }

    pub(crate) fn bool(&mut self) -> Result<bool, Fault> {
        self.peek()?;
        for (word, value) in [("true", true), ("false", false)] {
            if self.rest().starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(Fault::malformed("must be true or false"))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Fault> {
        self.number("must be a whole number from 0 to 18446744073709551615")
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Fault> {
        self.number("must be a whole number from 0 to 4294967295")
    }

    pub(crate) fn i32(&mut self) -> Result<i32, Fault> {
        self.number("must be a whole number from -2147483648 to 2147483647")
    }

    /// Fractions and exponents are not whole numbers, whatever their value.
    fn number<T: FromStr>(&mut self, wanted: &'static str) -> Result<T, Fault> {
        let (b'-' | b'0'..=b'9') = self.peek()? else {
            return Err(Fault::malformed(wanted));
        };
        let from = self.at;
        self.pass_scalar()?;
        self.text[from..self.at]
            .parse()
            .map_err(|_| Fault::malformed(wanted))
    }
}

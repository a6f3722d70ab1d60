//! Reading a head byte by byte: a table says of each where it may stand.

use super::BadHead;

/// Why reading stopped before the end of the head.
pub(super) enum Stop {
    /// The bytes are used up.
    Partial,
    Bad(BadHead),
}

impl From<BadHead> for Stop {
    fn from(bad: BadHead) -> Self {
        Self::Bad(bad)
    }
}

/// Where a byte may stand: in a method or a header's name, in a target, in a header's value.
pub(super) const TOKEN: u8 = 1;
pub(super) const GRAPHIC: u8 = 2;
const VALUE: u8 = 4;

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let graphic = byte > 0x20 && byte < 0x7f;
        let separator = matches!(
            byte as u8,
            b'(' | b')'
                | b'<'
                | b'>'
                | b'@'
                | b','
                | b';'
                | b':'
                | b'\\'
                | b'"'
                | b'/'
                | b'['
                | b']'
                | b'?'
                | b'='
                | b'{'
                | b'}'
        );
        if graphic {
            classes[byte] |= GRAPHIC;
        }
        if graphic && !separator {
            classes[byte] |= TOKEN;
        }
        if graphic || byte == 0x20 || byte == 0x09 || byte >= 0x80 {
            classes[byte] |= VALUE;
        }
        byte += 1;
    }
    classes
};

pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How much was read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn peek(&self) -> Result<u8, Stop> {
        self.bytes.get(self.at).copied().ok_or(Stop::Partial)
    }

    pub(super) fn take(&mut self, wanted: u8, otherwise: BadHead) -> Result<(), Stop> {
        if self.peek()? != wanted {
            return Err(otherwise.into());
        }
        self.at += 1;
        Ok(())
    }

    /// Bytes of a class, as many as there are.
    fn run(&mut self, class: u8) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let belongs = |byte: &u8| CLASSES[usize::from(*byte)] & class != 0;
        let len = rest.iter().position(|byte| !belongs(byte));
        let run = rest.get(..len.unwrap_or(rest.len())).unwrap_or_default();
        self.at += run.len();
        run
    }

    /// At least one byte of a class, and what ends the word.
    pub(super) fn word(
        &mut self,
        class: u8,
        end: u8,
        otherwise: BadHead,
    ) -> Result<&'a [u8], Stop> {
        let word = self.run(class);
        self.take(end, otherwise)?;
        if word.is_empty() {
            return Err(otherwise.into());
        }
        Ok(word)
    }

    /// The rest of a header line; it may be empty.
    pub(super) fn value(&mut self) -> Result<&'a [u8], Stop> {
        let value = self.run(VALUE);
        self.take(b'\r', BadHead::Header)?;
        self.take(b'\n', BadHead::Header)?;
        Ok(value)
    }
}

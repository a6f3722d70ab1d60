//! Passing over a value of any kind, to the letter of the grammar, without keeping any of it.
//!
//! Not recursive: a bit for each open object or array is all it remembers.

use super::{Fault, Reader};

impl<'a> Reader<'a> {
    /// Passes over one value.
    pub(crate) fn skip(&mut self) -> Result<(), Fault> {
        self.walk(|_, _| true).map(drop)
    }

    /// Passes over one value and shows every key in it, at any depth: what stands between its
    /// quotes, and whether that holds an escape. Stops with `false` at a key that is not `passed`.
    pub(crate) fn walk(
        &mut self,
        mut passed: impl FnMut(&'a str, bool) -> bool,
    ) -> Result<bool, Fault> {
        let floor = self.depth;
        let mut objects: u64 = 0; // one bit for each level, the innermost lowest
        'value: loop {
            match self.peek()? {
                b'{' => {
                    self.open()?;
                    objects = objects << 1 | 1;
                    if self.peek()? != b'}' {
                        if !self.pass_key(&mut passed)? {
                            return Ok(false);
                        }
                        continue 'value;
                    }
                    self.close();
                    objects >>= 1;
                }
                b'[' => {
                    self.open()?;
                    objects <<= 1;
                    if self.peek()? != b']' {
                        continue 'value;
                    }
                    self.close();
                    objects >>= 1;
                }
                b'"' => {
                    self.pass_string()?;
                }
                first => self.pass_scalar(first)?,
            }
            while self.depth != floor {
                let in_object = objects & 1 == 1;
                match self.peek()? {
                    b',' => {
                        self.at += 1;
                        if in_object && !self.pass_key(&mut passed)? {
                            return Ok(false);
                        }
                        continue 'value;
                    }
                    b'}' if in_object => self.close(),
                    b']' if !in_object => self.close(),
                    _ => return Err(self.broken("a comma or a closing bracket was due")),
                }
                objects >>= 1;
            }
            return Ok(true);
        }
    }

    #[inline]
    fn pass_key(&mut self, passed: &mut impl FnMut(&'a str, bool) -> bool) -> Result<bool, Fault> {
        if self.peek()? != b'"' {
            return Err(self.broken("a key was due"));
        }
        let from = self.at + 1;
        let escaped = self.pass_string()?;
        let go_on = passed(&self.text[from..self.at - 1], escaped);
        self.colon()?;
        Ok(go_on)
    }

    /// Passes over a number, `true`, `false` or `null`.
    fn pass_scalar(&mut self, first: u8) -> Result<(), Fault> {
        match first {
            b't' => return self.word("true"),
            b'f' => return self.word("false"),
            b'n' => return self.word("null"),
            _ => {}
        }
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            Some(_) | None => return Err(self.broken("a value was due")),
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Ok(())
    }

    fn some_digits(&mut self) -> Result<(), Fault> {
        match self.byte() {
            Some(b'0'..=b'9') => {
                self.digits();
                Ok(())
            }
            Some(_) | None => Err(self.broken("a digit was due")),
        }
    }

    fn digits(&mut self) {
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
    }
}

//! Passing over a value of any kind, to the letter of the grammar, without keeping any of it.
//!
//! Not recursive: a bit for each open object or array is all it remembers.

use super::{Fault, Reader};

impl Reader<'_> {
    /// Passes over one value.
    pub(crate) fn skip(&mut self) -> Result<(), Fault> {
        let floor = self.depth;
        let mut objects: u64 = 0; // one bit for each level, the innermost lowest
        'value: loop {
            match self.peek()? {
                b'{' => {
                    self.open()?;
                    objects = objects << 1 | 1;
                    if self.peek()? != b'}' {
                        self.pass_key()?;
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
                b'"' => self.pass_string()?,
                _ => self.pass_scalar()?,
            }
            while self.depth != floor {
                let in_object = objects & 1 == 1;
                match self.peek()? {
                    b',' => {
                        self.at += 1;
                        if in_object {
                            self.pass_key()?;
                        }
                        continue 'value;
                    }
                    b'}' if in_object => self.close(),
                    b']' if !in_object => self.close(),
                    _ => return Err(self.broken("a comma or a closing bracket was due")),
                }
                objects >>= 1;
            }
            return Ok(());
        }
    }

    fn pass_key(&mut self) -> Result<(), Fault> {
        if self.peek()? != b'"' {
            return Err(self.broken("a key was due"));
        }
        self.pass_string()?;
        self.colon()
    }

    /// Passes over a number, `true`, `false` or `null`.
    pub(super) fn pass_scalar(&mut self) -> Result<(), Fault> {
        for word in ["true", "false", "null"] {
            if self.rest().starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(());
            }
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

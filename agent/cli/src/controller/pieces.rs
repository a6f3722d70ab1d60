//! Cuts a status into its agents and the rest while it comes in, by counting brackets.
//!
//! What a piece means is for its reader: here only strings and depth are known, and that the rows
//! are the objects of the array called `agents`.

use std::io::Read;

use super::Fault;

const BUFFER_BYTES: usize = 64 << 10;
const ROW_BYTES_MAX: usize = 1 << 20;
const HEAD_BYTES_MAX: usize = 256 << 10;
/// Of a row: the whole is one deep, its array two.
const ROW_DEPTH: u32 = 3;
/// No longer key is looked for.
const KEY: &[u8] = b"agents";

pub struct Pieces<R> {
    input: R,
    buffer: Vec<u8>,
    /// How much of the buffer was read, and how much there is.
    at: usize,
    held: usize,
    depth: u32,
    is_in_string: bool,
    is_escaped: bool,
    is_in_agents: bool,
    /// The start of the last string one deep: a key, where an array follows.
    key: Vec<u8>,
    head: Vec<u8>,
    row: Vec<u8>,
}

impl<R: Read> Pieces<R> {
    pub fn new(input: R) -> Self {
        Self {
            input,
            buffer: vec![0; BUFFER_BYTES],
            at: 0,
            held: 0,
            depth: 0,
            is_in_string: false,
            is_escaped: false,
            is_in_agents: false,
            key: Vec::new(),
            head: Vec::new(),
            row: Vec::new(),
        }
    }

    /// Whether there is one more row; after the last, the head is whole.
    pub fn next_row(&mut self) -> Result<bool, Fault> {
        self.row.clear();
        loop {
            let byte = self.next_byte()?;
            let was_row = self.is_in_row();
            self.step(byte);
            let is_row = self.is_in_row();
            self.keep(byte, was_row || is_row)?;
            if was_row && !is_row {
                return Ok(true);
            }
            if self.depth == 0 && byte == b'}' && !self.is_in_string {
                return Ok(false);
            }
        }
    }

    fn next_byte(&mut self) -> Result<u8, Fault> {
        if self.at == self.held {
            self.at = 0;
            self.held = self.input.read(&mut self.buffer)?;
        }
        let byte = self.buffer[..self.held].get(self.at).ok_or(Fault::Cut)?;
        self.at += 1;
        Ok(*byte)
    }

    fn is_in_row(&self) -> bool {
        self.is_in_agents && self.depth >= ROW_DEPTH
    }

    fn step(&mut self, byte: u8) {
        if self.is_in_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.is_in_string = false,
                byte if self.depth == 1 && self.key.len() <= KEY.len() => self.key.push(byte),
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => {
                self.is_in_string = true;
                if self.depth == 1 {
                    self.key.clear();
                }
            }
            b'{' | b'[' => {
                self.is_in_agents |= byte == b'[' && self.depth == 1 && self.key == KEY;
                self.depth += 1;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.is_in_agents &= self.depth > 1;
            }
            _ => {}
        }
    }

    fn keep(&mut self, byte: u8, is_of_row: bool) -> Result<(), Fault> {
        // Between rows there is nothing to keep but the brackets around all of them.
        let is_between = self.is_in_agents && !is_of_row && byte != b'[';
        let (piece, bytes_max) = match is_of_row {
            true => (&mut self.row, ROW_BYTES_MAX),
            false => (&mut self.head, HEAD_BYTES_MAX),
        };
        if piece.len() == bytes_max {
            return Err(Fault::TooLarge);
        }
        if !is_between {
            piece.push(byte);
        }
        Ok(())
    }

    pub fn row(&self) -> &[u8] {
        &self.row
    }

    pub fn head(&self) -> &[u8] {
        &self.head
    }

    pub fn into_head(self) -> Vec<u8> {
        self.head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows and the head, read in bites of so many bytes.
    fn cut(text: &str, bite: usize) -> Result<(Vec<String>, String), Fault> {
        let mut pieces = Pieces::new(text.as_bytes());
        pieces.buffer.truncate(bite);
        let mut rows = Vec::new();
        while pieces.next_row()? {
            rows.push(String::from_utf8(pieces.row().to_vec()).expect("text"));
        }
        let head = String::from_utf8(pieces.into_head()).expect("text");
        Ok((rows, head))
    }

    #[test]
    fn rows_come_whole_wherever_the_input_is_bitten() {
        let text = r#"{"a":[{"b":[1]}],"c":"agents", "agents":[ {"x":"}]\"","y":[{}]} ,{"x":1}],"z":{"agents":[{}]}} "#;
        for bite in 1..text.len() {
            let (rows, head) = cut(text, bite).expect("whole");
            assert_eq!(rows, [r#"{"x":"}]\"","y":[{}]}"#, r#"{"x":1}"#]);
            let without = r#"{"a":[{"b":[1]}],"c":"agents", "agents":[],"z":{"agents":[{}]}}"#;
            assert_eq!(head, without);
        }
    }

    #[test]
    fn what_ends_early_was_cut_and_what_never_ends_is_too_large() {
        let text = r#"{"agents":[{"x":1},{"x":2}]}"#;
        for end in 0..text.len() {
            assert!(matches!(cut(&text[..end], 5), Err(Fault::Cut)), "{end}");
        }
        let long = format!(r#"{{"agents":[{{"x":"{}"#, "y".repeat(ROW_BYTES_MAX));
        assert!(matches!(cut(&long, 4_096), Err(Fault::TooLarge)));
        let long = format!(r#"{{"x":"{}"#, "y".repeat(HEAD_BYTES_MAX));
        assert!(matches!(cut(&long, 4_096), Err(Fault::TooLarge)));
    }
}

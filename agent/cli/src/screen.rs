//! Where answers are written: columns and colour on a terminal, plain lines elsewhere.
//!
//! Everything that comes out of evidence goes through [`escaped`], so that no program can talk to
//! the terminal by the name it gives itself.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use tapio_common::catalogue::Severity;

use crate::terminal;

const WIDTH_USUAL: usize = 80;

/// Standard output.
#[derive(Debug)]
pub struct Screen {
    out: BufWriter<Stdout>,
    /// `None`: not laid out in columns.
    pub width: Option<usize>,
    has_colour: bool,
    pub is_terminal: bool,
}

/// How something is set off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    Plain,
    Bold,
    Faint,
    Red,
    Yellow,
    Green,
}

impl Ink {
    pub fn of(severity: Option<Severity>) -> Self {
        match severity {
            Some(Severity::Critical | Severity::Error) => Self::Red,
            Some(Severity::Warning) => Self::Yellow,
            Some(Severity::Info | Severity::Debug) | None => Self::Plain,
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "\x1b[1m",
            Self::Faint => "\x1b[2m",
            Self::Red => "\x1b[31m",
            Self::Yellow => "\x1b[33m",
            Self::Green => "\x1b[32m",
        }
    }
}

impl Screen {
    /// `width` as asked for; else that of the terminal, and none where there is no terminal.
    pub fn of_stdout(width: Option<usize>, colour_refused: bool) -> Self {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        let of_terminal = || is_terminal.then(|| terminal::columns().unwrap_or(WIDTH_USUAL));
        Self {
            width: width.or_else(of_terminal),
            has_colour: is_terminal && !colour_refused,
            is_terminal,
            out: BufWriter::with_capacity(1 << 16, stdout),
        }
    }

    /// Text of ours, as it is.
    pub fn text(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    /// A line as it stands in the evidence. What in JSON could still talk to a terminal, or fool
    /// one, is sent to it in JSON's own escapes, and what is no text not at all.
    pub fn raw_line(&mut self, line: &[u8]) -> io::Result<()> {
        match self.is_terminal {
            true => {
                let text = escaped_json(&String::from_utf8_lossy(line));
                self.out.write_all(text.as_bytes())?;
            }
            false => self.out.write_all(line)?,
        }
        self.out.write_all(b"\n")
    }

    /// One line, escaped, cut to the width.
    pub fn line(&mut self, ink: Ink, text: &str) -> io::Result<()> {
        self.row(&[(ink, text)])
    }

    /// One line of parts, each in its ink; what goes beyond the width is cut.
    pub fn row(&mut self, parts: &[(Ink, &str)]) -> io::Result<()> {
        let mut room = self.width.unwrap_or(usize::MAX);
        for (ink, text) in parts {
            let text = fitted(&escaped(text), room);
            room = room.saturating_sub(text.chars().count());
            let (before, after) = match (self.has_colour, *ink) {
                (false, _) | (true, Ink::Plain) => ("", ""),
                (true, ink) => (ink.code(), "\x1b[0m"),
            };
            write!(self.out, "{before}{text}{after}")?;
        }
        self.out.write_all(b"\n")
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Control characters, and those that turn the direction of writing, in a form that does nothing.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() || turns(char) {
            safe.extend(char.escape_default());
        } else {
            safe.push(char);
        }
    }
    safe
}

/// JSON that says the same, without a control character (a text may hold those from U+007F on) or
/// one that turns the direction of writing.
pub fn escaped_json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() || turns(char) {
            safe.push_str(&format!("\\u{:04x}", u32::from(char)));
        } else {
            safe.push(char);
        }
    }
    safe
}

fn turns(char: char) -> bool {
    matches!(char, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text, or its start and `…` if it is longer than the room.
pub fn fitted(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(room.saturating_sub(1)).collect();
    if room > 0 {
        cut.push('…');
    }
    cut
}

/// `16.0 MiB`
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1_024 {
        return format!("{bytes} B");
    }
    let (mut tenths, mut unit) = (u128::from(bytes) * 10 / 1_024, 0);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1_024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_a_cursor_comes_through() {
        assert_eq!(
            escaped("a\x1b[2Jb\u{9b}c\n\u{202e}d\u{7f}é"),
            "a\\u{1b}[2Jb\\u{9b}c\\n\\u{202e}d\\u{7f}é"
        );
    }

    #[test]
    fn json_stays_the_same_json() {
        let line = "{\"comm\":\"\u{202e}gnp\u{9b}2J\u{7f}\"}";
        let safe = escaped_json(line);
        assert_eq!(safe, r#"{"comm":"\u202egnp\u009b2J\u007f"}"#);
        let read = |text| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(read(&safe), read(line));
    }

    #[test]
    fn what_does_not_fit_ends_in_a_mark() {
        assert_eq!(fitted("abcdef", 6), "abcdef");
        assert_eq!(fitted("abcdef", 5), "abcd…");
        assert_eq!(fitted("abcdef", 1), "…");
        assert_eq!(fitted("abcdef", 0), "");
    }

    #[test]
    fn sizes_are_rounded_down_to_a_tenth() {
        for (bytes, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (16 << 20, "16.0 MiB"),
            ((1 << 30) - 1, "1023.9 MiB"),
            (u64::MAX, "16383.9 PiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}

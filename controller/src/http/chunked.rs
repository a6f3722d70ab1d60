//! A chunked body, decoded as it comes.
//!
//! Bytes go in as they were read and only the body stays: neither size lines nor extensions are
//! kept. The body, each line and the trailers are bounded.

use super::limits::{CHUNK_LINE_BYTES_MAX, TRAILER_BYTES_MAX};

/// Why a chunked body is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadChunks {
    Malformed,
    /// The body is over the limit.
    TooLarge,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// In a size line.
    Size,
    /// So many bytes of this chunk are due.
    Data(usize),
    /// The line break after a chunk's data.
    AfterData,
    /// In a trailer line.
    Trailer,
    Done,
}

#[derive(Debug)]
pub struct Decoder {
    body: Vec<u8>,
    body_bytes_max: usize,
    stage: Stage,
    /// The part of a line that came so far, its line break included.
    line: Vec<u8>,
    trailer_bytes: usize,
}

impl Decoder {
    pub fn new(body_bytes_max: usize) -> Self {
        Self {
            body: Vec::new(),
            body_bytes_max,
            stage: Stage::Size,
            line: Vec::new(),
            trailer_bytes: 0,
        }
    }

    pub fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    pub fn body(&self) -> &[u8] {
        &self.body
    }

    pub fn buffered_bytes(&self) -> usize {
        self.body.capacity() + self.line.capacity()
    }

    /// Takes from `bytes` what belongs to this body; the answer is how much that was.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<usize, BadChunks> {
        let mut rest = bytes;
        while !rest.is_empty() && self.stage != Stage::Done {
            let taken = match self.stage {
                Stage::Data(due) => self.take_data(due, rest),
                Stage::Size | Stage::AfterData | Stage::Trailer => self.take_line(rest)?,
                Stage::Done => 0,
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(bytes.len() - rest.len())
    }

    fn take_data(&mut self, due: usize, bytes: &[u8]) -> usize {
        let data = bytes.get(..due).unwrap_or(bytes);
        self.body.extend_from_slice(data);
        self.stage = match due - data.len() {
            0 => Stage::AfterData,
            left => Stage::Data(left),
        };
        data.len()
    }

    fn take_line(&mut self, bytes: &[u8]) -> Result<usize, BadChunks> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let part = end.map_or(bytes, |end| &bytes[..=end]);
        if self.line.len() + part.len() > CHUNK_LINE_BYTES_MAX {
            return Err(BadChunks::Malformed);
        }
        self.line.extend_from_slice(part);
        if end.is_some() {
            let line = std::mem::take(&mut self.line);
            let text = line.strip_suffix(b"\r\n").ok_or(BadChunks::Malformed)?;
            self.stage = self.after_line(text)?;
        }
        Ok(part.len())
    }

    fn after_line(&mut self, line: &[u8]) -> Result<Stage, BadChunks> {
        match self.stage {
            Stage::Size => match self.size_of(line)? {
                0 => Ok(Stage::Trailer),
                size => Ok(Stage::Data(size)),
            },
            Stage::AfterData if line.is_empty() => Ok(Stage::Size),
            Stage::AfterData => Err(BadChunks::Malformed),
            Stage::Trailer if line.is_empty() => Ok(Stage::Done),
            Stage::Trailer => {
                self.trailer_bytes += line.len();
                if self.trailer_bytes > TRAILER_BYTES_MAX {
                    return Err(BadChunks::Malformed);
                }
                Ok(Stage::Trailer)
            }
            Stage::Data(_) | Stage::Done => Err(BadChunks::Malformed),
        }
    }

    /// The size of a chunk, extensions left aside, if the body has room for it.
    fn size_of(&self, line: &[u8]) -> Result<usize, BadChunks> {
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let digits = digits.trim_ascii_end();
        let hex = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
        let text = std::str::from_utf8(digits).map_err(|_| BadChunks::Malformed)?;
        if !hex {
            return Err(BadChunks::Malformed);
        }
        // A number too large for a usize is over any limit.
        let size = usize::from_str_radix(text, 16).unwrap_or(usize::MAX);
        if size > self.body_bytes_max - self.body.len() {
            return Err(BadChunks::TooLarge);
        }
        Ok(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `raw` in pieces of `piece` bytes; the body and how much was taken.
    fn decode(raw: &[u8], piece: usize, max: usize) -> Result<(Vec<u8>, usize), BadChunks> {
        let mut decoder = Decoder::new(max);
        let mut taken = 0;
        for part in raw.chunks(piece) {
            taken += decoder.feed(part)?;
        }
        assert!(decoder.is_done(), "{raw:?} is not whole");
        Ok((decoder.body().to_vec(), taken))
    }

    #[test]
    fn bodies_are_the_same_however_they_come() {
        for (raw, body) in [
            ("0\r\n\r\n", ""),
            ("3\r\nabc\r\n0\r\n\r\n", "abc"),
            (
                "3;x=y\r\nabc\r\n00A \r\n0123456789\r\n0\r\nT: v\r\nU: w\r\n\r\n",
                "abc0123456789",
            ),
        ] {
            for piece in 1..=raw.len() {
                let found = decode(raw.as_bytes(), piece, 13);
                assert_eq!(
                    found,
                    Ok((body.as_bytes().to_vec(), raw.len())),
                    "{raw:?} {piece}"
                );
            }
        }
    }

    #[test]
    fn what_follows_the_body_is_left_alone() {
        let mut decoder = Decoder::new(10);
        let raw = b"1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n";
        assert_eq!(decoder.feed(raw), Ok(11));
        assert!(decoder.is_done());
        assert_eq!(decoder.feed(b"more"), Ok(0));
    }

    #[test]
    fn one_byte_over_the_limit_is_too_large_before_it_is_read() {
        assert!(decode(b"a\r\n0123456789\r\n0\r\n\r\n", 1, 10).is_ok());
        for raw in [
            "b\r\n",
            "a\r\n0123456789\r\n1\r\n",
            "ffffffffffffffffffff\r\n",
        ] {
            let mut decoder = Decoder::new(10);
            assert_eq!(
                decoder.feed(raw.as_bytes()),
                Err(BadChunks::TooLarge),
                "{raw:?}"
            );
        }
    }

    #[test]
    fn what_is_no_chunk_is_malformed() {
        let long_line = format!("1;{}\r\n", "x".repeat(256));
        let trailers = format!("0\r\n{}", "T: 0123456789\r\n".repeat(400));
        for raw in [
            "\r\n",
            "g\r\n",
            "-1\r\n",
            "0x1\r\n",
            "1\na",
            "1\r\nab\r\n",
            "1\r\na\n",
            ";x\r\n",
            &long_line,
            &trailers,
        ] {
            let mut decoder = Decoder::new(10);
            assert_eq!(
                decoder.feed(raw.as_bytes()),
                Err(BadChunks::Malformed),
                "{raw:?}"
            );
        }
    }
}

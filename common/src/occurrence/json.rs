//! JSON straight to bytes, for the one place that writes a line per event.
//!
//! serde_json writes into the same buffers elsewhere; here every name is a literal and every value
//! a number or a short text, and going without a value tree is worth two thirds of the time.
//! Nothing here can fail and nothing allocates but the buffer that grows.

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The most digits a u64 has.
const U64_DIGITS_MAX: usize = 20;

pub fn push_u64(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0u8; U64_DIGITS_MAX];
    let mut at = U64_DIGITS_MAX;
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10).to_le_bytes()[0];
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

pub fn push_i64(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    push_u64(out, value.unsigned_abs());
}

/// A text in quotes, escaped as JSON asks.
pub fn push_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    if text.bytes().any(needs_escape) {
        for byte in text.bytes() {
            match needs_escape(byte) {
                true => push_escape(out, byte),
                false => out.push(byte),
            }
        }
    } else {
        out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn push_escape(out: &mut Vec<u8>, byte: u8) {
    match byte {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        control => {
            let (high, low) = (usize::from(control >> 4), usize::from(control & 15));
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', HEX[high], HEX[low]]);
        }
    }
}

/// Bytes of the kernel as text: up to the first NUL, and U+FFFD for what is no UTF-8.
pub fn push_kernel_text(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    push_text(out, &String::from_utf8_lossy(&bytes[..len]));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn numbers_are_those_of_the_standard_library() {
        for value in [0, 1, 9, 10, 99, 100, 12_345_678_901, u64::MAX] {
            assert_eq!(written(|out| push_u64(out, value)), value.to_string());
        }
        for value in [0, -1, 1, i64::MIN, i64::MAX] {
            assert_eq!(written(|out| push_i64(out, value)), value.to_string());
        }
    }

    #[test]
    fn every_character_reads_back() {
        let all: String = (0..=0x2ff).filter_map(char::from_u32).collect();
        let text = written(|out| push_text(out, &all));
        assert_eq!(
            serde_json::from_str::<String>(&text).expect("reads back"),
            all
        );
        assert!(text.bytes().all(|byte| byte >= 0x20));
    }

    #[test]
    fn kernel_text_ends_at_nul_and_survives_any_byte() {
        assert_eq!(
            written(|out| push_kernel_text(out, b"bash\0junk")),
            "\"bash\""
        );
        assert_eq!(written(|out| push_kernel_text(out, b"full")), "\"full\"");
        assert_eq!(
            written(|out| push_kernel_text(out, b"a\xffb")),
            "\"a\u{fffd}b\""
        );
        assert_eq!(written(|out| push_kernel_text(out, b"\0")), "\"\"");
    }
}

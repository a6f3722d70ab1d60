use std::borrow::Cow;

use super::*;
use crate::ErrorCode;

fn read<'a, T>(
    text: &'a str,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, Fault>,
) -> Result<T, WireError> {
    read_body(text.as_bytes(), Kind::Unversioned, read)
}

#[test]
fn whole_numbers_up_to_their_ends() {
    for (text, expected) in [
        ("0", Some(0)),
        (" 10\n", Some(10)),
        ("18446744073709551614", Some(u64::MAX - 1)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", None),
        ("18446744073709551620", None),
        ("99999999999999999999", None),
        ("184467440737095516150", None),
        ("-0", None),
        ("-1", None),
        ("1.0", None),
        ("1e2", None),
        ("1E2", None),
        ("00", None),
        ("01", None),
        ("", None),
        ("+1", None),
        ("\"1\"", None),
        ("null", None),
        ("1 2", None),
    ] {
        assert_eq!(read(text, Reader::u64).ok(), expected, "{text}");
    }
    for (text, expected) in [
        ("4294967294", Some(u32::MAX - 1)),
        ("4294967295", Some(u32::MAX)),
        ("4294967296", None),
        ("18446744073709551616", None),
    ] {
        assert_eq!(read(text, Reader::u32).ok(), expected, "{text}");
    }
    for (text, expected) in [
        ("-2147483648", Some(i32::MIN)),
        ("-2147483649", None),
        ("2147483647", Some(i32::MAX)),
        ("2147483648", None),
        ("-7", Some(-7)),
        ("- 7", None),
        ("--7", None),
        ("-", None),
        ("-07", None),
        ("-7.5", None),
        ("-true", None),
    ] {
        assert_eq!(read(text, Reader::i32).ok(), expected, "{text}");
    }
}

#[test]
fn strings_are_borrowed_unless_they_hold_an_escape() {
    let plain = "no escape, é, 12345678 and more than one word of eight";
    let quoted = format!("\"{plain}\"");
    let text = read(&quoted, Reader::string).expect("is a string");
    assert_eq!((matches!(text, Cow::Borrowed(_)), &*text), (true, plain));
    for (text, expected) in [
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""aaaaaaa\u0041bbbbbbbbb""#, "aaaaaaaAbbbbbbbbb"),
        (r#""\u00e9\uFFFF\u0000""#, "é\u{ffff}\0"),
        (r#""\ud83d\ude00\uD83D\uDE00""#, "😀😀"),
        (r#""""#, ""),
    ] {
        assert_eq!(
            read(text, Reader::string).as_deref(),
            Ok(expected),
            "{text}"
        );
    }
}

/// Each is refused both when it is read and when it is passed over.
#[rustfmt::skip] // one each, as many to a line as fit
const BROKEN: [&str; 56] = [
    r#""\ud800""#, r#""\ud800\ud800""#, r#""\udc00""#, r#""\ud800x""#, r#""\ud800\n""#,
    r#""\u12""#, r#""\u12g4""#, r#""\x41""#, r#""\"#, r#"""#, r#""abc"#, "\"aaaaaaaaa\u{1f}\"",
    "tru", "truE", "nul", "falsey", "True", "1.", "1.e1", ".5", "1e", "1e+", "-", "-a", "0x1",
    "01", "1_000", "Infinity", "{", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "]", "}", "{]",
    "[}", "{\"a\"}", "{\"a\":}", "{\"a\" 1}", "{\"a\":1,}", "{,}", "{a:1}", "{'a':1}",
    "{\"a\":1 \"b\":2}", "{1:1}", "[1]]", "{}{}", "//", "[1]//", "\u{feff}1", "\u{a0}1", "", " ",
];

#[test]
fn broken_json_is_refused_wherever_it_stands() {
    for text in BROKEN {
        let error = read(text, Reader::skip).expect_err(text);
        assert_eq!(error.code, ErrorCode::MalformedJson, "{text}");
        assert!(
            error
                .message
                .starts_with("the body is not valid JSON at byte "),
            "{text}: {error}"
        );
        let inside = format!("{{\"x\":{text}}}");
        let ignored = read(&inside, |reader| reader.object(|reader, _| reader.skip()));
        assert!(ignored.is_err(), "{inside}");
    }
}

#[test]
fn good_json_is_passed_over_to_its_end() {
    for text in [
        "0",
        "-0",
        "-0.0e-0",
        "1E400",
        "123.456e+7",
        "true",
        "false",
        "null",
        "\"\\u0000\"",
        "[]",
        "[ ]",
        "{}",
        "{ }",
        "[[],{},[{}]]",
        "{\"\":{\"\":[]}}",
        " \t\r\n[ 1 , { \"a\" : \"b\" } ]\n",
    ] {
        assert_eq!(read(text, Reader::skip), Ok(()), "{text}");
    }
}

#[test]
fn sixty_four_levels_and_not_one_more() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
        let levels = open.matches(['[', '{']).count();
        for (depth, taken) in [(62, true), (64, true), (66, false)] {
            let text = format!(
                "{}0{}",
                open.repeat(depth / levels),
                close.repeat(depth / levels)
            );
            assert_eq!(read(&text, Reader::skip).is_ok(), taken, "{text}");
        }
    }
    let at = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(read(&at(64), Reader::skip), Ok(()));
    let error = read(&at(65), Reader::skip).expect_err("is too deep");
    assert_eq!(error.message, "the body is nested deeper than 64 levels");
    assert!(read(&"[".repeat(1_000_000), Reader::skip).is_err());
}

#[test]
fn a_path_shows_keys_cut_short_and_without_control_characters() {
    let long = "k".repeat(70);
    let fault = Fault::missing()
        .at_field("x")
        .at_key(&long)
        .at_index(3)
        .at_key("a\n\u{1b}[31mé");
    let cut = "k".repeat(64);
    assert_eq!(
        WireError::from(fault).message,
        format!("a\\n\\u{{1b}}[31mé[3].{cut}….x is required")
    );
    let deep = (0..64).fold(Fault::missing(), |fault, _| fault.at_key(&long));
    assert!(WireError::from(deep).message.len() < 700);
}

//! How long a file and a function may be.

use tapio_tests::repository::{Tracked, tracked, tracked_with};

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;
const MAIN_LINES_MAX: usize = 40;
const MODULE_DOC_LINES_MAX: usize = 8;

/// Files that may be longer, and why.
const LONG_FILES: [(&str, &str); 1] = [(
    "bpf/include/tapio_abi.h",
    "printed from the table in common",
)];

fn sources() -> impl Iterator<Item = (Tracked, String)> {
    tracked()
        .into_iter()
        .filter(|file| {
            ["rs", "c", "h", "sh", "py"]
                .iter()
                .any(|kind| file.is(kind))
        })
        .map(|file| {
            let text = file
                .text()
                .unwrap_or_else(|| panic!("{} is not text", file.path));
            (file, text)
        })
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    for (file, text) in sources() {
        let lines = text.lines().count();
        let excused = LONG_FILES.iter().any(|(path, _)| *path == file.path);
        assert_eq!(
            lines > FILE_LINES_MAX,
            excused,
            "{}: {lines} lines",
            file.path
        );
    }
    for (path, _) in LONG_FILES {
        assert!(
            sources().any(|(file, _)| file.path == path),
            "{path} is excused and not there"
        );
    }
}

#[test]
fn main_only_parses_runs_and_ends() {
    for (file, text) in sources().filter(|(file, _)| file.path.ends_with("main.rs")) {
        let lines = text.lines().count();
        assert!(lines <= MAIN_LINES_MAX, "{}: {lines} lines", file.path);
    }
}

#[test]
fn no_function_is_longer_than_a_screen() {
    let mut long = Vec::new();
    for (file, text) in sources().filter(|(file, _)| file.is("rs")) {
        let found = functions(&text).into_iter();
        long.extend(
            found
                .filter(|(_, lines)| *lines > FUNCTION_LINES_MAX)
                .map(|(name, lines)| format!("{}: fn {name} has {lines} lines", file.path)),
        );
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// Every function with the lines from its `fn` to the brace that closes it, as rustfmt lays out.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else {
            continue;
        };
        let indent = line.len() - line.trim_start().len();
        let closing = format!("{}}}", " ".repeat(indent));
        let end = lines[at..]
            .iter()
            .position(|line| line.trim_end() == closing);
        let body = end.filter(|_| !line.trim_end().ends_with([';', '}']));
        found.push((name, body.map_or(1, |end| end + 1)));
    }
    found
}

fn function_name(line: &str) -> Option<String> {
    let mut rest = line.trim_start();
    if rest.starts_with("//") {
        return None;
    }
    for word in [
        "pub(crate) ",
        "pub(super) ",
        "pub ",
        "const ",
        "unsafe ",
        "extern \"C\" ",
    ] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let name = rest.strip_prefix("fn ")?;
    let end = name.find(|char: char| !char.is_alphanumeric() && char != '_')?;
    Some(name[..end].to_owned())
}

#[test]
fn a_module_says_first_what_it_is() {
    for file in tracked_with("rs") {
        if file.path.ends_with("/tests.rs") || file.path.starts_with("tests/fuzz/") {
            continue; // the tests of the module whose folder they are in
        }
        let text = file.text().expect("a source is text");
        if text.trim().is_empty() {
            continue; // a crate root that holds nothing yet has nothing to say
        }
        let doc = text
            .lines()
            .skip_while(|line| line.starts_with("#!"))
            .take_while(|line| line.starts_with("//!"))
            .count();
        assert!(doc >= 1, "{} does not say what it is", file.path);
        assert!(
            doc <= MODULE_DOC_LINES_MAX,
            "{}: {doc} lines of module doc",
            file.path
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_measured_from_brace_to_brace() {
        let text = "fn one() {}\n\nimpl X {\n    pub const fn two(\n        a: u8,\n    ) -> u8 {\n        a\n    }\n}\n";
        assert_eq!(
            functions(text),
            [("one".to_owned(), 1), ("two".to_owned(), 5)]
        );
    }
}

//! A line of a program's own log, for people or for a collector.
//!
//! Never of an event: those have sinks. What writes the line, and where to, is each program's own.

use serde::Serialize;

use crate::time::Timestamp;

/// What a line of the log looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people, and for journals that stamp lines themselves.
    Text,
    /// One JSON object each, with the time.
    Json,
}

impl LogFormat {
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "text" => Some(Self::Text),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    timestamp: &'a str,
    level: &'a str,
    program: &'a str,
    message: &'a str,
}

/// The object and its newline. Whatever the message holds, the line stays one.
pub fn json_line(at: Timestamp, level: &str, program: &str, message: &str) -> String {
    let level = level.to_ascii_lowercase();
    let text = at.text();
    let line = Line {
        timestamp: std::str::from_utf8(&text).unwrap_or_default(),
        level: &level,
        program,
        message,
    };
    serde_json::to_string(&line).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_several_lines_is_one_line() {
        let line = json_line(Timestamp(0), "WARN", "tapio-agent", "\"a\"\nb\u{1b}");
        assert_eq!(
            line,
            "{\"timestamp\":\"1970-01-01T00:00:00.000000000Z\",\"level\":\"warn\",\
             \"program\":\"tapio-agent\",\"message\":\"\\\"a\\\"\\nb\\u001b\"}\n"
        );
    }

    #[test]
    fn formats_have_names() {
        assert_eq!(LogFormat::from_name("json"), Some(LogFormat::Json));
        assert_eq!(LogFormat::from_name("text"), Some(LogFormat::Text));
        assert_eq!(LogFormat::from_name("JSON"), None);
    }
}

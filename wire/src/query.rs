//! What `GET /v1/agents/config` asks with: the query string and `If-None-Match`.
//!
//! Both are read to the letter of a closed protocol: no lists, no weak tags, no `*`.

use std::borrow::Cow;

use crate::error::WireError;
use crate::json::Fault;
use crate::values::{Text, identifier};

/// Who asks for its config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentQuery<'a> {
    pub agent_id: Text<'a>,
    pub node_name: Text<'a>,
}

impl<'a> AgentQuery<'a> {
    /// Reads what stands behind the `?` of the URL. Parameters that are not known are passed over.
    pub fn parse(query: &'a str) -> Result<Self, WireError> {
        let (mut agent_id, mut node_name) = (None, None);
        for parameter in query.split('&') {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match decode(key).as_deref() {
                Ok("agent_id") => take("agent_id", value, &mut agent_id)?,
                Ok("node_name") => take("node_name", value, &mut node_name)?,
                Ok(_) | Err(_) => {}
            }
        }
        Ok(Self {
            agent_id: given("agent_id", agent_id)?,
            node_name: given("node_name", node_name)?,
        })
    }

    /// The query string that parses to `self`.
    pub fn to_query(&self) -> String {
        let mut query = String::from("agent_id=");
        encode(&self.agent_id, &mut query);
        query.push_str("&node_name=");
        encode(&self.node_name, &mut query);
        query
    }
}

/// The entity tag of a config.
pub fn etag(config_hash: &str) -> String {
    format!("\"{config_hash}\"")
}

/// Whether `If-None-Match` names this very config: one strong tag, exactly.
pub fn etag_matches(if_none_match: &str, config_hash: &str) -> bool {
    if_none_match
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .is_some_and(|tag| tag == config_hash)
}

fn take<'a>(
    name: &'static str,
    value: &'a str,
    slot: &mut Option<Text<'a>>,
) -> Result<(), WireError> {
    let read = || {
        if slot.is_some() {
            return Err(Fault::invalid("is given twice"));
        }
        let text = decode(value)?;
        // White space alone, line breaks included, is absent rather than wrong: as in a body.
        if !text.trim().is_empty() {
            identifier(&text)?;
        }
        Ok(text)
    };
    *slot = Some(read().map_err(|fault| fault.at_field(name))?);
    Ok(())
}

fn given<'a>(name: &'static str, slot: Option<Text<'a>>) -> Result<Text<'a>, WireError> {
    slot.filter(|text| !text.trim().is_empty())
        .ok_or_else(|| Fault::missing().at_field(name).into())
}

/// `%41` is a byte, `+` is a space, and the bytes together must be UTF-8.
fn decode(text: &str) -> Result<Cow<'_, str>, Fault> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Ok(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => hex_pair(bytes.next(), bytes.next())
                .ok_or_else(|| Fault::invalid("holds a broken percent escape"))?,
            plain => plain,
        });
    }
    let decoded = String::from_utf8(decoded).map_err(|_| Fault::invalid("is not UTF-8"))?;
    Ok(Cow::Owned(decoded))
}

fn hex_pair(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

fn encode(text: &str, query: &mut String) {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            query.push(char::from(byte));
        } else {
            query.push('%');
            query.push(HEX[usize::from(byte >> 4)]);
            query.push(HEX[usize::from(byte & 15)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    fn ask(agent_id: &str, node_name: &str) -> AgentQuery<'static> {
        AgentQuery {
            agent_id: agent_id.to_owned().into(),
            node_name: node_name.to_owned().into(),
        }
    }

    #[test]
    fn what_is_taken() {
        for (query, expected) in [
            ("agent_id=a&node_name=n", ask("a", "n")),
            ("node_name=n&agent_id=a", ask("a", "n")),
            ("agent_id=a+b&node_name=%6E%20%2b", ask("a b", "n +")),
            ("agent%5Fid=a&node_name=n", ask("a", "n")),
            ("agent_id=%c3%A9&node_name=a=b", ask("é", "a=b")),
            ("x=%zz&&agent_id=a&node_name=n&x=1&x=2", ask("a", "n")),
        ] {
            assert_eq!(AgentQuery::parse(query), Ok(expected), "{query}");
        }
    }

    #[test]
    fn what_is_refused_and_why() {
        let long = format!("agent_id={}&node_name=n", "a".repeat(257));
        for (query, code, message) in [
            ("", ErrorCode::MissingField, "agent_id is required"),
            (
                "node_name=n",
                ErrorCode::MissingField,
                "agent_id is required",
            ),
            (
                "agent_id=a",
                ErrorCode::MissingField,
                "node_name is required",
            ),
            (
                "agent_id&node_name=n",
                ErrorCode::MissingField,
                "agent_id is required",
            ),
            (
                "agent_id=+%20&node_name=n",
                ErrorCode::MissingField,
                "agent_id is required",
            ),
            (
                "agent_id=a&node_name=n&agent_id=a",
                ErrorCode::InvalidField,
                "agent_id is given twice",
            ),
            (
                "agent_id=%4&node_name=n",
                ErrorCode::InvalidField,
                "agent_id holds a broken percent escape",
            ),
            (
                "agent_id=%zz&node_name=n",
                ErrorCode::InvalidField,
                "agent_id holds a broken percent escape",
            ),
            (
                "agent_id=a&node_name=%ff",
                ErrorCode::InvalidField,
                "node_name is not UTF-8",
            ),
            (
                "agent_id=a%0a&node_name=n",
                ErrorCode::InvalidField,
                "agent_id holds a control character",
            ),
            (
                long.as_str(),
                ErrorCode::InvalidField,
                "agent_id is longer than 256 bytes",
            ),
        ] {
            assert_eq!(
                AgentQuery::parse(query),
                Err(WireError::new(code, message.to_owned())),
                "{query}"
            );
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let asked = ask("a b&c=d%", "é+\"/?#");
        assert_eq!(
            asked.to_query(),
            "agent_id=a%20b%26c%3Dd%25&node_name=%C3%A9%2B%22%2F%3F%23"
        );
        assert_eq!(AgentQuery::parse(&asked.to_query()), Ok(asked));
    }

    #[test]
    fn a_tag_matches_exactly_or_not_at_all() {
        let hash = "sha256:0a";
        assert!(etag_matches(&etag(hash), hash));
        for other in [
            "",
            "*",
            "\"",
            "\"\"",
            "sha256:0a",
            "\"sha256:0a",
            "W/\"sha256:0a\"",
            "\"SHA256:0A\"",
            "\"sha256:0a\", \"sha256:0b\"",
            " \"sha256:0a\"",
        ] {
            assert!(!etag_matches(other, hash), "{other}");
        }
    }
}

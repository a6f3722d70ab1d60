//! One line of evidence, read once and written as attributes while it is read.
//!
//! No tree is built in between. What the record or its resource says in its own field (the moment,
//! the type, the severity, the node, the owner) is not said again as an attribute.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};

/// What a line comes to.
#[derive(Debug, Default)]
pub struct Facts<'a> {
    pub node: Cow<'a, str>,
    pub container_id: Option<Cow<'a, str>>,
    pub pod_uid: Option<Cow<'a, str>>,
    /// Key-value objects, comma between.
    pub attributes: Vec<u8>,
}

const PREFIX: &str = "tapio";

impl<'a> Facts<'a> {
    pub fn read(line: &'a [u8]) -> serde_json::Result<Self> {
        let mut facts = Self::default();
        let mut path = String::new();
        let mut reader = serde_json::Deserializer::from_slice(line);
        reader.deserialize_map(Value {
            facts: &mut facts,
            path: &mut path,
        })?;
        reader.end()?;
        Ok(facts)
    }

    /// `write` writes the value's one member.
    fn push(&mut self, path: &str, write: impl FnOnce(&mut Vec<u8>)) {
        let out = &mut self.attributes;
        if !out.is_empty() {
            out.push(b',');
        }
        out.extend_from_slice(br#"{"key":"#);
        push_text(out, &format!("{PREFIX}{path}"));
        out.extend_from_slice(br#","value":{"#);
        write(out);
        out.extend_from_slice(b"}}");
    }

    fn push_number(&mut self, path: &str, kind: &str, number: impl fmt::Display) {
        self.push(path, |out| {
            out.extend_from_slice(format!("\"{kind}\":\"{number}\"").as_bytes());
        });
    }

    fn take_text(&mut self, path: &str, text: Cow<'a, str>) {
        match path {
            ".timestamp" | ".source" | ".type" | ".severity" => {}
            ".context.node" => self.node = text,
            ".container_id" => self.container_id = Some(text),
            ".pod_uid" => self.pod_uid = Some(text),
            _ => self.push(path, |out| {
                out.extend_from_slice(br#""stringValue":"#);
                push_text(out, &text);
            }),
        }
    }
}

/// A text in quotes, escaped as JSON asks.
pub fn push_text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a text always serialises, and memory takes it");
}

/// The value at a path.
struct Value<'v, 'a> {
    facts: &'v mut Facts<'a>,
    path: &'v mut String,
}

impl<'a> DeserializeSeed<'a> for Value<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Value<'_, 'a> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a fact: a number, a text, a flag, or an object of them")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.facts.push(self.path, |out| {
            out.extend_from_slice(format!("\"boolValue\":{value}").as_bytes());
        });
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        let kind = match i64::try_from(value) {
            Ok(_) => "intValue",
            Err(_) => "stringValue",
        };
        self.facts.push_number(self.path, kind, value);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.facts.push_number(self.path, "intValue", value);
        Ok(())
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<(), E> {
        self.facts.take_text(self.path, Cow::Borrowed(text));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.facts.take_text(self.path, Cow::Owned(text.to_owned()));
        Ok(())
    }

    fn visit_map<A: MapAccess<'a>>(self, mut members: A) -> Result<(), A::Error> {
        let length = self.path.len();
        while let Some(name) = members.next_key::<String>()? {
            // `data` is where all facts are: its name would only lengthen theirs.
            if !(length == 0 && name == "data") {
                self.path.push('.');
                self.path.push_str(&name);
            }
            members.next_value_seed(Value {
                facts: self.facts,
                path: self.path,
            })?;
            self.path.truncate(length);
        }
        Ok(())
    }
}

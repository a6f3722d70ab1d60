//! What fields are made of: identifiers, the version, generations, bounded lists and maps.
//!
//! A type here is also a rule. Whoever builds a payload to send it keeps the rule himself; whoever
//! reads one gets it checked.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use crate::WIRE_VERSION;
use crate::error::WireError;
use crate::json::{Fault, Reader, unsupported};
use crate::limits::{ENTRIES_MAX, IDENTIFIER_BYTES_MAX};
use crate::payload::Read;

/// An identifier, a name, a reason: at most 256 bytes and no control characters. Borrowed from
/// the body unless it holds an escape.
pub type Text<'a> = Cow<'a, str>;

/// Whether `text` may be an identifier on the wire; the sender's half of the rule.
pub fn check_identifier(name: &'static str, text: &str) -> Result<(), WireError> {
    if text.trim().is_empty() {
        return Err(Fault::missing().at_field(name).into());
    }
    Ok(identifier(text).map_err(|fault| fault.at_field(name))?)
}

pub(crate) fn identifier(text: &str) -> Result<(), Fault> {
    if text.len() > IDENTIFIER_BYTES_MAX {
        return Err(Fault::invalid(format!(
            "is longer than {IDENTIFIER_BYTES_MAX} bytes"
        )));
    }
    let printable = |byte: u8| (b' '..=b'~').contains(&byte);
    if !text.bytes().all(printable) && text.chars().any(char::is_control) {
        return Err(Fault::invalid("holds a control character"));
    }
    Ok(())
}

impl<'a> Read<'a> for Text<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        reader.string()
    }

    fn is_blank(&self) -> bool {
        self.trim().is_empty()
    }

    fn check(&self) -> Result<(), Fault> {
        identifier(self)
    }
}

/// Text for people, of any length and content. Escape it before it meets a terminal or a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Prose<'a>(pub Cow<'a, str>);

impl<'a> Read<'a> for Prose<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        reader.string().map(Self)
    }
}

macro_rules! read_numbers {
    ($($type:ident),+) => {
        $(impl<'a> Read<'a> for $type {
            fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
                reader.$type()
            }
        })+
    };
}

read_numbers!(bool, u64, u32, i32);

/// Of an optional field: `null` is as good as absent.
impl<'a, T: Read<'a>> Read<'a> for Option<T> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        if reader.take_null()? {
            return Ok(None);
        }
        T::read(reader).map(Some)
    }

    fn check(&self) -> Result<(), Fault> {
        self.as_ref().map_or(Ok(()), T::check)
    }
}

/// `wire_version`: says ours, and reads nothing else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WireVersion;

impl Serialize for WireVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(WIRE_VERSION)
    }
}

impl<'a> Read<'a> for WireVersion {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let version = reader.string()?;
        if version.trim().is_empty() {
            return Err(Fault::missing());
        }
        if version != WIRE_VERSION {
            return Err(unsupported());
        }
        Ok(Self)
    }
}

/// A config generation: a u32 on this side, decimal digits in a string on the wire. Zero is that
/// of an agent without any config.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u32);

impl Serialize for Generation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'a> Read<'a> for Generation {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let text = reader.string()?;
        if text.trim().is_empty() {
            return Err(Fault::missing());
        }
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse()
            .ok()
            .filter(|_| digits)
            .map(Self)
            .ok_or_else(|| Fault::invalid("must be decimal digits, from 0 to 4294967295"))
    }
}

/// A bounded list of names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Names<'a>(pub Vec<Text<'a>>);

impl Names<'_> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> Read<'a> for Names<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let mut names = Vec::new();
        reader.array(|reader, _| {
            room_for_one_more(names.len())?;
            names.push(Text::read_checked(reader)?);
            Ok(())
        })?;
        Ok(Self(names))
    }
}

/// A bounded map in the order in which it was sent. No key comes twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs<'a, V>(pub Vec<(Text<'a>, V)>);

impl<V> Default for Pairs<'_, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> Pairs<'_, V> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    pub fn get(&self, name: &str) -> Option<&V> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value)
    }
}

impl<V: Serialize> Serialize for Pairs<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'a, V: Read<'a>> Read<'a> for Pairs<'a, V> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let mut values = Vec::new();
        let names = read_map(reader, |reader, _| {
            values.push(V::read_checked(reader)?);
            Ok(())
        })?;
        Ok(Self(names.into_iter().zip(values).collect()))
    }
}

/// A map with names of the sender's choice: bounded, each an identifier, none given twice. `each`
/// reads the value; the names come back in the order in which they were sent.
pub(crate) fn read_map<'a>(
    reader: &mut Reader<'a>,
    mut each: impl FnMut(&mut Reader<'a>, &str) -> Result<(), Fault>,
) -> Result<Vec<Text<'a>>, Fault> {
    let mut names: Vec<Text<'a>> = Vec::new();
    reader.object(|reader, name| {
        let mut read = |reader: &mut Reader<'a>| {
            room_for_one_more(names.len())?;
            identifier(&name)?;
            if names.contains(&name) {
                return Err(Fault::malformed("is given twice"));
            }
            each(reader, &name)
        };
        read(reader).map_err(|fault| fault.at_key(&name))?;
        names.push(name);
        Ok(())
    })?;
    Ok(names)
}

fn room_for_one_more(len: usize) -> Result<(), Fault> {
    if len == ENTRIES_MAX {
        return Err(Fault::invalid(format!(
            "is one more than the {ENTRIES_MAX} entries there may be"
        )));
    }
    Ok(())
}

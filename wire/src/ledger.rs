//! The ledger as it travels: checked against its shape, and kept packed until somebody wants its
//! rows. What those mean is said in `tapio_common::ledger`.

use serde::{Serialize, Serializer};
use tapio_common::ledger::Ledger;

use crate::error::WireError;
use crate::json::{Fault, Kind, Reader, read_body};
use crate::limits::LEDGER_BYTES_MAX;
use crate::pack::{Code, unpack, write_name, write_text};
use crate::payload::Read;
use crate::raw;
use crate::values::{identifier, read_map};

/// The ledger of a heartbeat, of which the text was at most [`LEDGER_BYTES_MAX`] bytes. Fields that
/// this build does not know are not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedLedger {
    packed: Vec<u8>,
}

impl PackedLedger {
    pub fn to_ledger(&self) -> serde_json::Result<Ledger> {
        serde_json::from_slice(&self.to_json())
    }

    pub fn to_json(&self) -> Vec<u8> {
        let mut json = Vec::new();
        unpack(&self.packed, &mut json);
        json
    }

    pub(crate) fn packed(&self) -> &[u8] {
        &self.packed
    }
}

impl TryFrom<&Ledger> for PackedLedger {
    type Error = WireError;

    fn try_from(ledger: &Ledger) -> Result<Self, Self::Error> {
        let json = serde_json::to_vec(ledger).map_err(|_| WireError::internal())?;
        read_body(&json, Kind::Unversioned, Self::read)
    }
}

impl Serialize for PackedLedger {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        raw::serialize(&self.to_json(), serializer)
    }
}

impl<'a> Read<'a> for PackedLedger {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let mut packed = Vec::with_capacity(PACKED_BYTES_USUAL);
        let text = reader.raw(|reader| pack_object(reader, LEDGER, &mut packed))?;
        if text.len() > LEDGER_BYTES_MAX {
            return Err(Fault::invalid(format!(
                "is longer than {LEDGER_BYTES_MAX} bytes"
            )));
        }
        Ok(Self { packed })
    }
}

/// What a ledger of all types and observers takes.
const PACKED_BYTES_USUAL: usize = 1_024;

struct Field {
    name: &'static str,
    code: Code,
    value: Value,
}

enum Value {
    Number32,
    Number,
    /// Null says as much as its absence, and is not kept.
    NumberOrNull,
    Text,
    /// Names of the sender's choice, each with a number.
    Numbers,
    /// Names of the sender's choice, each with such a row.
    Rows(&'static [Field]),
}

macro_rules! fields {
    ($($name:ident $value:expr),+ $(,)?) => {
        &[$(Field {
            name: stringify!($name),
            code: Code::of(stringify!($name)),
            value: { use Value::*; $value },
        }),+]
    };
}

const LEDGER: &[Field] = fields! {
    format Number32,
    boot_id Text,
    since_unix_nanos Number,
    observers Rows(OBSERVER),
    types Rows(TYPE),
    sinks Rows(SINK),
};

const OBSERVER: &[Field] = fields! {
    missed NumberOrNull,
    in_ring Number,
    malformed Number,
};

const TYPE: &[Field] = fields! {
    seen Number,
    summaries Number,
    filtered Number,
    aggregated Number,
    ambiguous Number,
    lost Number,
    submitted Number,
    received Number,
    ignored Number,
    queue_drops Number,
    emitted Number,
};

const SINK: &[Field] = fields! {
    delivered Number,
    earlier Number,
    pending Number,
    dropped Numbers,
    earlier_dropped Numbers,
};

/// Reads an object of known fields and appends it to `packed`. The rules are those of a payload
/// all of whose fields are optional.
fn pack_object(
    reader: &mut Reader<'_>,
    fields: &'static [Field],
    packed: &mut Vec<u8>,
) -> Result<(), Fault> {
    packed.push(b'{');
    let mut given: u32 = 0;
    let mut next = 0;
    reader.object(|reader, key| {
        // Senders keep an order, so the field after the last one is the first guess.
        let known = |at: &usize| fields[*at].name == key;
        let Some(at) = (next..fields.len()).chain(0..next).find(known) else {
            return reader.skip();
        };
        next = at + 1;
        let field = &fields[at];
        if given & (1 << at) != 0 {
            return Err(Fault::malformed("is given twice").at_field(field.name));
        }
        given |= 1 << at;
        pack_value(reader, field, packed).map_err(|fault| fault.at_field(field.name))
    })?;
    packed.push(b'}');
    Ok(())
}

fn pack_value(
    reader: &mut Reader<'_>,
    field: &'static Field,
    packed: &mut Vec<u8>,
) -> Result<(), Fault> {
    if matches!(field.value, Value::NumberOrNull) && reader.take_null()? {
        return Ok(());
    }
    field.code.write(packed);
    match field.value {
        Value::Number32 => {
            let number = reader.raw(|reader| reader.u32().map(drop))?;
            packed.extend_from_slice(number.as_bytes());
            Ok(())
        }
        Value::Number | Value::NumberOrNull => pack_u64(reader, packed),
        Value::Text => {
            let text = reader.string()?;
            identifier(&text)?;
            write_text(packed, &text);
            Ok(())
        }
        Value::Numbers => pack_map(reader, packed, pack_u64),
        Value::Rows(row) => pack_map(reader, packed, |reader, packed| {
            pack_object(reader, row, packed)
        }),
    }
}

fn pack_map(
    reader: &mut Reader<'_>,
    packed: &mut Vec<u8>,
    mut pack: impl FnMut(&mut Reader<'_>, &mut Vec<u8>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    packed.push(b'{');
    read_map(reader, |reader, key| {
        write_name(packed, key);
        pack(reader, packed)
    })?;
    packed.push(b'}');
    Ok(())
}

fn pack_u64(reader: &mut Reader<'_>, packed: &mut Vec<u8>) -> Result<(), Fault> {
    packed.extend_from_slice(reader.u64_digits()?.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests;

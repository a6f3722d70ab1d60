//! The ledger as it travels: text whose shape was checked, kept and echoed as it is. What its rows
//! mean is said in `tapio_common::ledger`; how they are read, here, by the rules of every payload.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use tapio_common::ledger::{Ledger, ObserverCounts, SinkCounts, TypeCounts};

use crate::error::WireError;
use crate::json::{Fault, Kind, Reader, read_body};
use crate::limits::LEDGER_BYTES_MAX;
use crate::payload::{Read, payload};
use crate::raw;
use crate::values::{Pairs, identifier};

/// A ledger in JSON, at most [`LEDGER_BYTES_MAX`] bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerText<'a>(Cow<'a, str>);

impl LedgerText<'_> {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The rows.
    pub fn to_ledger(&self) -> Result<Ledger, WireError> {
        read_body(self.0.as_bytes(), Kind::Unversioned)
    }
}

impl TryFrom<&Ledger> for LedgerText<'static> {
    type Error = serde_json::Error;

    fn try_from(ledger: &Ledger) -> Result<Self, Self::Error> {
        serde_json::to_string(ledger).map(|text| Self(text.into()))
    }
}

impl Serialize for LedgerText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        raw::serialize(&self.0, serializer)
    }
}

impl<'a> Read<'a> for LedgerText<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let text = reader.raw(|reader| Ledger::read(reader).map(drop))?;
        Ok(Self(text.into()))
    }

    fn check(&self) -> Result<(), Fault> {
        if self.0.len() > LEDGER_BYTES_MAX {
            return Err(Fault::invalid(format!(
                "is longer than {LEDGER_BYTES_MAX} bytes"
            )));
        }
        Ok(())
    }
}

payload!(@read [] Ledger {
    format [] optional [];
    boot_id [] optional [];
    since_unix_nanos [] optional [];
    observers [] optional [];
    types [] optional [];
    sinks [] optional [];
});

payload!(@read [] ObserverCounts {
    missed [] optional [];
    in_ring [] optional [];
    malformed [] optional [];
});

payload!(@read [] TypeCounts {
    seen [] optional [];
    summaries [] optional [];
    filtered [] optional [];
    aggregated [] optional [];
    ambiguous [] optional [];
    lost [] optional [];
    submitted [] optional [];
    received [] optional [];
    ignored [] optional [];
    queue_drops [] optional [];
    emitted [] optional [];
});

payload!(@read [] SinkCounts {
    delivered [] optional [];
    pending [] optional [];
    dropped [] optional [];
});

/// The rows of a ledger are few; they are checked like any map and then ordered.
impl<'a, V: Read<'a>> Read<'a> for BTreeMap<String, V> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let Pairs(rows) = Pairs::read(reader)?;
        let owned = rows.into_iter().map(|(key, row)| (key.into_owned(), row));
        Ok(owned.collect())
    }
}

impl<'a> Read<'a> for String {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        reader.string().map(Cow::into_owned)
    }

    fn check(&self) -> Result<(), Fault> {
        identifier(self)
    }
}

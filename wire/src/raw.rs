//! JSON text put into JSON as it is, for facts and ledgers that were JSON already.

use serde::ser::Error;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Writes `json` unchanged, after making sure that it is one JSON value: what others built must
/// not break the payload around it.
pub(crate) fn serialize<S: Serializer>(json: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    let value: &RawValue = serde_json::from_slice(json).map_err(S::Error::custom)?;
    value.serialize(serializer)
}

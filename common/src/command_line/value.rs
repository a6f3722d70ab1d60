//! How the text of a value is read, the same in every program.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::Unfit;
use crate::quantity;

/// Longest identifier on the wire.
const IDENTIFIER_BYTES_MAX: usize = 256;

pub fn text(value: &OsStr) -> Result<&str, Unfit> {
    match value.to_str() {
        None => Err(Unfit::Not("UTF-8")),
        Some("") => Err(Unfit::Empty),
        Some(text) => Ok(text),
    }
}

pub fn path(value: &OsStr) -> Result<PathBuf, Unfit> {
    match value.is_empty() {
        true => Err(Unfit::Empty),
        false => Ok(PathBuf::from(value)),
    }
}

/// What is spoken on the wire as the name of somebody.
pub fn identifier(value: &OsStr) -> Result<String, Unfit> {
    let text = text(value)?;
    let is_fit = !text.trim().is_empty()
        && text.len() <= IDENTIFIER_BYTES_MAX
        && !text.contains(char::is_control);
    match is_fit {
        true => Ok(text.to_owned()),
        false => Err(Unfit::Not("1 to 256 bytes without control characters")),
    }
}

pub fn number(value: &OsStr, min: u64, max: u64) -> Result<u64, Unfit> {
    let number: u64 = text(value)?
        .parse()
        .map_err(|_| Unfit::Not("a whole number"))?;
    match (min..=max).contains(&number) {
        true => Ok(number),
        false => Err(Unfit::OutOfRange { min, max }),
    }
}

/// A number of things in memory.
pub fn count(value: &OsStr, min: u64, max: u64) -> Result<usize, Unfit> {
    usize::try_from(number(value, min, max)?).map_err(|_| Unfit::OutOfRange { min, max })
}

pub fn nanos(value: &OsStr) -> Result<u64, Unfit> {
    quantity::duration(text(value)?)
        .and_then(|time| u64::try_from(time.as_nanos()).ok())
        .ok_or(Unfit::Not("a time such as 500ms, 90s, 24h or 14d"))
}

/// What a switch was set to: by its name alone, or by its twin.
pub fn switch(value: &OsStr) -> Result<bool, Unfit> {
    match text(value)? {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(Unfit::Not("one of 0, 1, false, true")),
    }
}

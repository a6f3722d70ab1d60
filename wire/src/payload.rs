//! A payload is a table of fields: from it come the struct, its JSON and its reader.
//!
//! `required` fields must be given and must say something; `optional` ones fall back to their
//! type's default. The rules are written here once, for every payload and at every depth: a known
//! key given twice is malformed, an unknown one is passed over, a complaint carries the path it
//! was found at.

use crate::json::{Fault, Reader};

/// What can be read from the wire.
pub(crate) trait Read<'a>: Sized {
    /// Takes a value of the right JSON type.
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault>;

    /// Given, but says nothing: where the field is required that is as good as missing.
    fn is_blank(&self) -> bool {
        false
    }

    /// Whether what was taken is in its range. Asked once, after `is_blank` has had its say.
    fn check(&self) -> Result<(), Fault> {
        Ok(())
    }

    fn read_checked(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let value = Self::read(reader)?;
        value.check()?;
        Ok(value)
    }
}

/// Reads one known field into its slot.
pub(crate) fn field<'a, T: Read<'a>>(
    reader: &mut Reader<'a>,
    name: &'static str,
    slot: &mut Option<T>,
) -> Result<(), Fault> {
    if slot.is_some() {
        return Err(Fault::malformed("is given twice").at_field(name));
    }
    *slot = Some(T::read(reader).map_err(|fault| fault.at_field(name))?);
    Ok(())
}

pub(crate) fn required<'a, T: Read<'a>>(name: &'static str, slot: Option<T>) -> Result<T, Fault> {
    match slot {
        Some(value) if !value.is_blank() => checked(name, value),
        Some(_) | None => Err(Fault::missing().at_field(name)),
    }
}

pub(crate) fn checked<'a, T: Read<'a>>(name: &'static str, value: T) -> Result<T, Fault> {
    match value.check() {
        Ok(()) => Ok(value),
        Err(fault) => Err(fault.at_field(name)),
    }
}

/// `pub struct Name<'a> Body|Unversioned|Part { field: Type, required|optional [or DEFAULT]; … }`.
/// A `Body` carries `wire_version`; both it and an `Unversioned` one get `parse`.
macro_rules! payload {
    (
        $(#[$doc:meta])*
        pub struct $name:ident $(<$life:lifetime>)? $kind:ident {
            $($(#[$field_doc:meta])* $field:ident $(as $wire:literal)?: $type:ty,
                $need:ident $(or $default:expr)?;)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        pub struct $name $(<$life>)? {
            $($(#[$field_doc])* $(#[serde(rename = $wire)])? pub $field: $type,)+
        }

        $crate::payload::payload!(@read [$($life)?] $name {
            $($field [$($wire)?] $need [$($default)?];)+
        });
        $crate::payload::payload!(@parse $kind [$($life)?] $name);
    };

    (@read [$life:lifetime] $name:ident $fields:tt) => {
        impl<$life> $crate::payload::Read<$life> for $name<$life> {
            $crate::payload::payload!(@read_fn $life $fields);
        }
    };
    (@read [] $name:ident $fields:tt) => {
        impl<'r> $crate::payload::Read<'r> for $name {
            $crate::payload::payload!(@read_fn 'r $fields);
        }
    };
    (@read_fn $life:lifetime {
        $($field:ident [$($wire:literal)?] $need:ident [$($default:expr)?];)+
    }) => {
        fn read(
            reader: &mut $crate::json::Reader<$life>,
        ) -> Result<Self, $crate::json::Fault> {
            $(let mut $field = None;)+
            reader.object(|reader, key| {
                $(if key == $crate::payload::payload!(@name $field [$($wire)?]) {
                    let name = $crate::payload::payload!(@name $field [$($wire)?]);
                    return $crate::payload::field(reader, name, &mut $field);
                })+
                reader.skip()
            })?;
            Ok(Self {
                $($field: $crate::payload::payload!(
                    @take $need [$($default)?] $field
                        $crate::payload::payload!(@name $field [$($wire)?])
                ),)+
            })
        }
    };

    (@take required [] $slot:ident $name:expr) => { $crate::payload::required($name, $slot)? };
    (@take optional [] $slot:ident $name:expr) => {
        $crate::payload::checked($name, $slot.unwrap_or_default())?
    };
    (@take optional [$default:expr] $slot:ident $name:expr) => {
        $crate::payload::checked($name, $slot.unwrap_or($default))?
    };

    (@name $field:ident []) => { stringify!($field) };
    (@name $field:ident [$wire:literal]) => { $wire };

    (@parse Part $life:tt $name:ident) => {};
    (@parse $kind:ident [$life:lifetime] $name:ident) => {
        impl<$life> $name<$life> {
            /// Reads and checks a whole body.
            pub fn parse(body: &$life [u8]) -> Result<Self, $crate::WireError> {
                $crate::json::read_body(
                    body,
                    $crate::json::Kind::$kind,
                    <Self as $crate::payload::Read>::read,
                )
            }
        }
    };
    (@parse $kind:ident [] $name:ident) => {
        impl $name {
            /// Reads and checks a whole body.
            pub fn parse(body: &[u8]) -> Result<Self, $crate::WireError> {
                $crate::json::read_body(
                    body,
                    $crate::json::Kind::$kind,
                    <Self as $crate::payload::Read>::read,
                )
            }
        }
    };
}

pub(crate) use payload;

//! What can be wrong with a request, mapped once to an HTTP status and a code.
//!
//! A message names the field and what it must be. It carries no Rust type name, no path of a file
//! and no debug dump, and of what was received only the keys of a path, cut short.

use std::borrow::Cow;
use std::fmt;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident $status:literal $name:literal;)+) => {
        /// The machine-matchable half of an error.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[$doc])* $variant),+ }

        impl ErrorCode {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The HTTP status that goes with it.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),+ }
            }
        }
    };
}

error_codes! {
    /// A required field is absent, or a required string says nothing.
    MissingField 400 "MISSING_FIELD";
    /// `wire_version` is not ours. Wins over everything else that is wrong with the body.
    UnsupportedVersion 400 "UNSUPPORTED_VERSION";
    /// A field of the right type whose value is out of its range.
    InvalidField 400 "INVALID_FIELD";
    /// No JSON, no UTF-8, too deep, a known key twice, or a field of the wrong type.
    MalformedJson 400 "MALFORMED_JSON";
    UnknownEndpoint 404 "UNKNOWN_ENDPOINT";
    PayloadTooLarge 413 "PAYLOAD_TOO_LARGE";
    /// An event's facts carry a conclusion.
    ReasoningField 422 "REASONING_FIELD";
    InternalError 500 "INTERNAL_ERROR";
}

impl ErrorCode {
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }
}

/// Why a request is refused, as its sender is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireError {
    pub code: ErrorCode,
    pub message: Cow<'static, str>,
}

impl WireError {
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub fn payload_too_large(bytes_max: usize) -> Self {
        let message = format!("the body is larger than {bytes_max} bytes");
        Self::new(ErrorCode::PayloadTooLarge, message)
    }

    pub fn unknown_endpoint() -> Self {
        Self::new(ErrorCode::UnknownEndpoint, "no such endpoint")
    }

    pub fn internal() -> Self {
        Self::new(
            ErrorCode::InternalError,
            "the controller could not answer this request",
        )
    }

    pub fn status(&self) -> u16 {
        self.code.status()
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.code.name(), self.message)
    }
}

impl std::error::Error for WireError {}

//! How a refusal travels: one envelope for every error there is.

use std::borrow::Cow;

use crate::error::WireError;
use crate::payload::payload;
use crate::values::{Prose, Text};

payload! {
    /// The body of every refusal. It carries no `wire_version`.
    pub struct ErrorEnvelope<'a> Unversioned {
        error: ErrorDetail<'a>, required;
    }
}

payload! {
    pub struct ErrorDetail<'a> Part {
        /// Kept as text: a newer controller may know more codes. See
        /// [`ErrorCode::from_name`](crate::ErrorCode::from_name).
        code: Text<'a>, required;
        message: Prose<'a>, required;
    }
}

impl<'a> From<&'a WireError> for ErrorEnvelope<'a> {
    fn from(error: &'a WireError) -> Self {
        Self {
            error: ErrorDetail {
                code: error.code.name().into(),
                message: Prose(Cow::Borrowed(&error.message)),
            },
        }
    }
}

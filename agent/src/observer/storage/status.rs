//! How a request was completed, in the kernel's words.
//!
//! From 1 to 13 a block status has meant the same in all kernels, and stands for an errno; beyond
//! that numbers have moved, so there is only the number.

use std::borrow::Cow;

use tapio_common::abi::storage::{REQUEST_HAS_STATUS, RequestFact};
use tapio_common::occurrence::{ErrorFact, Facts};

const ETIMEDOUT: u32 = 110;

/// Statuses from 1 on: the errno, its name, what it is for.
const MEANINGS: [(u32, &str, &str); 13] = [
    (95, "EOPNOTSUPP", "operation not supported"),
    (ETIMEDOUT, "ETIMEDOUT", "the device did not answer in time"),
    (28, "ENOSPC", "no space left on the device"),
    (67, "ENOLINK", "the way to the device failed"),
    (121, "EREMOTEIO", "the target failed"),
    (52, "EBADE", "the device is reserved by another"),
    (61, "ENODATA", "the medium failed"),
    (84, "EILSEQ", "data and its protection do not agree"),
    (12, "ENOMEM", "no resources for the request"),
    (5, "EIO", "input/output error"),
    (78, "EREMCHG", "the request is to be mapped again"),
    (11, "EAGAIN", "the request would have to wait"),
    (16, "EBUSY", "the device is busy"),
];

/// A failure; there is none for success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Status {
    /// `None` where the kernel hands over an errno.
    number: Option<u32>,
    /// `None` where the number's meaning has moved.
    errno: Option<u32>,
}

impl Status {
    pub fn of(record: &RequestFact) -> Option<Self> {
        let status = match record.flags & REQUEST_HAS_STATUS {
            0 => Self {
                number: None,
                errno: Some(record.errno),
            },
            _ => Self {
                number: Some(record.status),
                errno: meaning(record.status).map(|(errno, _, _)| *errno),
            },
        };
        let is_success = status.number.or(status.errno) == Some(0);
        (!is_success).then_some(status)
    }

    pub fn is_timeout(self) -> bool {
        self.errno == Some(ETIMEDOUT)
    }

    pub fn error(self) -> ErrorFact<'static> {
        let found = MEANINGS
            .iter()
            .find(|(errno, _, _)| Some(*errno) == self.errno);
        let (code, message) = match found {
            Some((_, code, message)) => (*code, *message),
            None => ("BLK_STS", "the request was completed with a failure status"),
        };
        ErrorFact {
            code: Cow::Borrowed(code),
            message: Cow::Borrowed(message),
        }
    }

    pub fn fill(self, facts: &mut Facts<'_>) {
        match (self.errno, self.number) {
            (Some(errno), _) => facts.u64("errno", errno),
            (None, Some(number)) => {
                facts.u64("status", number);
                facts.absent("errno", "status_renumbered");
            }
            (None, None) => {}
        }
    }
}

fn meaning(status: u32) -> Option<&'static (u32, &'static str, &'static str)> {
    let at = usize::try_from(status).ok()?.checked_sub(1)?;
    MEANINGS.get(at)
}

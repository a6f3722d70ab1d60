//! Log records over OTLP/HTTP as JSON, posted to `/v1/logs` below `--otlp-url`.
//!
//! What a record holds is in `encode`. Which answers allow another attempt, and what a partial
//! success is, are as the protocol has them.

mod encode;
mod facts;

use serde_json::Value;
use tapio_common::sink::SinkAccount;

use super::name::SinkName;
use super::outbox::Block;
use super::remote::{self, Dialect, Receipt};
use super::{Opened, Outfit, SinkError};
use crate::clock;

const DIALECT: Dialect = Dialect {
    name: SinkName::Otlp,
    target: "/v1/logs",
    content_type: "application/json",
    encode: |batch: &[Block]| encode::request(batch, clock::now().wall),
    is_passing: |status| matches!(status, 429 | 502..=504),
    read: receipt,
};

pub fn open<'a>(outfit: &Outfit<'a>, account: &'a SinkAccount) -> Result<Opened<'a>, SinkError> {
    let settings = outfit.settings;
    remote::open(DIALECT, settings.otlp_url.as_ref(), settings, account)
}

/// What a receiver says of a batch it took in part. Anything it says otherwise means all of it.
fn receipt(body: &[u8]) -> Receipt {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let partial = &answer["partialSuccess"];
    let rejected = &partial["rejectedLogRecords"];
    // An int64 is a text in this JSON; some write a number.
    let of_text = || rejected.as_str()?.parse().ok();
    let message = partial["errorMessage"].as_str().unwrap_or_default();
    Receipt {
        rejected: rejected.as_u64().or_else(of_text).unwrap_or(0),
        words: remote::words(message.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_success_is_read_as_the_protocol_writes_it() {
        for (body, rejected, words) in [
            ("", 0, ""),
            ("{}", 0, ""),
            ("{\"partialSuccess\":{}}", 0, ""),
            (
                "{\"partialSuccess\":{\"rejectedLogRecords\":\"3\",\"errorMessage\":\"no\\nroom\"}}",
                3,
                "no\\nroom",
            ),
            ("{\"partialSuccess\":{\"rejectedLogRecords\":4}}", 4, ""),
            (
                "{\"partialSuccess\":{\"errorMessage\":\"slow down\"}}",
                0,
                "slow down",
            ),
            ("not JSON", 0, ""),
        ] {
            let wanted = Receipt {
                rejected,
                words: words.to_owned(),
            };
            assert_eq!(receipt(body.as_bytes()), wanted, "{body}");
        }
    }
}

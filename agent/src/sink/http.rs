//! Batches of JSON lines, posted to `--http-url`: for whatever takes newline-delimited JSON.
//!
//! The body is the lines as every other sink has them. Any 2xx answer means that all were taken.

use tapio_common::sink::SinkAccount;

use super::name::SinkName;
use super::outbox::Block;
use super::remote::{self, Dialect, Receipt};
use super::{Opened, Outfit, SinkError};

const DIALECT: Dialect = Dialect {
    name: SinkName::Http,
    target: "",
    content_type: "application/x-ndjson",
    encode,
    is_passing,
    read: |_| Receipt::default(),
};

pub fn open<'a>(outfit: &Outfit<'a>, account: &'a SinkAccount) -> Result<Opened<'a>, SinkError> {
    let settings = outfit.settings;
    remote::open(DIALECT, settings.http_url.as_ref(), settings, account)
}

fn encode(batch: &[Block]) -> Vec<u8> {
    let lines: Vec<&[u8]> = batch.iter().map(|block| block.lines.as_slice()).collect();
    lines.concat()
}

/// The server's own trouble, or too much at once. That it cannot do this at all does not pass.
fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502..=504 | 506..=599)
}

//! Evidence to the controller, in batches, each taken exactly once.
//!
//! With an evidence directory that is the queue: after any outage within what retention keeps, the
//! controller gets every event, in order ([`directory`]). Without one a bounded queue in memory
//! has to do, and what does not fit is counted ([`memory`]). Either way the batch thread only
//! rings a bell or fills a block; the thread `controller` reads, sends and waits.

mod batch;
mod body;
mod courier;
mod cursor;
mod directory;
mod follower;
mod memory;
mod stream;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tapio_common::sink::SinkAccount;

use self::courier::Courier;
use self::directory::Directory;
use self::follower::Follower;
use self::stream::Stream;
use super::name::SinkName;
use super::{Opened, Outfit, SinkError};
use crate::bell::Bell;

/// How long the last batches may take when the agent leaves.
const GRACE: Duration = Duration::from_secs(2);

/// Lines of one batch: with what makes them events it stays below the 256 KiB of a body.
const BATCH_BYTES_MAX: usize = 192 << 10;

pub fn open<'a>(outfit: &Outfit<'a>, account: &'a SinkAccount) -> Result<Opened<'a>, SinkError> {
    let link = outfit.link.ok_or(SinkError::NoController)?;
    let courier = Courier::new(link, outfit.accounts.controller(), outfit.chance());
    if !outfit.settings.sinks.contains(&SinkName::File) {
        return Ok(memory::open(courier, account));
    }
    let path = &outfit.settings.data_dir;
    let unusable = |error: io::Error| SinkError::Cursor(path.clone(), error);
    let directory = Directory::open(path).map_err(unusable)?;
    // What cannot be stored at all is found out here and not batch by batch.
    directory.store().map_err(unusable)?;
    link.set_next_sequence(directory.next_sequence());
    let bell = Arc::new(Bell::new().map_err(unusable)?);
    let stream = Stream::new(directory, courier, Arc::clone(&bell), account).map_err(unusable)?;
    Ok(Opened {
        front: Box::new(Follower::new(outfit.kept, bell, account)),
        task: Some(Box::new(move |stop| {
            stream.run(stop);
            Ok(())
        })),
    })
}

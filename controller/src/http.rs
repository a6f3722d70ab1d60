//! HTTP/1.1 as far as the five operations need it.
//!
//! [`message`] is what handlers see: a request is borrowed, a response is a value, and neither
//! knows of sockets.

pub mod message;
pub mod server;

mod chunked;
mod connection;
mod front;
mod head;
mod intake;
mod limits;
mod outbox;
mod poll;
mod reply;
mod slots;
mod worker;

use std::io;

/// A read or write that has to wait is no error.
fn is_nothing_yet(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

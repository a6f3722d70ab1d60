//! HTTP/1.1 as far as the five operations need it.
//!
//! [`message`] is what handlers see: a request is borrowed, a response is a value, and neither
//! knows of sockets.

pub mod message;

//! What a controller has to endure, with honest clients watching all the while.
//!
//! Each attack runs against a controller of its own. Throughout, honest agents must be answered in
//! under a second and what the process holds must stay within its bounds; afterwards it must be as
//! before. The attackers live in this process, on loopback, and end with their test.

mod bodies;
mod crowd;
mod crowds;
mod heads;
mod readers;
mod watch;

//! The bounds of the server side, each with its unit last in its name and its reason beside it.
//!
//! Together they say what a stranger can cost: so many connections, so many bytes, so long.

/// Request line and headers. A real agent's head is below 400 bytes.
pub const HEAD_BYTES_MAX: usize = 16_384;

/// Header lines of one request.
pub const HEADER_LINES_MAX: usize = 64;

/// Empty lines before a request line, which some clients send after a body.
pub const LEADING_BYTES_MAX: usize = 8;

/// A chunk's size line or a trailer line.
pub const CHUNK_LINE_BYTES_MAX: usize = 256;

/// All trailer lines of a chunked body.
pub const TRAILER_BYTES_MAX: usize = 4_096;

/// A connection without a request under way is closed after this; the sweep comes once a second,
/// so that none is older than 30 s.
pub const IDLE_MS_MAX: u64 = 29_000;

/// From the first byte of a head to its end.
pub const HEAD_MS_MAX: u64 = 10_000;

/// From the first byte of a head to the end of the body: 256 kB at 10 kB/s.
pub const REQUEST_MS_MAX: u64 = 30_000;

/// A peer that takes not one byte of its answer for so long is gone.
pub const WRITE_STALL_MS_MAX: u64 = 10_000;

/// From the first byte of an answer to its last: the status of 100,000 agents at 2 MB/s.
pub const ANSWER_MS_MAX: u64 = 120_000;

/// How long and how much is read and thrown away after a refusal, so that the peer gets to see
/// it instead of a reset.
pub const LINGER_MS_MAX: u64 = 2_000;
pub const LINGER_BYTES_MAX: usize = 4_194_304;

/// Connections at all, where the limit on open files allows them. An idle one costs us about 300
/// bytes; 10,000 agents may keep theirs.
pub const CONNECTIONS_MAX: usize = 16_384;

/// Descriptors kept free for everything that is no connection.
pub const DESCRIPTORS_SPARED: usize = 40;

/// Unfinished requests and unsent answers of all connections together, unless the bodies that are
/// allowed are so large, or the workers so many, that each would have room for less than
/// [`BODIES_BUFFERED_MIN`].
pub const BUFFERED_BYTES_MAX: usize = 33_554_432;

/// Whole requests a worker has room for at least. A buffer grows to twice what it holds, and a
/// worker that is over its bound sheds down to half of it.
pub const BODIES_BUFFERED_MIN: usize = 4;

/// So long after it came, a connection that asked nothing is not taken for a silent one.
pub const FRESH_MS_MAX: u64 = 100;

/// What one worker reads from a connection in one turn.
pub const READ_BYTES: usize = 65_536;

/// Answers made ahead of a peer that pipelines; then it must read before more are made.
pub const ANSWERS_AHEAD_BYTES_MAX: usize = 65_536;

/// Pipelined requests answered in one turn, before the other connections have theirs.
pub const REQUESTS_PER_TURN_MAX: usize = 32;

/// A round of turns is broken off after this, to look at deadlines and at the word to leave.
pub const ROUND_MS_MAX: u64 = 50;

/// Connections accepted in one turn.
pub const ACCEPTS_PER_TURN_MAX: usize = 32;

/// How much busier than the least busy worker one may be before it passes connections on.
pub const IMBALANCE_CONNECTIONS_MAX: usize = 8;

/// When leaving: how long requests under way may take, and how long a connection without one is
/// listened to, because its request may be on the wire. Of the five seconds in all, half a one is
/// for a handler that waits for the copy of accepted events, and one for the copy to end.
pub const LEAVE_MS_MAX: u64 = 3_200;
pub const LEAVE_IDLE_MS_MAX: u64 = 250;

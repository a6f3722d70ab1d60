//! The limits of the wire, each with its unit last in its name and its reason beside it.
//!
//! What an operator may set (batch size, body size) has its default here; what nobody may set
//! (depth, identifiers) is a constant of the protocol.

/// Body of a request, unless the operator says otherwise. A batch of 256 events is about 100 kB.
pub const BODY_BYTES_MAX: usize = 262_144;

/// Body of any response but the config, as the agent takes it.
pub const RESPONSE_BYTES_MAX: usize = 65_536;

/// Body of a config response, as the agent takes it.
pub const CONFIG_RESPONSE_BYTES_MAX: usize = 262_144;

/// Objects and arrays inside each other, the body's own braces counted as one. At most 64: the
/// reader keeps one bit for each.
pub const DEPTH_MAX: u32 = 64;

/// Any identifier, and anything else that is short by nature: a version, a reason, a name.
pub const IDENTIFIER_BYTES_MAX: usize = 256;

/// Entries of a list or a map in hello and heartbeat. What a real agent sends is below twenty.
pub const ENTRIES_MAX: usize = 128;

/// The text of one ledger. All types, counters and sinks at 20 digits come to about 8 kB.
pub const LEDGER_BYTES_MAX: usize = 16_384;

/// What a heartbeat says that is kept and echoed, packed. A ledger at its limit and all else that
/// agents say fit twice over; lists of the longest reasons do not.
pub const ECHO_BYTES_MAX: usize = 32_768;

/// `ignore_exit_codes` of the container observer: the kernel's table has that many slots.
pub const IGNORE_EXIT_CODES_MAX: usize = 16;

/// Events of one batch, unless the operator says otherwise.
pub const BATCH_EVENTS_MAX: u64 = 256;

/// How often an agent may send a batch, unless the operator says otherwise.
pub const SEND_INTERVAL_MS: u64 = 1_000;

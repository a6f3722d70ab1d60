//! The network observer's records and config.
//!
//! A record carries the connection as its socket stood at the hook, and the process that connected
//! it, kept from then. What a number means, and what its absence means, is the classifier's.

use super::shared::{FairShare, FoldSlot, ProcessRef, RecordHeader};
use super::{abi, constants};

constants! { CONSTANTS:
    /// A [`ConnectionFact`]: a connection, or an attempt at one, ended with an error.
    RECORD_CONNECTION_END: u16 = 10;
    /// A [`ConnectionFact`]: so many segments were sent again within the window.
    RECORD_RETRANSMITS: u16 = 11;
    /// A [`ConnectionFact`]: round trips take longer than this remote's first ones did.
    RECORD_ROUND_TRIP: u16 = 12;

    /// Rows of the types in the counters, in catalogue order.
    TYPE_CONNECTION_REFUSED: u32 = 0;
    TYPE_CONNECTION_TIMEOUT: u32 = 1;
    TYPE_CONNECTION_UNREACHABLE: u32 = 2;
    TYPE_CONNECTION_RESET: u32 = 3;
    TYPE_CONNECTION_LOST: u32 = 4;
    TYPE_RETRANSMIT_SPIKE: u32 = 5;
    TYPE_RTT_DEGRADATION: u32 = 6;

    /// `process` is who connected.
    CONNECTION_HAS_OWNER: u16 = 1;
    /// A listener took this connection in: nobody here connected it.
    CONNECTION_ACCEPTED: u16 = 2;
    /// `process` is who listens on the local address and port.
    CONNECTION_HAS_LISTENER: u16 = 4;
    /// More than one process listens there.
    CONNECTION_LISTENERS: u16 = 8;
    /// Who connected was seen, and there was no room to keep it.
    CONNECTION_OWNER_LOST: u16 = 16;

    /// Slots of refused destinations; their folds are numbered on from `FOLD_SLOTS`.
    DESTINATION_SLOTS: u32 = 256;
}

abi! {
    /// What this kernel is like, decided from its BTF before load; constant to the programs.
    NetworkShape = "tapio_network_shape" {
        /// `tcp_retransmit_skb` also fires for what was not sent, and says so.
        retransmit_has_error: u32,
    }

    /// A connection as its socket names it: the local end first, ports in host order.
    Connection = "tapio_connection" {
        /// An IPv4 address stands in the first four bytes.
        local_ip: [u8; 16],
        remote_ip: [u8; 16],
        local_port: u16,
        remote_port: u16,
        /// The socket's: an IPv6 socket may hold an IPv4 connection, in a mapped address.
        family: u16,
        flags: u16,
        /// The inode of the network namespace.
        netns: u32,
        process: ProcessRef,
    }

    /// A connection, and what is to be told of it; what does not apply to the kind is 0.
    ConnectionFact = "tapio_connection_fact" {
        header: RecordHeader,
        connection: Connection,
        /// What the program is told: `sk_err`. Of an end.
        error: u32,
        old_state: u8,
        new_state: u8,
        /// SYNs sent again. Of an attempt.
        syn_retries: u8,
        reserved: u8,
        /// Retransmits within the window; or refusals by this destination in its window, this one
        /// included, and 0 without folding.
        count: u32,
        total_retrans: u32,
        snd_cwnd: u32,
        /// Smoothed round-trip time; 0 where none was measured.
        srtt_us: u32,
        /// The lowest of the first round trips; 0 where none was asked for.
        baseline_us: u32,
        /// How many samples the baseline is the lowest of.
        samples: u32,
        /// Until when this record stands for its destination; 0 if it opens no such fold.
        window_end_ns: u64,
    }

    /// What to emit. All zero is inert.
    NetworkConfig = "tapio_network_config" {
        generation: u32,
        enabled: u32,
        /// 0: no comparison with the baseline.
        rtt_ratio: u32,
        /// 0: no absolute limit.
        rtt_limit_us: u32,
        rtt_samples_min: u32,
        /// 0: retransmits are not counted.
        retransmit_count: u32,
        retransmit_window_ns: u64,
        /// Either of these 0: every refusal for itself.
        refused_window_ns: u64,
        refused_count_min: u32,
        reserved: u32,
        fair_share: FairShare,
    }

    /// Two configs, and which of them counts: stored last, so that no run sees half a config.
    NetworkControl = "tapio_network_control" {
        active: u32,
        abi_version: u32,
        slots: [NetworkConfig; 2],
    }

    /// Where connections go to, as one network namespace sees it.
    Destination = "tapio_destination" {
        ip: [u8; 16],
        port: u16,
        family: u16,
        netns: u32,
    }

    /// Refusals by one destination of connections from one cgroup. Its fold's `due_ns` is the end
    /// of the window.
    DestinationSlot = "tapio_destination_slot" {
        fold: FoldSlot,
        destination: Destination,
        /// Refusals in this window.
        counted: u64,
        reserved: [u64; 4],
    }
}

const _: () = assert!(size_of::<DestinationSlot>() == 128);

//! A place that stays ours while nobody listens on it.
//!
//! Each process has a loopback address of its own and each place of it another port, so that neither
//! a neighbour in the same process nor a program that looks at the same time finds the same one.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that connections are given: one of those may be taken by somebody's connection
/// meanwhile, and a connect to it may even meet itself.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// Where something of ours may listen, leave, and listen again.
pub fn free_place() -> io::Result<SocketAddrV4> {
    free_place_at(address_of(process::id()))
}

/// The same, at an address that nobody else listens on.
pub fn free_place_at(address: Ipv4Addr) -> io::Result<SocketAddrV4> {
    static NEXT: AtomicU16 = AtomicU16::new(PORTS.start);
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        if !PORTS.contains(&port) {
            return Err(io::Error::other("this process used up its places"));
        }
        let place = SocketAddrV4::new(address, port);
        if TcpListener::bind(place).is_ok() {
            return Ok(place);
        }
    }
}

/// A process id has 22 bits at most; 127.64.0.0/10 has as many.
fn address_of(pid: u32) -> Ipv4Addr {
    let [_, high, middle, low] = pid.to_be_bytes();
    Ipv4Addr::new(127, 64 | (high & 63), middle, low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::thread;

    #[test]
    fn nobody_who_looks_at_the_same_time_is_given_the_same() {
        let looking: Vec<_> = (0..16).map(|_| thread::spawn(free_place)).collect();
        let places: HashSet<SocketAddrV4> = looking
            .into_iter()
            .map(|one| one.join().expect("it looks").expect("a place"))
            .collect();
        assert_eq!(places.len(), 16);
        assert_ne!(address_of(process::id()), address_of(process::id() + 1));
    }
}

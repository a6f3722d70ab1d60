//! A port that stays ours while nobody listens on it.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::process;

/// Below the ports that connections are given: one of those may be taken by somebody's connection
/// meanwhile, and a connect to it may even meet itself.
const FIRST: u16 = 20_000;
const PORTS: u16 = 10_000;

/// Where something of ours may listen, leave, and listen again.
pub fn free_place() -> io::Result<SocketAddrV4> {
    // Programs that look at the same time begin at different ports.
    let begin = u16::try_from(process::id() % u32::from(PORTS)).map_err(io::Error::other)?;
    let ports = (0..PORTS).map(|step| FIRST + (begin + step) % PORTS);
    let mut places = ports.map(|port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
    places
        .find(|place| TcpListener::bind(place).is_ok())
        .ok_or_else(|| io::Error::other("no port below the ephemeral ones is free"))
}

//! What a router says of a packet it cannot pass on, said by the causer itself: the packet is caught
//! on loopback as it is sent, and its head goes back in an ICMP message, as routers do it.

use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::thread::{self, JoinHandle};

use crate::os::checked;

/// Destination unreachable, of the host.
const HOST_UNREACHABLE: [u8; 8] = [3, 1, 0, 0, 0, 0, 0, 0];
/// Of TCP's head a router returns the ports and the sequence number.
const RETURNED: usize = 8;

/// Answers the first packet to this port that carries at least `payload_min` bytes.
pub fn refuse_packet_to(port: u16, payload_min: usize) -> JoinHandle<()> {
    let packets = raw_socket(libc::IPPROTO_TCP);
    thread::spawn(move || {
        let mut packet = [0u8; 2_048];
        loop {
            let length = receive(&packets, &mut packet);
            let ip_length = usize::from(packet[0] & 15) * 4;
            let tcp = &packet[ip_length..length];
            let tcp_length = usize::from(tcp[12] >> 4) * 4;
            let is_ours = u16::from_be_bytes([tcp[2], tcp[3]]) == port;
            if is_ours && tcp.len() - tcp_length >= payload_min {
                return send_back(&packet[..ip_length + RETURNED]);
            }
        }
    })
}

fn raw_socket(protocol: libc::c_int) -> OwnedFd {
    // SAFETY: no pointers are involved.
    let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, protocol) };
    checked("a raw socket", i64::from(fd));
    // SAFETY: the descriptor is fresh and owned by nobody else.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

fn receive(from: &OwnedFd, into: &mut [u8]) -> usize {
    // SAFETY: the buffer is valid for its length.
    let length = unsafe { libc::recv(from.as_raw_fd(), into.as_mut_ptr().cast(), into.len(), 0) };
    checked("recv", i64::try_from(length).unwrap_or(-1));
    usize::try_from(length).unwrap_or(0)
}

fn send_back(head: &[u8]) {
    let mut message = [&HOST_UNREACHABLE[..], head].concat();
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let to = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: 0,
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes(Ipv4Addr::LOCALHOST.octets()),
        },
        sin_zero: [0; 8],
    };
    let bytes = libc::socklen_t::try_from(size_of_val(&to)).expect("a short address");
    let socket = raw_socket(libc::IPPROTO_ICMP);
    // SAFETY: message and address live across the call and are as long as is said.
    let sent = unsafe {
        libc::sendto(
            socket.as_raw_fd(),
            message.as_ptr().cast(),
            message.len(),
            0,
            (&raw const to).cast(),
            bytes,
        )
    };
    checked("sendto", i64::try_from(sent).unwrap_or(-1));
}

/// The Internet's checksum of an even number of bytes.
fn checksum(bytes: &[u8]) -> u16 {
    let sum: u32 = bytes
        .chunks_exact(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or(0)
}

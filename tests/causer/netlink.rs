//! One request to the kernel over netlink, and what it answered; among them an operator's kill of a
//! connection, as `ss -K` says it.

use std::net::SocketAddr;

use crate::os::checked;

const HEADER_BYTES: usize = 16;

const SOCK_DESTROY: u16 = 21;
const NETLINK_SOCK_DIAG: libc::c_int = 4;
/// `struct inet_diag_req_v2`: family, protocol, extensions, padding; states; then the socket.
const REQUEST_BYTES: usize = 8 + 48;
const NO_COOKIE: [u8; 8] = [u8::MAX; 8];

/// Asks for this, and for a word on how it went: 0, or an errno below zero.
pub fn ask(family: libc::c_int, kind: u16, flags: libc::c_int, body: &[u8]) -> i32 {
    let flags = libc::NLM_F_REQUEST | libc::NLM_F_ACK | flags;
    let bytes = u32::try_from(HEADER_BYTES + body.len()).expect("a short message");
    let mut message = Vec::new();
    message.extend(bytes.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(u16::try_from(flags).expect("flags").to_ne_bytes());
    message.extend([0; 8]); // no sequence, from the kernel's choice of port
    message.extend(body);
    // SAFETY: no pointers are involved; the descriptor is closed below.
    let socket = unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW, family) };
    checked("netlink", i64::from(socket));
    let mut answer = [0u8; 512];
    // SAFETY: both buffers are live and as long as is said.
    let read = unsafe {
        libc::send(socket, message.as_ptr().cast(), message.len(), 0);
        libc::recv(socket, answer.as_mut_ptr().cast(), answer.len(), 0)
    };
    checked("netlink", i64::try_from(read).expect("a length"));
    // SAFETY: the descriptor is this function's own.
    unsafe { libc::close(socket) };
    // After the header stands the error.
    i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]])
}

fn v4(address: SocketAddr) -> [u8; 16] {
    let SocketAddr::V4(address) = address else {
        panic!("causer: an IPv4 address");
    };
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&address.ip().octets());
    bytes
}

/// Ends the end of a connection over loopback that has these addresses.
pub fn destroy(local: SocketAddr, remote: SocketAddr) {
    let family = u8::try_from(libc::AF_INET).expect("a small number");
    let protocol = u8::try_from(libc::IPPROTO_TCP).expect("a small number");
    let mut request = vec![family, protocol, 0, 0];
    request.extend(u32::MAX.to_ne_bytes());
    request.extend(local.port().to_be_bytes());
    request.extend(remote.port().to_be_bytes());
    request.extend(v4(local));
    request.extend(v4(remote));
    request.extend(0u32.to_ne_bytes());
    request.extend(NO_COOKIE);
    assert_eq!(request.len(), REQUEST_BYTES);
    let error = ask(NETLINK_SOCK_DIAG, SOCK_DESTROY, 0, &request);
    assert_eq!(error, 0, "causer: the kernel does not end it");
}

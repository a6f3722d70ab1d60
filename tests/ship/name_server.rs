//! A name server that knows one address for every name, on a loopback address of this process's own.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;

const PORT: u16 = 53;
const MESSAGE_BYTES_MAX: usize = 512;
const HEAD_BYTES: usize = 12;
const TYPE_A: u16 = 1;
/// An answer that recursion is available for, and that went well.
const ANSWERED: [u8; 2] = [0x81, 0x80];

/// Answers from a thread that ends with the test process: where it can be asked.
pub fn start(known: Ipv4Addr) -> IpAddr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let at = Ipv4Addr::new(127, 192 | (high & 63), middle, low);
    let socket = UdpSocket::bind((at, PORT)).unwrap_or_else(|error| panic!("{at}: {error}"));
    thread::spawn(move || serve(&socket, known));
    at.into()
}

fn serve(socket: &UdpSocket, known: Ipv4Addr) -> io::Result<()> {
    let mut asked = [0; MESSAGE_BYTES_MAX];
    loop {
        let (bytes, from): (usize, SocketAddr) = socket.recv_from(&mut asked)?;
        if let Some(answer) = answer(&asked[..bytes], known) {
            socket.send_to(&answer, from)?;
        }
    }
}

/// To the one question of the message; a name has no address but that of version 4.
fn answer(asked: &[u8], known: Ipv4Addr) -> Option<Vec<u8>> {
    let labels = asked.get(HEAD_BYTES..)?;
    let end = HEAD_BYTES + labels.iter().position(|byte| *byte == 0)? + 1;
    let question = asked.get(HEAD_BYTES..end + 4)?;
    let is_v4 = asked.get(end..end + 2)? == TYPE_A.to_be_bytes();
    let mut answer = asked[..2].to_vec();
    answer.extend(ANSWERED);
    for count in [1, u16::from(is_v4), 0, 0] {
        answer.extend(count.to_be_bytes());
    }
    answer.extend(question);
    if is_v4 {
        // The name of the question, an address of the internet, for a minute, of four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(known.octets());
    }
    Some(answer)
}

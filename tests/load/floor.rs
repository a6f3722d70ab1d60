//! A server that reads a head and writes a 304, and does nothing else.
//!
//! What it costs on this machine at this moment is the kernel's share of every row beside it: a
//! figure far above it is the controller's own, a floor far above its usual is somebody else's.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use tapio_tests::controller::TestController;
use tapio_tests::folder::TestFolder;

const ANSWER: &[u8] = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n";

/// This program again, as the server.
pub fn start() -> io::Result<TestController> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--floor");
    Ok(TestController::spawn(TestFolder::new(), command))
}

/// Serves until it is ended from outside.
pub fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    eprintln!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || answer(stream));
    }
    Ok(())
}

/// Ends with its connection, however that ends.
fn answer(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        while line != b"\r\n" {
            line.clear();
            if reader.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
        }
        reader.get_mut().write_all(ANSWER)?;
    }
}

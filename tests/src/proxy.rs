//! A proxy that misbehaves as it is told, between an agent and a controller.
//!
//! It knows HTTP well enough to spoil it: every fault is what a real network, a real proxy or a real
//! controller in trouble does. Where a fault spoils the answer, every other request has been passed on
//! first: the controller took it, and the agent cannot know.

mod fault;

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::deadline::wait_for_moment;
use crate::http::{Answer, Connection, Host, Incoming};
use crate::place::free_place;

pub use fault::{Fault, MARK};

/// Between two bytes of a slow answer: a short one takes half a minute.
const BYTE_EVERY: Duration = Duration::from_millis(100);
/// How long the proxy waits for the controller. Longer than any agent.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Proxy {
    place: SocketAddrV4,
    shared: Arc<Shared>,
    host: Option<Host>,
    /// Where redirects point. Open as long as the proxy is.
    _trap: Host,
    trapped: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    requests: AtomicU64,
    trap: SocketAddr,
}

#[derive(Debug, Clone, Copy)]
struct State {
    fault: Fault,
    to: SocketAddr,
}

impl Proxy {
    /// In front of this controller, and well-behaved at first.
    ///
    /// # Panics
    /// When there is no port for it.
    pub fn start(to: SocketAddr) -> Self {
        Self::start_at(free_place().expect("a port"), to)
    }

    /// At this place.
    ///
    /// # Panics
    /// When somebody else is there.
    pub fn start_at(place: SocketAddrV4, to: SocketAddr) -> Self {
        let trapped = Arc::new(AtomicBool::new(false));
        let of_trap = Arc::clone(&trapped);
        // Whoever reaches the proxy can go where it points.
        let door = TcpListener::bind((*place.ip(), 0)).expect("a port");
        let spring = move |_: &Incoming, _: &TcpStream| {
            of_trap.store(true, Ordering::Release);
            Ok(false)
        };
        let trap = Host::open(door, Arc::new(spring)).expect("it has an address");
        let mut proxy = Self {
            place,
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    fault: Fault::None,
                    to,
                }),
                requests: AtomicU64::new(0),
                trap: trap.address(),
            }),
            host: None,
            _trap: trap,
            trapped,
        };
        proxy.open();
        proxy
    }

    pub fn place(&self) -> SocketAddrV4 {
        self.place
    }

    /// The controller is somewhere else from now on.
    pub fn lead_to(&self, to: SocketAddr) {
        self.shared.with(|state| state.to = to);
    }

    /// Misbehaves so from now on. Connections there are end, as they do when a network changes.
    ///
    /// # Panics
    /// When its port was taken by somebody else.
    pub fn misbehave(&mut self, fault: Fault) {
        self.shared.with(|state| state.fault = fault);
        self.host = None;
        if fault != Fault::Refused {
            self.open();
        }
    }

    /// Requests it was asked so far.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Acquire)
    }

    /// Whether somebody went where a redirect pointed.
    pub fn was_followed(&self) -> bool {
        self.trapped.load(Ordering::Acquire)
    }

    fn open(&mut self) {
        let shared = Arc::clone(&self.shared);
        let listener = TcpListener::bind(self.place).expect("the place is ours");
        let host = Host::open(
            listener,
            Arc::new(move |incoming: &Incoming, stream: &TcpStream| shared.relay(incoming, stream)),
        );
        self.host = Some(host.expect("it has an address"));
    }
}

impl Shared {
    fn with<T>(&self, then: impl FnOnce(&mut State) -> T) -> T {
        then(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn relay(&self, incoming: &Incoming, mut stream: &TcpStream) -> io::Result<bool> {
        let number = self.requests.fetch_add(1, Ordering::AcqRel);
        let State { fault, to } = self.with(|state| *state);
        let spoilt = fault.answer(incoming, self.trap);
        let answer = match &spoilt {
            Some(_) if number % 2 == 0 => None,
            Some(_) | None => Some(pass_on(incoming, to)?),
        };
        let bytes = spoilt.or_else(|| answer.as_ref().map(Answer::to_bytes));
        let bytes = bytes.unwrap_or_default();
        match fault {
            Fault::Slow => trickle(&bytes, stream),
            Fault::CutInHalf => {
                stream.write_all(&bytes[..bytes.len() / 2])?;
                stream.shutdown(Shutdown::Both)?;
                Ok(false)
            }
            Fault::None
            | Fault::Refused
            | Fault::ServerError
            | Fault::Garbage
            | Fault::WrongTag
            | Fault::Redirect => {
                stream.write_all(&bytes)?;
                Ok(true)
            }
        }
    }
}

fn pass_on(incoming: &Incoming, to: SocketAddr) -> io::Result<Answer> {
    Connection::open_with(to, PATIENCE)?.exchange(&incoming.to_bytes())
}

fn trickle(bytes: &[u8], mut stream: &TcpStream) -> io::Result<bool> {
    let begin = Instant::now();
    for (at, byte) in (0..).zip(bytes) {
        wait_for_moment(begin + BYTE_EVERY * at);
        stream.write_all(&[*byte])?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests;

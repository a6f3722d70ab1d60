//! What systemd is told: that the agent observes, that it still lives, that it leaves.
//!
//! One datagram each to the socket systemd names; nothing is awaited, and nothing is sent where
//! none is named. The word that it lives comes from the batch thread, through which every event
//! goes, and only if the ring threads have answered since the last. For that an idle agent wakes
//! twice per `WatchdogSec`, and only where a unit asks for it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use tapio_common::sink::{Sink, Written};
use tapio_common::time::Now;

use crate::clock::nanos;
use crate::roll_call::RollCall;

/// The socket, while there is one.
#[derive(Debug)]
pub struct Systemd {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Systemd {
    /// As the environment says; a socket that cannot be reached is said in the log and is none.
    pub fn named_in(environment: impl Fn(&str) -> Option<OsString>) -> Self {
        let name = environment("NOTIFY_SOCKET").filter(|name| !name.is_empty());
        let socket = name.and_then(|name| {
            connect(&name)
                .inspect_err(|error| log::warn!("systemd is not told, {name:?}: {error}"))
                .ok()
        });
        let usec = environment("WATCHDOG_USEC").and_then(|usec| usec.to_str()?.parse().ok());
        let pid = environment("WATCHDOG_PID");
        let is_ours = pid.is_none_or(|pid| pid == std::process::id().to_string().as_str());
        Self {
            socket,
            watchdog: usec
                .filter(|usec| *usec > 0 && is_ours)
                .map(Duration::from_micros),
        }
    }

    /// Everything is attached and every thread runs.
    pub fn observing(&self) {
        self.tell("READY=1\nSTATUS=observing");
    }

    pub fn leaving(&self) {
        self.tell("STOPPING=1");
    }

    /// To be called with the batch thread's sinks; `None` where nobody watches.
    pub fn watchdog<'a>(&'a self, roll: &'a RollCall) -> Option<Watchdog<'a>> {
        self.socket.as_ref()?;
        let within = self.watchdog?;
        Some(Watchdog {
            systemd: self,
            roll,
            asked: 0,
            every_nanos: nanos(within / 2),
            next_boot_nanos: 0,
        })
    }

    /// A word that does not get through is missed by systemd, which then does what its unit says.
    fn tell(&self, word: &str) {
        let Some(socket) = &self.socket else {
            return;
        };
        if let Err(error) = socket.send(word.as_bytes()) {
            log::debug!("systemd was not told {word:?}: {error}");
        }
    }
}

/// A path, or a name in the abstract namespace where it begins with `@`.
fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    // A queue that is full must not hold up the batch thread.
    socket.set_nonblocking(true)?;
    match name.as_bytes().strip_prefix(b"@") {
        Some(hidden) => socket.connect_addr(&SocketAddr::from_abstract_name(hidden)?)?,
        None => socket.connect(name)?,
    }
    Ok(socket)
}

/// A sink that takes nothing and says, as often as it must, that the threads of events go round.
#[derive(Debug)]
pub struct Watchdog<'a> {
    systemd: &'a Systemd,
    roll: &'a RollCall,
    /// The question that has to be answered before the next word.
    asked: u64,
    every_nanos: u64,
    next_boot_nanos: u64,
}

impl Sink for Watchdog<'_> {
    fn take(&mut self, _: &Written<'_>) {}

    fn flush(&mut self, now: Now) -> Option<Duration> {
        if now.boot_nanos >= self.next_boot_nanos {
            let mut silent = self.roll.heard().filter(|(_, heard)| *heard < self.asked);
            match silent.next() {
                None => self.systemd.tell("WATCHDOG=1"),
                Some((observer, _)) => log::error!("the thread ring-{} hangs", observer.name()),
            }
            self.roll.call();
            self.asked = self.roll.asked();
            self.next_boot_nanos = now.boot_nanos.saturating_add(self.every_nanos);
        }
        let left = self.next_boot_nanos.saturating_sub(now.boot_nanos);
        Some(Duration::from_nanos(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tapio_common::catalogue::Observer;
    use tapio_common::time::Timestamp;

    const SECOND: u64 = 1_000_000_000;

    /// A socket as systemd's, and an environment that names it.
    fn listening(name: &str) -> (UnixDatagram, OsString) {
        let name = format!("tapio-{name}-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a short name");
        let socket = UnixDatagram::bind_addr(&address).expect("nobody else's");
        socket.set_nonblocking(true).expect("a socket");
        (socket, format!("@{name}").into())
    }

    /// With one ring, whose thread is there.
    fn roll() -> RollCall {
        let roll = RollCall::of(&[Observer::Network]).expect("an eventfd");
        roll.answer(Observer::Network);
        roll
    }

    fn heard(socket: &UnixDatagram) -> Option<String> {
        let mut word = [0; 64];
        let length = socket.recv(&mut word).ok()?;
        Some(String::from_utf8_lossy(&word[..length]).into_owned())
    }

    fn at(seconds: u64) -> Now {
        Now {
            wall: Timestamp(0),
            boot_nanos: seconds * SECOND,
        }
    }

    #[test]
    fn its_beginning_and_its_end_are_told() {
        let (socket, name) = listening("ends");
        let systemd =
            Systemd::named_in(|variable| (variable == "NOTIFY_SOCKET").then(|| name.clone()));
        assert!(systemd.watchdog(&roll()).is_none(), "nobody asked for it");
        systemd.observing();
        systemd.leaving();
        assert_eq!(heard(&socket).as_deref(), Some("READY=1\nSTATUS=observing"));
        assert_eq!(heard(&socket).as_deref(), Some("STOPPING=1"));
        assert_eq!(heard(&socket), None);
    }

    #[test]
    fn it_is_alive_twice_in_the_time_it_is_given() {
        let (socket, name) = listening("watchdog");
        let systemd = Systemd::named_in(|variable| match variable {
            "NOTIFY_SOCKET" => Some(name.clone()),
            "WATCHDOG_USEC" => Some("60000000".into()),
            "WATCHDOG_PID" => Some(std::process::id().to_string().into()),
            _ => None,
        });
        let roll = roll();
        let mut watchdog = systemd.watchdog(&roll).expect("it was asked for");
        assert_eq!(watchdog.flush(at(5)), Some(Duration::from_secs(30)));
        assert_eq!(watchdog.flush(at(15)), Some(Duration::from_secs(20)));
        assert_eq!(heard(&socket).as_deref(), Some("WATCHDOG=1"));
        assert_eq!(heard(&socket), None);
        roll.answer(Observer::Network);
        assert_eq!(watchdog.flush(at(35)), Some(Duration::from_secs(30)));
        assert_eq!(heard(&socket).as_deref(), Some("WATCHDOG=1"));
        assert_eq!(watchdog.flush(at(65)), Some(Duration::from_secs(30)));
        assert_eq!(heard(&socket), None, "the ring's thread has not answered");
        roll.answer(Observer::Network);
        watchdog.flush(at(95));
        assert_eq!(heard(&socket).as_deref(), Some("WATCHDOG=1"));
    }

    #[test]
    fn the_watchdog_of_another_process_is_not_ours() {
        let (_socket, name) = listening("other");
        let systemd = Systemd::named_in(|variable| match variable {
            "NOTIFY_SOCKET" => Some(name.clone()),
            "WATCHDOG_USEC" => Some("60000000".into()),
            "WATCHDOG_PID" => Some("1".into()),
            _ => None,
        });
        assert!(systemd.watchdog(&roll()).is_none());
    }

    #[test]
    fn a_socket_that_is_not_there_stops_nothing() {
        let systemd = Systemd::named_in(|_| Some("/nowhere/notify".into()));
        systemd.observing();
        assert!(systemd.watchdog(&roll()).is_none());
    }
}

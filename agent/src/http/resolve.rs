//! A host's addresses. A name is asked for in a short-lived thread of its own, because the
//! system's resolver can be neither interrupted nor given a deadline.
//!
//! There is one such thread at most: while it is stuck, callers wait for it, each as long as it
//! may, and do not start another. It is the one thread that is not joined.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::Builder;

use crossbeam_channel::{Receiver, bounded};

use super::error::CallError;
use super::leave::{Leave, Waited};
use crate::stop::Stop;
use tapio_wire::endpoint::{Endpoint, Host};

/// More addresses than this are not tried.
const ADDRESSES_MAX: usize = 4;

/// Asks for the addresses of one endpoint.
#[derive(Debug, Default)]
pub struct Resolver {
    under_way: Option<Lookup>,
}

#[derive(Debug)]
struct Lookup {
    found: Receiver<io::Result<Vec<SocketAddr>>>,
    done: Arc<Stop>,
}

impl Resolver {
    /// The addresses, by `deadline` (boot time).
    pub fn addresses(
        &mut self,
        endpoint: &Endpoint,
        leave: &Leave<'_>,
        deadline: u64,
    ) -> Result<Vec<SocketAddr>, CallError> {
        let name = match &endpoint.host {
            Host::Address(address) => return Ok(vec![SocketAddr::new(*address, endpoint.port)]),
            Host::Name(name) => name,
        };
        if self.under_way.is_none() {
            let lookup = Lookup::start(name, endpoint.port).map_err(CallError::Unresolved)?;
            self.under_way = Some(lookup);
        }
        let Some(lookup) = &self.under_way else {
            return Err(CallError::Late);
        };
        match leave.await_io(lookup.done.as_fd(), libc::POLLIN, deadline) {
            Waited::Late => return Err(CallError::Late),
            Waited::Left => return Err(CallError::Left),
            Waited::Ready => {}
        }
        let found = lookup.found.try_recv();
        self.under_way = None;
        match found {
            Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
            Ok(Err(error)) => Err(CallError::Unresolved(error)),
            Ok(Ok(_)) | Err(_) => Err(CallError::Unresolved(io::ErrorKind::NotFound.into())),
        }
    }
}

impl Lookup {
    fn start(name: &str, port: u16) -> io::Result<Self> {
        let (answer, found) = bounded(1);
        let done = Arc::new(Stop::new()?);
        let (name, told) = (name.to_owned(), Arc::clone(&done));
        Builder::new().name("resolve".to_owned()).spawn(move || {
            let _told = told.guard();
            let addresses = (name.as_str(), port).to_socket_addrs();
            // Whoever asked may have left.
            let _ = answer.send(addresses.map(|found| found.take(ADDRESSES_MAX).collect()));
        })?;
        Ok(Self { found, done })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock;

    fn addresses(url: &str) -> Result<Vec<SocketAddr>, CallError> {
        let stop = Stop::new().expect("an eventfd");
        let leave = Leave::new(&stop, Duration::ZERO);
        let endpoint = Endpoint::parse(url).expect(url);
        let deadline = clock::boot_nanos_in(Duration::from_secs(20));
        Resolver::default().addresses(&endpoint, &leave, deadline)
    }

    #[test]
    fn an_address_is_its_own_answer_and_a_name_is_asked_for() {
        let own = addresses("http://127.0.0.1:81").expect("an address");
        assert_eq!(own, [SocketAddr::from(([127, 0, 0, 1], 81))]);
        let local = addresses("http://localhost:81").expect("every machine knows it");
        assert!(
            local.iter().all(|address| address.ip().is_loopback()),
            "{local:?}"
        );
    }
}

//! The connections of one worker, each in a slot.
//!
//! A token names a slot and its tenancy, so that an event for a connection that was closed a
//! moment ago is not taken for one about the connection that came after it.

use std::io;
use std::os::fd::AsFd;

use super::connection::Connection;
use super::poll::{Interest, Poll};

struct Slot {
    tenancy: u32,
    tenant: Option<Tenant>,
}

struct Tenant {
    connection: Connection,
    /// What the poller waits for; `None` while it does not know the connection.
    interest: Option<Interest>,
}

pub struct Slots {
    slots: Vec<Slot>,
    free: Vec<usize>,
    capacity: usize,
}

impl Slots {
    pub fn new(capacity: usize) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            capacity,
        }
    }

    pub fn capacity(&self) -> usize {
        self.capacity
    }

    pub fn is_full(&self) -> bool {
        self.free.is_empty() && self.slots.len() >= self.capacity
    }

    pub fn is_empty(&self) -> bool {
        self.free.len() == self.slots.len()
    }

    /// `None` where every slot is taken.
    pub fn insert(&mut self, connection: Connection) -> Option<usize> {
        if self.is_full() {
            return None;
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                tenancy: 0,
                tenant: None,
            });
            self.slots.len() - 1
        });
        self.slots[slot].tenant = Some(Tenant {
            connection,
            interest: None,
        });
        Some(slot)
    }

    pub fn remove(&mut self, slot: usize) -> Option<Connection> {
        let place = self.slots.get_mut(slot)?;
        let tenant = place.tenant.take()?;
        place.tenancy = place.tenancy.wrapping_add(1);
        self.free.push(slot);
        Some(tenant.connection)
    }

    /// As [`Self::remove`], for a connection that lives on elsewhere.
    pub fn release(&mut self, slot: usize, poll: &Poll) -> io::Result<Option<Connection>> {
        let place = self.slots.get(slot).and_then(|place| place.tenant.as_ref());
        if let Some(tenant) = place.filter(|tenant| tenant.interest.is_some()) {
            poll.remove(tenant.connection.stream().as_fd())?;
        }
        Ok(self.remove(slot))
    }

    pub fn get_mut(&mut self, slot: usize) -> Option<&mut Connection> {
        let tenant = self.slots.get_mut(slot)?.tenant.as_mut()?;
        Some(&mut tenant.connection)
    }

    pub fn iter(&self) -> impl Iterator<Item = (usize, &Connection)> {
        let tenants = self.slots.iter().enumerate();
        tenants.filter_map(|(slot, place)| Some((slot, &place.tenant.as_ref()?.connection)))
    }

    /// The slot a token names, if the connection it was made for is still there.
    pub fn of_token(&self, token: u64) -> Option<usize> {
        let slot = usize::try_from(token & u64::from(u32::MAX)).ok()?;
        let place = self.slots.get(slot)?;
        (u64::from(place.tenancy) == token >> 32 && place.tenant.is_some()).then_some(slot)
    }

    /// Has the poller wait for this, if it does not do so already.
    pub fn wait_for(&mut self, slot: usize, interest: Interest, poll: &Poll) -> io::Result<()> {
        let Some(place) = self.slots.get_mut(slot) else {
            return Ok(());
        };
        let token =
            u64::from(place.tenancy) << 32 | u64::try_from(slot).map_err(io::Error::other)?;
        let Some(tenant) = &mut place.tenant else {
            return Ok(());
        };
        let descriptor = tenant.connection.stream().as_fd();
        match tenant.interest {
            Some(before) if before == interest => {}
            Some(_) => poll.change(descriptor, token, interest)?,
            None => poll.add(descriptor, token, interest)?,
        }
        tenant.interest = Some(interest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// The two ends of a connection.
    fn pair() -> (TcpStream, Connection) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        (client, Connection::new(server, 1, 0))
    }

    /// The token with which the poller reports that the client's word has come.
    fn token_of(client: TcpStream, slots: &mut Slots, slot: usize) -> u64 {
        let (mut poll, mut tokens) = (Poll::new().unwrap(), Vec::new());
        slots.wait_for(slot, Interest::Read, &poll).unwrap();
        drop(client); // an end is a word, too
        poll.wait(Some(10_000), &mut tokens).unwrap();
        assert_eq!(tokens.len(), 1);
        tokens[0]
    }

    #[test]
    fn a_token_does_not_outlive_its_connection() {
        let mut slots = Slots::new(1);
        let (client, connection) = pair();
        let slot = slots.insert(connection).unwrap();
        let token = token_of(client, &mut slots, slot);
        assert_eq!(slots.of_token(token), Some(slot));
        slots.remove(slot).unwrap();
        assert_eq!(slots.of_token(token), None);
        let (_client, connection) = pair();
        assert_eq!(
            slots.insert(connection),
            Some(slot),
            "the slot is used again"
        );
        assert_eq!(slots.of_token(token), None);
        assert_eq!(slots.of_token(u64::MAX), None);
    }

    #[test]
    fn there_are_as_many_slots_as_was_said() {
        let mut slots = Slots::new(2);
        let (clients, placed): (Vec<_>, Vec<_>) = (0..3)
            .map(|_| pair())
            .map(|(client, connection)| (client, slots.insert(connection)))
            .unzip();
        assert_eq!(placed, [Some(0), Some(1), None]);
        assert!(slots.is_full());
        assert_eq!(slots.iter().count(), 2);
        for slot in 0..2 {
            assert!(slots.remove(slot).is_some());
            assert!(slots.remove(slot).is_none());
        }
        assert!(slots.is_empty());
        drop(clients);
    }
}

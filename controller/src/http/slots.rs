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

//! One worker: a thread, its poller and its connections.
//!
//! A worker accepts, reads, answers and writes; no request changes threads. Whatever a peer does
//! or leaves undone costs it a slot and a bounded number of bytes for a bounded time, and when
//! slots run out those who are missed least make room.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use super::connection::{Connection, Turn, Wish, Worth};
use super::front::{Arrival, Front};
use super::limits;
use super::poll::{self, Interest, Poll};
use super::reply::Date;
use super::slots::Slots;
use crate::moment::Moment;
use crate::site::Site;

const WAKER: u64 = u64::MAX;
const DOOR: u64 = u64::MAX - 1;

/// How often deadlines are looked at; while leaving, or with accepting paused, more often.
const SWEEP_MS: u64 = 1_000;
const SWEEP_SOON_MS: u64 = 50;

/// A busy connection makes room for others only after this.
const BUSY_MS_MIN: u64 = 1_000;

/// Of all connections, how many make room at once when slots run out.
const ROOM_FRACTION: usize = 32;

/// Of descriptors or of memory: it passes, and the next accept may do.
fn is_want_of_room(error: &io::Error) -> bool {
    let wants = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
    error
        .raw_os_error()
        .is_some_and(|code| wants.contains(&code))
}

pub struct Worker {
    desk: usize,
    front: Arc<Front>,
    site: Arc<Site>,
    poll: Poll,
    /// `None` at the bulk desk, and once the server is leaving.
    door: Option<Arc<TcpListener>>,
    accepting: bool,
    arrivals: Receiver<Arrival>,
    slots: Slots,
    buffered_bytes: usize,
    next_sweep_ms: u64,
    leaving_since_ms: Option<u64>,
    scratch: Vec<u8>,
    out: Vec<u8>,
    date: Date,
}

impl Worker {
    pub fn new(
        desk: usize,
        front: Arc<Front>,
        site: Arc<Site>,
        door: Option<Arc<TcpListener>>,
        arrivals: Receiver<Arrival>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        poll.add(front.waker(desk).as_fd(), WAKER, Interest::Read)?;
        if let Some(door) = &door {
            poll.add(door.as_fd(), DOOR, Interest::ReadAlone)?;
        }
        Ok(Self {
            desk,
            slots: Slots::new(front.connections_max),
            front,
            site,
            poll,
            door,
            accepting: true,
            arrivals,
            buffered_bytes: 0,
            next_sweep_ms: 0,
            leaving_since_ms: None,
            scratch: vec![0; limits::READ_BYTES],
            out: Vec::new(),
            date: Date::default(),
        })
    }

    /// Until the server leaves and the last connection is done, or out of time.
    pub fn run(mut self) {
        let mut tokens = Vec::new();
        loop {
            if let Err(error) = self.poll.wait(self.patience_ms(), &mut tokens) {
                log::error!("worker {}: cannot wait for requests: {error}", self.desk);
                return;
            }
            let now = self.site.clock.now();
            for (turns, token) in tokens.iter().copied().enumerate() {
                // Whoever waits for the disk holds up the rest; the poller names them again.
                if turns > 0 && self.is_called_away(now) {
                    break;
                }
                match token {
                    WAKER => self.front.waker(self.desk).settle(),
                    DOOR => self.accept(now, limits::ACCEPTS_PER_TURN_MAX),
                    token => {
                        if let Some(slot) = self.slots.of_token(token) {
                            self.turn(slot, now);
                        }
                    }
                }
            }
            self.receive(now);
            if self.front.is_leaving() && self.leaving_since_ms.is_none() {
                self.leave(now);
            }
            if now.uptime_ms >= self.next_sweep_ms {
                self.sweep(now);
            }
            if self.is_done(now) {
                return;
            }
        }
    }

    /// Whether the round that began at `began` has taken too long, or the server is to leave.
    fn is_called_away(&self, began: Moment) -> bool {
        let took_ms = self
            .site
            .clock
            .now()
            .uptime_ms
            .saturating_sub(began.uptime_ms);
        took_ms >= limits::ROUND_MS_MAX
            || (self.front.is_leaving() && self.leaving_since_ms.is_none())
    }

    /// For ever where nothing has a deadline.
    fn patience_ms(&self) -> Option<u32> {
        if self.leaving_since_ms.is_some() || !self.accepting {
            return u32::try_from(SWEEP_SOON_MS).ok();
        }
        if self.slots.is_empty() {
            return None;
        }
        u32::try_from(SWEEP_MS).ok()
    }

    fn accept(&mut self, now: Moment, accepts_max: usize) {
        for _ in 0..accepts_max {
            if self.slots.is_full() && !self.make_room(now) {
                return self.pause_accepting(now); // whoever is at the door can wait there
            }
            let Some(door) = &self.door else {
                return;
            };
            match poll::accept(door) {
                Ok(stream) => self.place(stream, now),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if is_want_of_room(&error) => {
                    self.site.traffic.connections.starved();
                    if !self.make_room(now) {
                        return self.pause_accepting(now);
                    }
                }
                // The peer was gone before we came to it.
                Err(_) => {}
            }
        }
    }

    /// Keeps a new connection, or passes it on to a worker that has fewer.
    fn place(&mut self, stream: TcpStream, now: Moment) {
        if let Some(stream) = self.front.place(self.desk, stream) {
            self.begin(stream, now);
        }
    }

    /// Takes what other workers passed on.
    fn receive(&mut self, now: Moment) {
        while let Ok(arrival) = self.arrivals.try_recv() {
            match arrival {
                Arrival::New(stream) => self.begin(stream, now),
                Arrival::Bulk(connection) => self.keep(*connection, now),
            }
        }
    }

    fn begin(&mut self, stream: TcpStream, now: Moment) {
        let connection = Connection::new(stream, self.site.body_bytes_max, now.uptime_ms);
        self.keep(connection, now);
    }

    fn keep(&mut self, connection: Connection, now: Moment) {
        if self.slots.is_full() {
            self.make_room(now);
        }
        self.buffered_bytes += connection.buffered_bytes();
        let buffered = connection.buffered_bytes();
        match self.slots.insert(connection) {
            // Its request is often there already.
            Some(slot) => self.turn(slot, now),
            None => {
                self.buffered_bytes -= buffered;
                self.front.left(self.desk);
                self.pause_accepting(now);
            }
        }
    }

    /// Gives a connection its turn, and then waits for what it wishes.
    fn turn(&mut self, slot: usize, now: Moment) {
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let before = connection.buffered_bytes();
        let mut turn = Turn {
            site: &self.site,
            now,
            date: &mut self.date,
            scratch: &mut self.scratch,
            out: &mut self.out,
            leaving: self.leaving_since_ms.is_some(),
        };
        // Unwind safe: a connection that panicked is closed and not looked at again.
        let wish = catch_unwind(AssertUnwindSafe(|| connection.turn(&mut turn)));
        self.buffered_bytes += connection.buffered_bytes();
        self.buffered_bytes -= before;
        self.out.clear();
        self.out.shrink_to(limits::ANSWERS_AHEAD_BYTES_MAX);
        match wish.unwrap_or(Wish::Close) {
            Wish::Read => self.wait_for(slot, Interest::Read),
            Wish::Write if connection.is_bulk() && !self.front.is_bulk(self.desk) => {
                self.give_to_bulk(slot);
            }
            Wish::Write => self.wait_for(slot, Interest::Write),
            Wish::Close => self.close(slot),
        }
        if self.buffered_bytes > self.front.buffered_bytes_max {
            self.shed();
        }
    }

    fn give_to_bulk(&mut self, slot: usize) {
        let Ok(Some(connection)) = self.slots.release(slot, &self.poll) else {
            return self.close(slot);
        };
        let buffered = connection.buffered_bytes();
        match self.front.give_to_bulk(self.desk, connection) {
            None => self.buffered_bytes -= buffered,
            // The bulk desk is leaving: it is finished here.
            Some(connection) => match self.slots.insert(connection) {
                Some(slot) => self.wait_for(slot, Interest::Write),
                None => self.front.left(self.desk),
            },
        }
    }

    fn wait_for(&mut self, slot: usize, interest: Interest) {
        if self.slots.wait_for(slot, interest, &self.poll).is_err() {
            self.close(slot);
        }
    }

    /// Closing a descriptor takes it out of the poller, too.
    fn close(&mut self, slot: usize) {
        if let Some(connection) = self.slots.remove(slot) {
            self.buffered_bytes -= connection.buffered_bytes();
            self.front.left(self.desk);
        }
    }

    /// Closes those who are missed least: first who never asked anything, then who is between
    /// requests, then who just came, then who is stuck in a request; in each class the one that
    /// was quiet longest. So a newcomer gets in, and is not the next to go.
    fn make_room(&mut self, now: Moment) -> bool {
        let mut candidates: Vec<_> = self
            .slots
            .iter()
            .map(|(slot, connection)| {
                let worth = connection.worth(now.uptime_ms);
                (worth, connection.quiet_since_ms(), slot)
            })
            .filter(|(worth, since, _)| {
                *worth != Worth::Busy || now.uptime_ms.saturating_sub(*since) >= BUSY_MS_MIN
            })
            .collect();
        candidates.sort_unstable();
        let room = self.slots.capacity() / ROOM_FRACTION + 1;
        let mut closed = 0;
        for (_, _, slot) in candidates.into_iter().take(room) {
            self.close(slot);
            closed += 1;
        }
        self.site.traffic.connections.evicted(closed);
        closed > 0
    }

    /// Closes whoever holds buffers longest, until there are few enough of them.
    fn shed(&mut self) {
        let mut holders: Vec<_> = self
            .slots
            .iter()
            .filter(|(_, connection)| connection.buffered_bytes() > 0)
            .map(|(slot, connection)| (connection.quiet_since_ms(), slot))
            .collect();
        holders.sort_unstable();
        for (_, slot) in holders {
            if self.buffered_bytes <= self.front.buffered_bytes_max / 2 {
                break;
            }
            self.close(slot);
            self.site.traffic.connections.evicted(1);
        }
    }

    /// Until the next sweep. Not in this round: there would be no room in it either.
    fn pause_accepting(&mut self, now: Moment) {
        if let Some(door) = self.door.as_ref().filter(|_| self.accepting) {
            // The door is in the poller, so this fails only if the poller is broken, and
            // then the next wait says so.
            self.accepting = self.poll.remove(door.as_fd()).is_err();
            self.next_sweep_ms = now.uptime_ms + SWEEP_SOON_MS;
        }
    }

    fn resume_accepting(&mut self) {
        if let Some(door) = self.door.as_ref().filter(|_| !self.accepting) {
            let added = self.poll.add(door.as_fd(), DOOR, Interest::ReadAlone);
            self.accepting = added.is_ok();
        }
    }

    fn sweep(&mut self, now: Moment) {
        self.next_sweep_ms = now.uptime_ms + SWEEP_MS;
        let leaving = self.leaving_since_ms;
        let overdue = |connection: &Connection| {
            let limit = match (leaving, connection.worth(now.uptime_ms)) {
                (None, _) => u64::MAX,
                (Some(since), Worth::Busy) => since + limits::LEAVE_MS_MAX,
                (Some(since), Worth::Silent | Worth::Idle | Worth::Fresh) => {
                    since + limits::LEAVE_IDLE_MS_MAX
                }
            };
            connection.deadline_ms().min(limit) <= now.uptime_ms
        };
        let overdue: Vec<_> = self
            .slots
            .iter()
            .filter(|(_, connection)| overdue(connection))
            .map(|(slot, _)| slot)
            .collect();
        for slot in overdue {
            self.close(slot);
        }
        self.resume_accepting();
        if leaving.is_some() || !self.accepting {
            self.next_sweep_ms = now.uptime_ms + SWEEP_SOON_MS;
        }
    }

    /// Takes in whoever is at the door, and closes it.
    fn leave(&mut self, now: Moment) {
        self.leaving_since_ms = Some(now.uptime_ms);
        self.next_sweep_ms = 0;
        self.accept(now, self.slots.capacity());
        self.door = None;
    }

    fn is_done(&self, now: Moment) -> bool {
        self.leaving_since_ms.is_some_and(|since| {
            self.front.is_deserted(self.desk) || now.uptime_ms >= since + limits::LEAVE_MS_MAX
        })
    }
}

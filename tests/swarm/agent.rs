//! One agent of the swarm, without its sockets: what it asks next, and when its next turn is.
//!
//! It has two lanes, as the real one has two threads: control (hello, config, heartbeat over one
//! short connection) and events (a batch, kept and sent again until it is acknowledged). Turns lie
//! on a grid that begins at a random phase, and go on there after an outage: a fleet that was
//! spread stays spread. Failures back off exponentially with full jitter.

use std::time::{Duration, Instant};

use tapio_tests::http::{Answer, Request};
use tapio_tests::payload;

use crate::chance::Chance;

/// The pauses of the agent's own two threads after failures, at the most: the first one, each
/// further one twice as long, and the longest.
#[derive(Debug, Clone, Copy)]
struct Pauses {
    first: Duration,
    longest: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    Control,
    Events,
}

impl Lane {
    pub const ALL: [Self; 2] = [Self::Control, Self::Events];

    const fn place(self) -> usize {
        match self {
            Self::Control => 0,
            Self::Events => 1,
        }
    }

    /// As `managed/rhythm.rs` and `sink/controller/courier.rs` of the agent have them.
    fn pauses(self, interval: Duration) -> Pauses {
        match self {
            Self::Control => Pauses {
                first: Duration::from_secs(1).max(interval / 4).min(interval),
                longest: interval.mul_f64(1.5),
            },
            Self::Events => Pauses {
                first: Duration::from_millis(500),
                longest: Duration::from_secs(30),
            },
        }
    }
}

/// A request an agent makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    Hello,
    Config,
    Heartbeat,
    Batch,
}

/// What comes after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Ask(Ask),
    /// The turn is over and went well.
    Done,
    /// The answer was none that an agent can live with.
    Failed,
}

/// What all agents of a swarm have in common.
#[derive(Debug, Clone)]
pub struct Habits {
    pub interval: Duration,
    /// Events of the one batch an agent sends in each interval; none for an agent without events.
    pub events: usize,
    bodies: Bodies,
}

/// Payloads with a marker for the agent's id: bending text is cheaper than building JSON.
#[derive(Debug, Clone)]
struct Bodies {
    hello: String,
    heartbeat: String,
    batch: String,
}

/// Stands in the hello and in the batch where the number of the next batch belongs.
const MARKED_NUMBER: u64 = 9_999_999_999;

const MARKER: &str = "agent-marker";

impl Habits {
    pub fn new(interval: Duration, events: usize) -> Self {
        let mut hello = payload::hello(MARKER);
        hello["next_sequence"] = MARKED_NUMBER.into();
        Self {
            interval,
            events,
            bodies: Bodies {
                hello: hello.to_string(),
                heartbeat: payload::full_heartbeat(MARKER).to_string(),
                batch: payload::batch(MARKER, MARKED_NUMBER, events).to_string(),
            },
        }
    }
}

#[derive(Debug)]
pub struct Agent {
    id: String,
    tag: Option<String>,
    /// When it was last registered.
    pub greeted: Option<Instant>,
    sequence: u64,
    /// Events that were acknowledged.
    pub delivered: u64,
    lanes: [Rhythm; 2],
}

/// The turns of one lane.
#[derive(Debug, Clone, Copy)]
struct Rhythm {
    grid: Instant,
    failures: u32,
}

impl Agent {
    pub fn new(number: usize, start: Instant, habits: &Habits, chance: &mut Chance) -> Self {
        let mut rhythm = || Rhythm {
            grid: start + habits.interval.mul_f64(chance.fraction()),
            failures: 0,
        };
        Self {
            id: format!("agent-{number:06}"),
            tag: None,
            greeted: None,
            sequence: 1,
            delivered: 0,
            lanes: [rhythm(), rhythm()],
        }
    }

    /// The first turn of a lane.
    pub fn first_turn(&self, lane: Lane) -> Instant {
        self.lanes[lane.place()].grid
    }

    /// What a turn begins with.
    pub fn begins_with(&self, lane: Lane) -> Ask {
        match (lane, self.greeted) {
            (Lane::Control, None) => Ask::Hello,
            (Lane::Control, Some(_)) => Ask::Config,
            (Lane::Events, _) => Ask::Batch,
        }
    }

    pub fn request(&self, ask: Ask, habits: &Habits) -> Request {
        let bend = |text: &str| text.replace(MARKER, &self.id);
        let number =
            |text: String| text.replace(&MARKED_NUMBER.to_string(), &self.sequence.to_string());
        match ask {
            Ask::Hello => Request::post(payload::HELLO, number(bend(&habits.bodies.hello))),
            Ask::Heartbeat => Request::post(payload::HEARTBEAT, bend(&habits.bodies.heartbeat)),
            Ask::Config => {
                let (path, id) = (payload::CONFIG, &self.id);
                let request = Request::get(&format!("{path}?agent_id={id}&node_name=node-of-{id}"));
                match &self.tag {
                    Some(tag) => request.header("If-None-Match", tag),
                    None => request,
                }
            }
            Ask::Batch => Request::post(payload::EVENTS, number(bend(&habits.bodies.batch))),
        }
    }

    pub fn take(&mut self, ask: Ask, answer: &Answer, habits: &Habits, now: Instant) -> Next {
        let accepted = || {
            let body = serde_json::from_slice::<serde_json::Value>(&answer.body);
            body.is_ok_and(|body| body["accepted"] == true)
        };
        match (ask, answer.status) {
            (Ask::Hello, 200) if accepted() => {
                // Greeted anew in the middle of a turn: the config was asked for already.
                match self.greeted.replace(now) {
                    None => Next::Ask(Ask::Config),
                    Some(_) => Next::Done,
                }
            }
            (Ask::Config, 304) => Next::Ask(Ask::Heartbeat),
            (Ask::Config, 200) => {
                self.tag = answer.header("etag").map(str::to_owned);
                Next::Ask(Ask::Heartbeat)
            }
            (Ask::Heartbeat, 200) if accepted() => Next::Done,
            (Ask::Heartbeat, 200) => Next::Ask(Ask::Hello),
            (Ask::Batch, 200) => {
                self.sequence += 1;
                self.delivered += habits.events as u64;
                Next::Done
            }
            (Ask::Hello | Ask::Config | Ask::Heartbeat | Ask::Batch, _) => Next::Failed,
        }
    }

    /// When the next turn is, after one that went well.
    pub fn after_success(&mut self, lane: Lane, habits: &Habits, now: Instant) -> Instant {
        let rhythm = &mut self.lanes[lane.place()];
        rhythm.failures = 0;
        while rhythm.grid <= now {
            rhythm.grid += habits.interval;
        }
        rhythm.grid
    }

    /// When to try again, after one that did not.
    pub fn after_failure(
        &mut self,
        lane: Lane,
        habits: &Habits,
        chance: &mut Chance,
        now: Instant,
    ) -> Instant {
        let rhythm = &mut self.lanes[lane.place()];
        let Pauses { first, longest } = lane.pauses(habits.interval);
        let pause = first
            .saturating_mul(1_u32.checked_shl(rhythm.failures).unwrap_or(u32::MAX))
            .min(longest);
        rhythm.failures += 1;
        now + pause.mul_f64(chance.fraction())
    }
}

#[cfg(test)]
mod tests;

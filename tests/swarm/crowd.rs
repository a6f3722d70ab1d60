//! The crowd: every agent's turns, each over a connection of its own, in one thread.
//!
//! Nobody waits for anybody: a controller that stands still holds up no agent's next attempt, so a
//! storm would be one. A turn has so long and then is given up, as the real agent does.

mod poller;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::net::SocketAddrV4;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use self::poller::Poller;
use crate::agent::{Agent, Ask, Habits, Lane, Next};
use crate::chance::Chance;
use crate::line::Line;
use crate::tally::Tally;

/// For one request, from the connection to the end of the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the thread may sleep: then it looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);

pub struct Crowd {
    to: SocketAddrV4,
    habits: Habits,
    pub agents: Vec<Agent>,
    due: BinaryHeap<Reverse<(Instant, usize, Lane)>>,
    /// By slot.
    under_way: Vec<Option<Turn>>,
    free: Vec<usize>,
    /// Slots whose turn is over in this round.
    over: Vec<usize>,
    /// Every deadline a turn was ever given, in the order in which they come.
    deadlines: VecDeque<(Instant, usize)>,
    chance: Chance,
    pub tally: Tally,
    /// Who was registered when.
    pub greetings: Vec<(Instant, usize)>,
}

struct Turn {
    agent: usize,
    lane: Lane,
    ask: Ask,
    line: Line,
    deadline: Instant,
    over: bool,
}

impl Crowd {
    pub fn new(to: SocketAddrV4, agents: usize, habits: Habits, seed: u64) -> Self {
        let (start, mut chance) = (Instant::now(), Chance::new(seed));
        let agents: Vec<Agent> = (0..agents)
            .map(|number| Agent::new(number, start, &habits, &mut chance))
            .collect();
        let lanes = if habits.events > 0 { 2 } else { 1 };
        let turns = agents.iter().enumerate().flat_map(|(number, agent)| {
            let lanes = Lane::ALL.into_iter().take(lanes);
            lanes.map(move |lane| Reverse((agent.first_turn(lane), number, lane)))
        });
        Self {
            to,
            due: turns.collect(),
            habits,
            agents,
            under_way: Vec::new(),
            free: Vec::new(),
            over: Vec::new(),
            deadlines: VecDeque::new(),
            chance,
            tally: Tally::new(start),
            greetings: Vec::new(),
        }
    }

    /// Plays until it is told to stop.
    pub fn play(&mut self, stop: &AtomicBool) -> io::Result<()> {
        let mut poller = Poller::new()?;
        while !stop.load(Ordering::Relaxed) {
            self.begin_what_is_due(&poller)?;
            for slot in poller.wait(self.patience())? {
                self.go_on(slot);
            }
            self.give_up_what_is_late();
            // Only now, so that a slot means the same turn for a whole round.
            for slot in self.over.drain(..) {
                self.under_way[slot] = None;
                self.free.push(slot);
            }
        }
        Ok(())
    }

    fn begin_what_is_due(&mut self, poller: &Poller) -> io::Result<()> {
        let now = Instant::now();
        while let Some(Reverse((due, agent, lane))) = self.due.peek().copied() {
            if due > now {
                return Ok(());
            }
            let ask = self.agents[agent].begins_with(lane);
            let request = self.agents[agent].request(ask, &self.habits);
            let opened = Line::open(self.to, request.to_bytes());
            if opened.as_ref().is_err_and(is_want_of_room) {
                return Ok(()); // ours, and nothing the controller did: it is late then
            }
            self.due.pop();
            let late_ms = u64::try_from((now - due).as_millis()).unwrap_or(u64::MAX);
            let second = self.tally.at(now);
            second.connections += 1;
            second.late_ms_max = second.late_ms_max.max(late_ms);
            match opened {
                Ok(line) => {
                    let slot = self.free.pop().unwrap_or_else(|| {
                        self.under_way.push(None);
                        self.under_way.len() - 1
                    });
                    poller.watch(line.fd(), slot)?;
                    let deadline = now + PATIENCE;
                    self.deadlines.push_back((deadline, slot));
                    self.under_way[slot] = Some(Turn {
                        agent,
                        lane,
                        ask,
                        line,
                        deadline,
                        over: false,
                    });
                }
                Err(error) => self.failed(agent, lane, &error.to_string(), now),
            }
        }
        Ok(())
    }

    /// Until somebody is due.
    fn patience(&self) -> Duration {
        let now = Instant::now();
        self.due.peek().map_or(LOOK, |Reverse((due, ..))| {
            due.saturating_duration_since(now).min(LOOK)
        })
    }

    /// As far as it goes: nobody says a second time that it can.
    fn go_on(&mut self, slot: usize) {
        while self.take_step(slot) {}
    }

    /// Whether there may be another one.
    fn take_step(&mut self, slot: usize) -> bool {
        let now = Instant::now();
        let Some(turn) = self.under_way[slot].as_mut().filter(|turn| !turn.over) else {
            return false;
        };
        let (agent, lane, ask) = (turn.agent, turn.lane, turn.ask);
        let next = match turn.line.go_on() {
            Ok(None) => return false,
            Ok(Some(answer)) => {
                self.tally.at(now).requests += 1;
                let before = self.agents[agent].greeted;
                let next = self.agents[agent].take(ask, &answer, &self.habits, now);
                if self.agents[agent].greeted != before {
                    self.greetings.push((now, agent));
                }
                (next, format!("{ask:?} was answered {}", answer.status))
            }
            Err(error) => (Next::Failed, error.to_string()),
        };
        match next {
            (Next::Ask(ask), _) => {
                let request = self.agents[agent].request(ask, &self.habits);
                turn.ask = ask;
                turn.line.send(request.to_bytes());
                turn.deadline = now + PATIENCE;
                self.deadlines.push_back((turn.deadline, slot));
                return true;
            }
            (Next::Done, _) => {
                self.end(slot);
                let next = self.agents[agent].after_success(lane, &self.habits, now);
                self.due.push(Reverse((next, agent, lane)));
            }
            (Next::Failed, why) => {
                self.end(slot);
                self.failed(agent, lane, &why, now);
            }
        }
        false
    }

    fn end(&mut self, slot: usize) {
        if let Some(turn) = &mut self.under_way[slot] {
            turn.over = true;
            self.over.push(slot);
        }
    }

    fn give_up_what_is_late(&mut self) {
        let now = Instant::now();
        while let Some((deadline, slot)) = self.deadlines.front().copied() {
            if deadline > now {
                return;
            }
            self.deadlines.pop_front();
            // The turn may have gone on since, or be another one by now.
            let late = self.under_way[slot].as_ref();
            let late = late.filter(|turn| !turn.over && turn.deadline <= now);
            if let Some((agent, lane)) = late.map(|turn| (turn.agent, turn.lane)) {
                self.end(slot);
                self.failed(agent, lane, "no answer in time", now);
            }
        }
    }

    fn failed(&mut self, agent: usize, lane: Lane, why: &str, now: Instant) {
        self.tally.at(now).failures += 1;
        *self.tally.reasons.entry(why.to_owned()).or_default() += 1;
        let next = self.agents[agent].after_failure(lane, &self.habits, &mut self.chance, now);
        self.due.push(Reverse((next, agent, lane)));
    }
}

/// Of descriptors: the next turn that ends brings one.
fn is_want_of_room(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::thread;

    use tapio_tests::controller::TestController;
    use tapio_tests::deadline::{SOON, wait_until};

    use super::*;

    /// Plays until the controller's status is as wanted.
    fn play_until(
        controller: &TestController,
        crowd: &mut Crowd,
        what: &str,
        probe: impl Fn(&serde_json::Value) -> bool,
    ) {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let playing = scope.spawn(|| crowd.play(&stop));
            wait_until(what, SOON, || probe(&controller.status()));
            stop.store(true, Ordering::Relaxed);
            playing.join().expect("no panic").expect("it can poll");
        });
    }

    fn sum(status: &serde_json::Value, name: &str) -> u64 {
        let rows = status["agents"].as_array().expect("a list");
        rows.iter()
            .filter_map(|row| row["sequence"][name].as_u64())
            .sum()
    }

    #[test]
    fn a_crowd_is_a_fleet_to_the_controller() {
        let controller = TestController::start(&[]);
        let SocketAddr::V4(address) = controller.address() else {
            panic!("it listens on an IPv4 address");
        };
        let habits = Habits::new(Duration::from_millis(200), 3);
        let mut crowd = Crowd::new(address, 50, habits, 1);
        play_until(&controller, &mut crowd, "two batches of each", |status| {
            let rows = status["agents"].as_array().expect("a list");
            let full = |row: &serde_json::Value| {
                row["ledger"].is_object() && row["sequence"]["last_seen"].as_u64() >= Some(2)
            };
            rows.len() == 50 && rows.iter().all(full)
        });
        let status = controller.status();
        let delivered: u64 = crowd.agents.iter().map(|agent| agent.delivered).sum();
        // A batch that was under way when the crowd stopped may have been taken all the same.
        let taken = status["totals"]["accepted_events_total"]
            .as_u64()
            .expect("a number");
        assert!(
            (delivered..=delivered + 150).contains(&taken),
            "{delivered} {taken}"
        );
        assert_eq!(
            (
                sum(&status, "gaps_total"),
                sum(&status, "regressions_total")
            ),
            (0, 0)
        );
        assert_eq!(crowd.tally.total().failures, 0, "{:?}", crowd.tally.reasons);
        assert_eq!(crowd.greetings.len(), 50);
    }

    #[test]
    fn a_controller_that_is_not_there_is_a_failure_and_no_end() {
        let nobody = TestController::start(&[]);
        let SocketAddr::V4(address) = nobody.address() else {
            panic!("it listens on an IPv4 address");
        };
        drop(nobody);
        let mut crowd = Crowd::new(address, 5, Habits::new(Duration::from_millis(50), 1), 1);
        let stop = AtomicBool::new(false);
        let end = Instant::now() + Duration::from_millis(300);
        thread::scope(|scope| {
            scope.spawn(|| {
                tapio_tests::deadline::wait_for_moment(end);
                stop.store(true, Ordering::Relaxed);
            });
            crowd.play(&stop).expect("it can poll");
        });
        let total = crowd.tally.total();
        assert!(
            total.failures >= 10 && total.connections == total.failures,
            "{total:?}"
        );
        assert!(crowd.greetings.is_empty() && total.requests == 0);
    }
}

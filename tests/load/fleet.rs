//! A fleet that has said hello and sent its heartbeat, and what it weighs.

use std::io;
use std::thread;

use serde_json::Value;
use tapio_tests::controller::TestController;
use tapio_tests::http::{Connection, Request};
use tapio_tests::payload;

/// Connections the fleet is registered over.
const FEEDERS: usize = 2;

/// What the agents of a fleet report.
#[derive(Debug, Clone, Copy)]
pub enum Body {
    /// What v1 requires.
    Minimal,
    /// What our agent sends, with every type in the ledger.
    Full,
}

impl Body {
    pub fn heartbeat(self, agent_id: &str) -> Value {
        match self {
            Self::Minimal => payload::heartbeat(agent_id),
            Self::Full => payload::full_heartbeat(agent_id),
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Full => "full",
        }
    }
}

pub fn agent_id(number: usize) -> String {
    format!("agent-{number:06}")
}

/// A controller that knows this many agents.
pub fn start(agents: usize, body: Body) -> io::Result<TestController> {
    let controller = TestController::start(&[]);
    thread::scope(|scope| {
        let feeders: Vec<_> = (0..FEEDERS)
            .map(|feeder| {
                let controller = &controller;
                scope.spawn(move || feed(controller, (feeder..agents).step_by(FEEDERS), body))
            })
            .collect();
        feeders.into_iter().try_for_each(|feeder| {
            feeder
                .join()
                .map_err(|_| io::Error::other("a feeder panicked"))?
        })
    })?;
    Ok(controller)
}

fn feed(
    controller: &TestController,
    numbers: impl Iterator<Item = usize>,
    body: Body,
) -> io::Result<()> {
    let mut connection = Connection::open(controller.address())?;
    // Text is bent, not built: making JSON anew would take longer than the controller does.
    let marker = agent_id(999_999);
    let hello = payload::hello(&marker).to_string();
    let heartbeat = body.heartbeat(&marker).to_string();
    for number in numbers {
        let id = agent_id(number);
        for (target, text) in [(payload::HELLO, &hello), (payload::HEARTBEAT, &heartbeat)] {
            let request = Request::post(target, text.replace(&marker, &id));
            let answer = connection.send(&request)?;
            if answer.status != 200 || answer.json()["accepted"] != true {
                return Err(io::Error::other(format!(
                    "{id} was not accepted: {}",
                    answer.text()
                )));
            }
        }
    }
    Ok(())
}

//! A controller whose config the test changes while an agent runs.
//!
//! It says no more than an agent needs to hear, and listens for one thing: which config the agent
//! reports as applied.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::agent::EVENT_MAX;
use crate::deadline::wait_until;
use crate::http::{Answer, Host, Incoming};

#[derive(Debug)]
pub struct SteeredController {
    host: Host,
    wheel: Arc<Wheel>,
}

#[derive(Debug, Default)]
struct Wheel(Mutex<Course>);

#[derive(Debug, Default)]
struct Course {
    version: u64,
    config: Value,
    /// The hash in the last heartbeat.
    applied: String,
}

impl Course {
    /// Any name will do that is another for each version.
    fn hash(&self) -> String {
        format!("sha256:{:064x}", self.version)
    }
}

impl SteeredController {
    /// # Panics
    /// When there is no port for it.
    pub fn start(config: &Value) -> Self {
        let wheel = Arc::new(Wheel::default());
        wheel.turn(config);
        let of_host = Arc::clone(&wheel);
        Self {
            host: Host::anywhere(move |incoming, stream| of_host.reply(incoming, stream)),
            wheel,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.host.address()
    }

    /// Returns when the agent says that this is what it runs.
    #[track_caller]
    pub fn steer(&self, config: &Value) {
        self.wheel.turn(config);
        self.await_applied();
    }

    #[track_caller]
    pub fn await_applied(&self) {
        wait_until("the config to be applied", EVENT_MAX, || {
            self.wheel.with(|course| course.applied == course.hash())
        });
    }
}

impl Wheel {
    fn with<T>(&self, then: impl FnOnce(&mut Course) -> T) -> T {
        then(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn turn(&self, config: &Value) {
        self.with(|course| {
            course.version += 1;
            course.config = config.clone();
        });
    }

    fn reply(&self, incoming: &Incoming, mut stream: &TcpStream) -> io::Result<bool> {
        let answer = self.with(|course| match incoming.path() {
            "/v1/agents/hello" => accepted(),
            "/v1/agents/config" => course.config_for(incoming),
            "/v1/agents/heartbeat" => {
                let said: Value = serde_json::from_slice(&incoming.body).unwrap_or_default();
                course.applied = said["config_hash"].as_str().unwrap_or_default().to_owned();
                accepted()
            }
            _ => Answer {
                status: 404,
                headers: Vec::new(),
                body: Vec::new(),
            },
        });
        stream.write_all(&answer.to_bytes())?;
        Ok(true)
    }
}

impl Course {
    fn config_for(&self, incoming: &Incoming) -> Answer {
        let hash = self.hash();
        let tag = format!("\"{hash}\"");
        if incoming.header("if-none-match") == Some(&tag) {
            return answer(304, Some(tag), Vec::new());
        }
        let body = json!({
            "wire_version": "tapio-wire/v1", "version": self.version.to_string(),
            "config_hash": hash, "config": self.config,
            "batching": {"send_interval_ms": 200, "max_batch_events": 1},
        });
        answer(200, Some(tag), body.to_string().into_bytes())
    }
}

fn accepted() -> Answer {
    let body = json!({"wire_version": "tapio-wire/v1", "accepted": true, "controller_id": "steered",
        "config_version": "1", "next_config_version": "1",
        "send_interval_ms": 200, "max_batch_events": 1});
    answer(200, None, body.to_string().into_bytes())
}

fn answer(status: u16, tag: Option<String>, body: Vec<u8>) -> Answer {
    let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    headers.extend(tag.map(|tag| ("ETag".to_owned(), tag)));
    Answer {
        status,
        headers,
        body,
    }
}

//! A controller by others: it answers as a file says, and holds what it is asked against that file.
//!
//! The files are `tests/data/wire/exchange/controller`. Answers are given in their order, the last of
//! a kind again and again. Nothing of ours makes or reads them here, so an agent that gets along
//! with this gets along with a controller of another build.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::golden::{differences, variable};
use crate::http::{Answer, Host, Incoming};

/// What an agent asks a controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    Hello,
    Config,
    Heartbeat,
    Events,
}

impl Asked {
    pub const ALL: [Self; 4] = [Self::Hello, Self::Config, Self::Heartbeat, Self::Events];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Config => "config",
            Self::Heartbeat => "heartbeat",
            Self::Events => "events",
        }
    }

    fn of(incoming: &Incoming) -> Option<Self> {
        match (incoming.method.as_str(), incoming.path()) {
            ("POST", "/v1/agents/hello") => Some(Self::Hello),
            ("GET", "/v1/agents/config") => Some(Self::Config),
            ("POST", "/v1/agents/heartbeat") => Some(Self::Heartbeat),
            ("POST", "/v1/events") => Some(Self::Events),
            _ => None,
        }
    }
}

/// One request as it came, and which answer of its kind it got.
#[derive(Debug, Clone)]
pub struct Heard {
    pub asked: Asked,
    pub incoming: Incoming,
    pub number: usize,
}

impl Heard {
    /// # Panics
    /// When the body is no JSON.
    #[track_caller]
    pub fn body(&self) -> Value {
        serde_json::from_slice(&self.incoming.body).expect("an agent sends JSON")
    }
}

#[derive(Debug)]
pub struct ScriptedController {
    host: Host,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    script: Value,
    heard: Mutex<Conversation>,
}

#[derive(Debug, Default)]
struct Conversation {
    heard: Vec<Heard>,
    complaints: Vec<String>,
}

impl ScriptedController {
    /// # Panics
    /// When there is no port for it.
    pub fn start(script: Value) -> Self {
        let shared = Arc::new(Shared {
            script,
            heard: Mutex::default(),
        });
        let of_host = Arc::clone(&shared);
        Self {
            host: Host::anywhere(move |incoming, stream| of_host.reply(incoming, stream)),
            shared,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.host.address()
    }

    /// Everything asked so far, in order.
    pub fn heard(&self) -> Vec<Heard> {
        self.shared.with(|conversation| conversation.heard.clone())
    }

    /// Where requests were not as the file says.
    pub fn complaints(&self) -> Vec<String> {
        self.shared
            .with(|conversation| conversation.complaints.clone())
    }
}

impl Shared {
    fn with<T>(&self, then: impl FnOnce(&mut Conversation) -> T) -> T {
        then(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn reply(&self, incoming: &Incoming, mut stream: &TcpStream) -> io::Result<bool> {
        let Some(asked) = Asked::of(incoming) else {
            let what = format!(
                "{} {} is no request of v1",
                incoming.method, incoming.target
            );
            self.with(|conversation| conversation.complaints.push(what));
            return Ok(false);
        };
        let number = self.with(|conversation| {
            let number = conversation
                .heard
                .iter()
                .filter(|heard| heard.asked == asked)
                .count();
            let complaints = complaints(&self.script, asked, number, incoming);
            conversation.complaints.extend(complaints);
            conversation.heard.push(Heard {
                asked,
                incoming: incoming.clone(),
                number,
            });
            number
        });
        let answers = self.script["answers"][asked.name()].as_array();
        let answers = answers.map_or(&[][..], Vec::as_slice);
        let Some(answer) = answers.get(number).or(answers.last()) else {
            return Ok(false);
        };
        stream.write_all(&answer_bytes(answer))?;
        Ok(true)
    }
}

/// Where this request is not what the file expects of the requests of its kind.
fn complaints(script: &Value, asked: Asked, number: usize, incoming: &Incoming) -> Vec<String> {
    let kind = asked.name();
    let expected = &script["expects"][kind];
    let mut told = Vec::new();
    if let Some(wanted) = expected.get("body") {
        match serde_json::from_slice(&incoming.body) {
            Ok(found) => told = differences(&found, wanted, &variable(&expected["variable"])),
            Err(error) => told.push(format!("the body is no JSON: {error}")),
        }
    }
    let every = expected["headers"].as_object().into_iter().flatten();
    let own = expected["headers_from"].as_array().and_then(|from| {
        let last = from.last();
        from.get(number).or(last)?.as_object()
    });
    for (name, wanted) in every.chain(own.into_iter().flatten()) {
        let found = incoming.header(name).map_or(Value::Null, Value::from);
        if found != *wanted {
            told.push(format!("header {name}: {found} instead of {wanted}"));
        }
    }
    let starts = expected["target_starts"].as_str().unwrap_or_default();
    if !incoming.target.starts_with(starts) {
        told.push(format!("target {} instead of {starts}…", incoming.target));
    }
    told.into_iter()
        .map(|what| format!("{kind} {number}: {what}"))
        .collect()
}

fn answer_bytes(answer: &Value) -> Vec<u8> {
    let status = answer["status"]
        .as_u64()
        .and_then(|status| status.try_into().ok());
    let headers = answer["headers"].as_object().into_iter().flatten();
    let body = match &answer["body"] {
        Value::Null => Vec::new(),
        Value::String(text) => text.clone().into_bytes(),
        body => body.to_string().into_bytes(),
    };
    Answer {
        status: status.unwrap_or(200),
        headers: headers
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect(),
        body,
    }
    .to_bytes()
}

#[cfg(test)]
mod tests;

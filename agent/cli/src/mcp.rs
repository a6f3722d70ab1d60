//! `tapio mcp`: a read-only server of the Model Context Protocol on standard input and output.
//!
//! One JSON-RPC message a line, or several in an array. Whatever comes in is answered or passed over, never believed: a
//! line is bounded, and so is every result. It ends with its input.

mod rpc;
mod tools;

use std::io::{self, BufRead};

use serde_json::{Value, json};

use crate::screen::Screen;
use crate::settings::Settings;
use crate::{Failure, Verdict};
use rpc::{Message, Refusal};

const LINE_BYTES_MAX: usize = 1 << 20;
/// Requests in one line: one revision asks for them, and every answer is held until all are there.
const BATCH_MAX: usize = 16;

/// Revisions in which everything said here means the same; the newest is offered to strangers.
const REVISIONS: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

const INSTRUCTIONS: &str = "Evidence of kernel-level failures on this machine, as facts. Every \
    answer says what was covered: no events in a covered interval means that nothing was seen; \
    where coverage has reasons for doubt, absence cannot be concluded.";

pub fn run(settings: &Settings, screen: &mut Screen) -> Result<Verdict, Failure> {
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    while read_line(&mut input, &mut line).map_err(|error| Failure::System("input", error))? {
        if let Some(reply) = reply(&line, settings) {
            screen.text(&format!("{reply}\n"))?;
            screen.flush()?;
        }
    }
    Ok(Verdict::Said)
}

/// One line without its end, of which no more is kept than one byte beyond what is allowed.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    loop {
        let piece = input.fill_buf()?;
        if piece.is_empty() {
            return Ok(!line.is_empty());
        }
        let end = piece.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(piece.len());
        let room = (LINE_BYTES_MAX + 1).saturating_sub(line.len());
        line.extend_from_slice(&piece[..taken.min(room)]);
        input.consume(end.map_or(taken, |end| end + 1));
        if end.is_some() {
            return Ok(true);
        }
    }
}

/// `None` where none is due: to notifications, answers and empty lines.
fn reply(line: &[u8], settings: &Settings) -> Option<Value> {
    if line.trim_ascii().is_empty() {
        return None;
    }
    if line.len() > LINE_BYTES_MAX {
        return Some(Refusal::TooLong.reply(Value::Null));
    }
    match serde_json::from_slice(line) {
        Err(_) => Some(Refusal::NotJson.reply(Value::Null)),
        Ok(Value::Array(batch)) if batch.is_empty() => {
            Some(Refusal::NotARequest.reply(Value::Null))
        }
        Ok(Value::Array(batch)) if batch.len() > BATCH_MAX => {
            Some(Refusal::TooMany.reply(Value::Null))
        }
        Ok(Value::Array(batch)) => {
            let replies = batch.into_iter();
            let replies: Vec<Value> = replies
                .filter_map(|message| reply_to(message, settings))
                .collect();
            (!replies.is_empty()).then_some(Value::Array(replies))
        }
        Ok(message) => reply_to(message, settings),
    }
}

fn reply_to(message: Value, settings: &Settings) -> Option<Value> {
    match Message::of(message) {
        Ok(Message::Request { id, method, params }) => {
            Some(match answer(&method, &params, settings) {
                Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
                Err(refusal) => refusal.reply(id),
            })
        }
        Ok(Message::Notice) => None,
        Err((id, refusal)) => Some(refusal.reply(id)),
    }
}

fn answer(method: &str, params: &Value, settings: &Settings) -> Result<Value, Refusal> {
    match method {
        "initialize" => Ok(initialized(params)),
        "ping" => Ok(json!({})),
        "tools/list" => Ok(json!({"tools": tools::list()})),
        "tools/call" => tools::call(params, settings),
        _ => Err(Refusal::UnknownMethod(method.to_owned())),
    }
}

/// The revision the client asks for, if it is one of ours.
fn initialized(params: &Value) -> Value {
    let asked = params["protocolVersion"].as_str();
    let known = REVISIONS.iter().find(|known| Some(**known) == asked);
    json!({
        "protocolVersion": known.unwrap_or(&REVISIONS[0]),
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "tapio", "version": env!("CARGO_PKG_VERSION")},
        "instructions": INSTRUCTIONS,
    })
}

#[cfg(test)]
mod tests;

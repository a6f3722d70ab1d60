//! The tools: questions `tapio` answers on a command line, asked by name with the same flags.
//!
//! A tool is a row here; its input schema comes from the table of flags, and its arguments go
//! through the same parser, so that they are refused in the same words.

use std::ffi::OsString;

use serde_json::{Map, Value, json};

use super::rpc::Refusal;
use crate::flags::{Asked, TAPIO};
use crate::settings::Settings;
use crate::{Failure, Verdict, health, recent, why};

type Answer = fn(&Settings) -> Result<(Value, Verdict), Failure>;

struct Tool {
    name: &'static str,
    help: &'static str,
    /// Whose flags it takes, and which of them.
    command: &'static str,
    flags: &'static [&'static str],
    /// What it is about, besides flags.
    operand: Option<(&'static str, &'static str)>,
    answer: Answer,
}

const CHOICE: &[&str] = &[
    "since",
    "until",
    "observer",
    "type",
    "severity",
    "container",
    "pid",
    "limit",
];

const TOOLS: [Tool; 4] = [
    Tool {
        name: "recent_evidence",
        help: "Events of an interval, newest last, and whether there may be more. At most 200.",
        command: "recent",
        flags: CHOICE,
        operand: None,
        answer: recent::to_json,
    },
    Tool {
        name: "node_health",
        help: "Counts of the last 24 hours by type and hour, with the most frequent subjects.",
        command: "health",
        flags: &["observer"],
        operand: None,
        answer: health::to_json,
    },
    Tool {
        name: "why",
        help: "The newest death of a process, container or unit, and the minute before it.",
        command: "why",
        flags: &[],
        operand: Some((
            "subject",
            "process id, container id or pod uid, or systemd unit",
        )),
        answer: why::to_json,
    },
    Tool {
        name: "coverage",
        help: "Whether the agent was looking in an interval, at what, and what it may have missed.",
        command: "recent",
        flags: &["since", "until", "observer", "type"],
        operand: None,
        answer: recent::coverage_to_json,
    },
];

impl Tool {
    fn properties(&self) -> Map<String, Value> {
        let known = TAPIO.topics.iter().flat_map(|topic| topic.flags);
        let taken = known.filter(|flag| self.flags.contains(&flag.name));
        let mut properties: Map<String, Value> = taken
            .map(|flag| {
                let is_number = matches!(flag.placeholder, "N" | "PID");
                let kind = if is_number { "integer" } else { "string" };
                let about = match flag.default {
                    Some(default) => format!("{}; {default} if absent", flag.help),
                    None => flag.help.to_owned(),
                };
                (
                    flag.name.to_owned(),
                    json!({"type": kind, "description": about}),
                )
            })
            .collect();
        if let Some((name, about)) = self.operand {
            properties.insert(
                name.to_owned(),
                json!({"type": "string", "description": about}),
            );
        }
        properties
    }

    fn schema(&self) -> Value {
        let required: Vec<&str> = self.operand.iter().map(|(name, _)| *name).collect();
        json!({
            "type": "object",
            "properties": self.properties(),
            "required": required,
            "additionalProperties": false,
        })
    }

    /// As the command line that asks the same.
    fn command_line(
        &self,
        given: &Map<String, Value>,
        settings: &Settings,
    ) -> Result<Vec<OsString>, Refusal> {
        let wrong = |words: String| Refusal::Parameters(words);
        let mut line: Vec<OsString> = vec![self.command.into()];
        let mut data_dir = OsString::from("--data-dir=");
        data_dir.push(&settings.data_dir);
        line.push(data_dir);
        let mut operand = None;
        for (name, value) in given {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                Value::Null => continue,
                Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                    return Err(wrong(format!("{name:?} is neither text nor a number")));
                }
            };
            if self.flags.contains(&name.as_str()) {
                line.push(format!("--{name}={text}").into());
            } else if self.operand.is_some_and(|(wanted, _)| wanted == name) {
                operand = Some(text);
            } else {
                return Err(wrong(format!("{} takes no {name:?}", self.name)));
            }
        }
        match (self.operand, operand) {
            (None, _) => {}
            (Some(_), Some(text)) => line.extend(["--".into(), text.into()]),
            (Some((name, _)), None) => return Err(wrong(format!("{} needs {name}", self.name))),
        }
        Ok(line)
    }
}

pub fn list() -> Vec<Value> {
    let described = TOOLS.iter().map(|tool| {
        json!({
            "name": tool.name,
            "description": tool.help,
            "inputSchema": tool.schema(),
            "annotations": {"readOnlyHint": true, "openWorldHint": false},
        })
    });
    described.collect()
}

/// What goes wrong in answering is a result too, so that whoever asked can read it.
pub fn call(params: &Value, settings: &Settings) -> Result<Value, Refusal> {
    let name = params["name"].as_str();
    let tool = TOOLS.iter().find(|tool| Some(tool.name) == name);
    let tool = tool.ok_or_else(|| Refusal::Parameters("there is no such tool".to_owned()))?;
    let nothing = Map::new();
    let given = match &params["arguments"] {
        Value::Object(given) => given,
        Value::Null => &nothing,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(Refusal::Parameters("arguments are no object".to_owned()));
        }
    };
    let line = tool.command_line(given, settings)?;
    // Only what the client says counts: the environment is for people.
    let asked = TAPIO.parse(line, |_| None).map_err(Failure::Usage);
    let answered = asked.and_then(|asked| match asked {
        Asked::Command(_, settings) => (tool.answer)(&settings),
        Asked::Page(page) => Ok((Value::String(page), Verdict::Said)),
    });
    let (text, is_error) = match answered {
        Ok((answer, _)) => (answer.to_string(), false),
        Err(failure) => (failure.to_string(), true),
    };
    Ok(json!({"content": [{"type": "text", "text": text}], "isError": is_error}))
}

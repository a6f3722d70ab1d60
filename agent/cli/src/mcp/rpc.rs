//! JSON-RPC 2.0: what a line is, and how it is refused.

use serde_json::{Value, json};

/// What came in.
#[derive(Debug, PartialEq)]
pub enum Message {
    Request {
        id: Value,
        method: String,
        params: Value,
    },
    /// Nothing to answer: a notification, or the answer to something that was never asked.
    Notice,
}

/// Why a request has no result.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    NotJson,
    TooLong,
    /// More requests at once than are answered.
    TooMany,
    NotARequest,
    UnknownMethod(String),
    /// What is wrong with the parameters.
    Parameters(String),
}

impl Refusal {
    /// By the numbers of the JSON-RPC specification.
    const fn code(&self) -> i32 {
        match self {
            Self::NotJson => -32_700,
            Self::TooLong | Self::TooMany | Self::NotARequest => -32_600,
            Self::UnknownMethod(_) => -32_601,
            Self::Parameters(_) => -32_602,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::NotJson => "not JSON".to_owned(),
            Self::TooLong => "longer than any request is".to_owned(),
            Self::TooMany => "more requests at once than are answered".to_owned(),
            Self::NotARequest => "not a JSON-RPC 2.0 request".to_owned(),
            Self::UnknownMethod(method) => {
                let start: String = method.chars().take(64).collect();
                format!("unknown method {start:?}")
            }
            Self::Parameters(wrong) => wrong.clone(),
        }
    }

    pub fn reply(&self, id: Value) -> Value {
        let error = json!({"code": self.code(), "message": self.words()});
        json!({"jsonrpc": "2.0", "id": id, "error": error})
    }
}

impl Message {
    /// What is refused is refused under the id it came with, if it has one.
    pub fn of(mut message: Value) -> Result<Self, (Value, Refusal)> {
        let id = message.get("id").cloned();
        let is_id = |id: &Value| id.is_string() || id.is_number();
        let refused = |id: Option<Value>| {
            let id = id.filter(is_id).unwrap_or(Value::Null);
            Err((id, Refusal::NotARequest))
        };
        if message["jsonrpc"] != "2.0" {
            return refused(id);
        }
        let Some(method) = message["method"].as_str().map(str::to_owned) else {
            let is_answer = message.get("result").or(message.get("error")).is_some();
            return if is_answer {
                Ok(Self::Notice)
            } else {
                refused(id)
            };
        };
        let params = message["params"].take();
        match id {
            None => Ok(Self::Notice),
            Some(id) if is_id(&id) => Ok(Self::Request { id, method, params }),
            Some(id) => refused(Some(id)),
        }
    }
}

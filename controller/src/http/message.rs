//! A request and a response, as handlers see them.

use std::sync::Arc;

use tapio_wire::{ErrorEnvelope, WireError};

/// What the controller tells apart; every other method matches no route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Other,
}

/// A body larger than the limit: what is known of it is that much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

/// One request, borrowed from the buffer it was read into.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub method: Method,
    /// Without the query, as sent.
    pub path: &'a str,
    /// Behind the `?`; empty where there is none.
    pub query: &'a str,
    pub if_none_match: Option<&'a str>,
    pub body: Result<&'a [u8], TooLarge>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentType {
    Json,
    Text,
    /// The exposition format of Prometheus.
    Metrics,
}

impl ContentType {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Text => "text/plain; charset=utf-8",
            Self::Metrics => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Appends the next part of a long body; false once that was the last.
pub type Pages = Box<dyn FnMut(&mut Vec<u8>) -> bool + Send>;

pub enum Body {
    Empty,
    Bytes(Vec<u8>),
    Shared(Arc<[u8]>),
    /// Made while it is sent, so that a reader who never reads costs one page.
    Pages(Pages),
}

pub struct Response {
    pub status: u16,
    pub content_type: ContentType,
    pub etag: Option<Arc<str>>,
    pub body: Body,
}

impl Response {
    pub fn json(body: Vec<u8>) -> Self {
        Self::new(200, ContentType::Json, Body::Bytes(body))
    }

    pub fn text(status: u16, line: &str) -> Self {
        let body = Body::Bytes(line.as_bytes().to_vec());
        Self::new(status, ContentType::Text, body)
    }

    pub fn new(status: u16, content_type: ContentType, body: Body) -> Self {
        Self {
            status,
            content_type,
            etag: None,
            body,
        }
    }

    pub fn refusal(error: &WireError) -> Self {
        // An envelope of two strings has no way to fail; an empty body would still be a refusal.
        let body = serde_json::to_vec(&ErrorEnvelope::from(error)).unwrap_or_default();
        Self::new(error.status(), ContentType::Json, Body::Bytes(body))
    }
}

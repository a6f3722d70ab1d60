//! The site: what all handlers share, and the one way from a request to its answer.
//!
//! A handler that panics costs its own request a 500 and nobody else anything. Every answer is
//! counted here, by route and status, whoever made it.

use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tapio_wire::WireError;

use crate::accepted::Accepted;
use crate::http::message::{Request, Response};
use crate::moment::{Clock, Moment};
use crate::registry::Shared;
use crate::registry::sequence::Digest;
use crate::settings::Settings;
use crate::traffic::{Route, Traffic};

/// What makes an answer of a request.
pub type Handler = fn(&Site, Route, Request<'_>, Moment) -> Result<Response, WireError>;

const _: () = assert!(
    cfg!(panic = "unwind"),
    "a handler's panic must not end the controller"
);

#[derive(Debug)]
pub struct Site {
    pub controller_id: String,
    pub body_bytes_max: usize,
    pub batch_events_max: u64,
    pub started_at_unix: u64,
    pub clock: Clock,
    pub registry: Arc<Shared>,
    pub traffic: Traffic,
    /// The controller's own copy of accepted events, where the operator wants one.
    pub accepted: Option<Accepted>,
    draining: AtomicBool,
    digester: RandomState,
    handler: Handler,
}

impl Site {
    pub fn new(
        settings: &Settings,
        clock: Clock,
        registry: Arc<Shared>,
        accepted: Option<Accepted>,
        handler: Handler,
    ) -> Self {
        Self {
            controller_id: settings.controller_id.clone(),
            body_bytes_max: settings.body_bytes_max,
            batch_events_max: settings.batch_events_max,
            started_at_unix: clock.now().unix_seconds,
            clock,
            registry,
            traffic: Traffic::default(),
            accepted,
            draining: AtomicBool::new(false),
            digester: RandomState::new(),
            handler,
        }
    }

    pub fn answer(&self, request: Request<'_>, now: Moment) -> Response {
        let route = Route::of(request.method, request.path);
        // Unwind safe: the registry's methods do not stop half-way, the rest are counters.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            (self.handler)(self, route, request, now)
        }));
        let response = match outcome {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => Response::refusal(&error),
            Err(_panic) => Response::refusal(&WireError::internal()),
        };
        self.traffic.count(route, response.status);
        response
    }

    /// For what is no request at all.
    pub fn refuse(&self, error: &WireError) -> Response {
        let response = Response::refusal(error);
        self.traffic.count(Route::Unknown, response.status);
        response
    }

    /// A keyed digest of a batch's bytes, so that a retry is told from another batch. The key is
    /// this process's own: nobody can make two batches that look the same.
    pub fn digest(&self, bytes: &[u8]) -> Digest {
        Digest(self.digester.hash_one(bytes))
    }

    /// From now on `/readyz` sends traffic elsewhere.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;

//! The handlers: one file per operation, each a function of the site, the request and the moment.
//!
//! None of them touches a socket or asks a clock. A body over the limit is refused here and not
//! where it was read, so that the refusal is counted like any other.

mod config;
mod events;
mod heartbeat;
mod hello;
mod metrics;
mod status;

use tapio_wire::WireError;

use crate::http::message::{Request, Response};
use crate::moment::Moment;
use crate::site::Site;
use crate::traffic::Route;

pub fn dispatch(
    site: &Site,
    route: Route,
    request: Request<'_>,
    now: Moment,
) -> Result<Response, WireError> {
    let body = || {
        request
            .body
            .map_err(|_| WireError::payload_too_large(site.body_bytes_max))
    };
    match route {
        Route::Hello => hello::answer(site, body()?, now),
        Route::Config => config::answer(site, request.query, request.if_none_match),
        Route::Heartbeat => heartbeat::answer(site, body()?, now),
        Route::Events => events::answer(site, body(), now),
        Route::Status => status::answer(site, now),
        Route::Metrics => Ok(metrics::answer(site, now)),
        Route::Healthz => Ok(Response::text(200, "ok\n")),
        Route::Readyz if site.is_draining() => Ok(Response::text(503, "leaving\n")),
        Route::Readyz => Ok(Response::text(200, "ready\n")),
        Route::Unknown => {
            body()?;
            Err(WireError::unknown_endpoint())
        }
    }
}

/// A payload as the body of a 200.
fn respond(payload: &impl serde::Serialize) -> Result<Response, WireError> {
    serde_json::to_vec(payload)
        .map(Response::json)
        .map_err(|_| WireError::internal())
}

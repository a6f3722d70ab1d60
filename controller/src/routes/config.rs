//! `GET /v1/agents/config`: the same compiled config for every agent, or 304 to one that has it.

use std::sync::Arc;

use tapio_wire::WireError;
use tapio_wire::query::{AgentQuery, etag_matches};

use crate::http::message::{Body, ContentType, Response};
use crate::site::Site;

pub fn answer(
    site: &Site,
    query: &str,
    if_none_match: Option<&str>,
) -> Result<Response, WireError> {
    // Who asks makes no difference yet; that it was said is checked all the same.
    AgentQuery::parse(query)?;
    let config = site.registry.with(|registry| registry.config());
    let known = if_none_match.is_some_and(|tag| etag_matches(tag, &config.hash));
    let mut response = if known {
        Response::new(304, ContentType::Json, Body::Empty)
    } else {
        let body = Body::Shared(Arc::clone(&config.body));
        Response::new(200, ContentType::Json, body)
    };
    response.etag = Some(Arc::clone(&config.etag));
    Ok(response)
}

//! Workers on a tiny_http server: each takes a request, reads its body and answers it.

use std::io::{self, Read};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tiny_http::{Header, Server, StatusCode};

use crate::failure::Failure;
use crate::http::message::{Body, Method, Request, Response, TooLarge};
use crate::site::Site;

/// The running workers.
pub struct Pool {
    server: Arc<Server>,
    workers: Vec<JoinHandle<()>>,
}

pub fn start(listener: TcpListener, site: &Arc<Site>, workers: usize) -> Result<Pool, Failure> {
    let system = |source| Failure::System {
        what: "cannot start a server",
        source,
    };
    let address = listener.local_addr().map_err(system)?;
    let server = Server::from_listener(listener, None)
        .map(Arc::new)
        .map_err(|error| system(io::Error::other(error)))?;
    let workers = (0..workers)
        .map(|number| {
            let (server, site) = (Arc::clone(&server), Arc::clone(site));
            thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn(move || {
                    while let Ok(request) = server.recv() {
                        serve(&site, request);
                    }
                })
        })
        .collect::<io::Result<_>>()
        .map_err(system)?;
    log::info!("listening on {address}");
    Ok(Pool { server, workers })
}

impl Pool {
    /// Answers what was received, and ends. `unblock` wakes one worker a call.
    pub fn stop(self) {
        for _ in &self.workers {
            self.server.unblock();
        }
        for worker in self.workers {
            if worker.join().is_err() {
                log::error!("a worker ended by a panic");
            }
        }
    }
}

fn serve(site: &Site, mut request: tiny_http::Request) {
    let mut bytes = Vec::new();
    let limit = site.body_bytes_max;
    let body = if request.body_length().is_some_and(|len| len > limit) {
        Err(TooLarge)
    } else {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        let read = request.as_reader().take(limit + 1).read_to_end(&mut bytes);
        match read {
            Ok(len) if len > site.body_bytes_max => Err(TooLarge),
            Ok(_) => Ok(&bytes[..]),
            Err(_) => return,
        }
    };
    let url = request.url().to_owned();
    let (path, query) = url.split_once('?').unwrap_or((&url, ""));
    let if_none_match = request
        .headers()
        .iter()
        .find(|header| header.field.equiv("If-None-Match"))
        .map(|header| header.value.as_str());
    let response = site.answer(Request {
        method: match request.method() {
            tiny_http::Method::Get => Method::Get,
            tiny_http::Method::Post => Method::Post,
            _ => Method::Other,
        },
        path,
        query,
        if_none_match,
        body,
    });
    respond(request, response);
}

fn respond(request: tiny_http::Request, response: Response) {
    let header = |name: &str, value: &str| Header::from_bytes(name, value).ok();
    let mut headers: Vec<Header> =
        Vec::from_iter(header("Content-Type", response.content_type.name()));
    headers.extend(response.etag.as_ref().and_then(|tag| header("ETag", tag)));
    let body = match response.body {
        Body::Empty => Vec::new(),
        Body::Bytes(bytes) => bytes,
        Body::Shared(bytes) => bytes.to_vec(),
        Body::Pages(mut pages) => {
            let mut body = Vec::new();
            while pages(&mut body) {}
            body
        }
    };
    let mut answer =
        tiny_http::Response::from_data(body).with_status_code(StatusCode(response.status));
    for header in headers {
        answer.add_header(header);
    }
    // A client that went away is no event.
    let _ = request.respond(answer);
}

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use super::*;
use crate::config::{ActiveConfig, FIRST_GENERATION};
use crate::http::message::{Body, Method, TooLarge};
use crate::http::server::Server;
use crate::registry::Registry;
use crate::routes;
use crate::settings::Settings;

const NOW: Moment = Moment {
    unix_seconds: 1,
    uptime_ms: 1,
};

fn site() -> Site {
    site_with(routes::dispatch)
}

fn site_with(handler: Handler) -> Site {
    let mut settings = Settings::blank();
    settings.body_bytes_max = 1_024;
    settings.batch_events_max = 2;
    settings.controller_id = "c".to_owned();
    let config = ActiveConfig::new(FIRST_GENERATION, Default::default(), Default::default());
    let registry = Registry::new(config.unwrap(), 100_000);
    Site::new(
        &settings,
        Clock::start(),
        Arc::new(Shared::new(registry)),
        None,
        handler,
    )
}

fn request<'a>(method: Method, path: &'a str, body: &'a [u8]) -> Request<'a> {
    Request {
        method,
        path,
        query: "",
        if_none_match: None,
        body: Ok(body),
    }
}

fn text(response: Response) -> String {
    let bytes = match response.body {
        Body::Empty => Vec::new(),
        Body::Bytes(bytes) => bytes,
        Body::Shared(bytes) => bytes.to_vec(),
        Body::Pages(mut pages) => {
            let mut body = Vec::new();
            while pages(&mut body) {}
            body
        }
    };
    String::from_utf8(bytes).unwrap()
}

fn hello(site: &Site, agent_id: &str) {
    let body = format!(
        r#"{{"wire_version":"tapio-wire/v1","agent_id":"{agent_id}","node_name":"n",
        "tapio_version":"1","kernel_release":"6","arch":"x"}}"#
    );
    let answer = site.answer(
        request(Method::Post, "/v1/agents/hello", body.as_bytes()),
        NOW,
    );
    assert_eq!(answer.status, 200);
}

/// No request is known to make a handler panic, so one route does here; all else is as it ships.
#[test]
fn a_handler_that_panics_is_a_500_over_the_wire_and_all_else_goes_on() {
    let site = Arc::new(site_with(|site, route, request, now| match route {
        Route::Metrics => site.registry.with(|_| panic!("on purpose, the lock held")),
        _ => routes::dispatch(site, route, request, now),
    }));
    hello(&site, "a");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::start(listener, &site, 1).unwrap();
    let mut client = TcpStream::connect(server.address).unwrap();
    client
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    // The only worker there is answers on, over the very connection.
    client
        .write_all(
            b"GET /metrics HTTP/1.1\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n\
              GET /v1/status HTTP/1.1\r\nConnection: close\r\n\r\n",
        )
        .unwrap();
    let mut answers = String::new();
    client.read_to_string(&mut answers).unwrap();
    let lines: Vec<_> = answers.split("HTTP/1.1 ").skip(1).collect();
    assert_eq!(lines.len(), 3, "{answers}");
    for refused in &lines[..2] {
        assert!(refused.starts_with("500 "), "{refused}");
        assert!(refused.contains(r#"{"error":{"code":"INTERNAL_ERROR","#));
        assert!(!refused.contains("on purpose"), "{refused}");
    }
    assert!(lines[2].starts_with("200 "), "{}", lines[2]);
    assert!(lines[2].contains(r#""agent_id":"a""#), "{}", lines[2]);
    server.stop();
    let rows: Vec<_> = site.traffic.rows().collect();
    assert!(rows.contains(&(Route::Metrics, 500, 2)), "{rows:?}");
}

#[test]
fn a_status_of_many_pages_is_the_payload_the_wire_knows() {
    let site = site();
    for number in 0..1_000 {
        hello(&site, &format!("agent-{number:04}"));
    }
    let status = text(site.answer(request(Method::Get, "/v1/status", b""), NOW));
    let status = tapio_wire::Status::parse(status.as_bytes()).unwrap();
    assert_eq!(status.agents.len(), 1_000);
    assert_eq!(status.controller_id, "c");
    assert!(
        status
            .agents
            .is_sorted_by_key(|agent| agent.agent_id.clone())
    );
    assert!(
        status
            .agents
            .iter()
            .all(|agent| agent.reported_counters.is_none())
    );
}

#[test]
fn a_body_over_the_limit_is_a_413_and_a_rejected_batch() {
    let site = site();
    let mut over = request(Method::Post, "/v1/events", b"");
    over.body = Err(TooLarge);
    let answer = site.answer(over, NOW);
    assert_eq!(answer.status, 413);
    assert!(text(answer).contains("PAYLOAD_TOO_LARGE"));
    let totals = site.registry.with(|registry| registry.summary()).totals;
    assert_eq!(
        (totals.batches_rejected_total, totals.rejected_events_total),
        (1, 0)
    );
}

#[test]
fn a_refused_batch_counts_the_events_it_held() {
    let site = site();
    let event = r#"{"type":"kernel.x","timestamp_unix_nanos":1,"observer":"o",
        "severity":"info","facts":{"Root_Cause":1}}"#;
    let body = format!(
        r#"{{"wire_version":"tapio-wire/v1","agent_id":"a","node_name":"n","sequence":1,
        "sent_at_unix_nanos":1,"events":[{event},{event}]}}"#
    );
    let answer = site.answer(request(Method::Post, "/v1/events", body.as_bytes()), NOW);
    assert_eq!(answer.status, 422);
    let totals = site.registry.with(|registry| registry.summary()).totals;
    assert_eq!(
        (totals.batches_rejected_total, totals.rejected_events_total),
        (1, 2)
    );
}

#[test]
fn ready_until_it_leaves() {
    let site = site();
    assert_eq!(
        site.answer(request(Method::Get, "/readyz", b""), NOW)
            .status,
        200
    );
    site.drain();
    assert_eq!(
        site.answer(request(Method::Get, "/readyz", b""), NOW)
            .status,
        503
    );
    assert_eq!(
        site.answer(request(Method::Get, "/healthz", b""), NOW)
            .status,
        200
    );
}

#[test]
fn metrics_are_prometheus_text_with_every_family_declared() {
    let site = site();
    hello(&site, "a");
    site.answer(request(Method::Get, "/\"\n", b""), NOW);
    let page = text(site.answer(request(Method::Get, "/metrics", b""), NOW));
    let mut family = "";
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            family = rest.split(' ').next().unwrap();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert!(rest == format!("{family} gauge") || rest == format!("{family} counter"));
        } else {
            let name = line.split(['{', ' ']).next().unwrap();
            assert_eq!(name, family);
            let (_, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
    assert!(page.contains("tapio_controller_agents 1\n"));
    assert!(
        page.contains("tapio_controller_registry_locks_total 1\n"),
        "{page}"
    );
    assert!(page.contains(
        "tapio_controller_requests_total{route=\"/v1/agents/hello\",status=\"200\"} 1\n"
    ));
    assert!(page.contains("{route=\"unknown\",status=\"404\"} 1\n"));
}

//! What must hold of any body: it is taken or refused as an independent, naive reading of the page
//! says, what is taken can be written and read again, and what is refused is refused presentably.

mod oracle;
mod tree;

use oracle::Verdict;
use serde::Serialize;
use tapio_wire::limits::ECHO_BYTES_MAX;
use tapio_wire::status::{AgentRow, Echo, SequenceStatus, StatusConfig, Totals, write_status};
use tapio_wire::values::{Generation, WireVersion};
use tapio_wire::{
    AgentQuery, CompiledConfig, ConfigResponse, ErrorCode, ErrorEnvelope, EventBatch,
    EventsResponse, Heartbeat, HeartbeatResponse, Hello, HelloResponse, Status, WireError,
};

const EVENTS_MAX: u64 = 4;

pub fn hello(body: &[u8]) {
    let found = Hello::parse(body);
    agrees(body, &oracle::HELLO, found.as_ref().err());
    let Ok(hello) = found else { return };
    let again = write(&hello);
    assert_eq!(Hello::parse(&again), Ok(hello));
}

pub fn heartbeat(body: &[u8]) {
    let found = Heartbeat::parse(body);
    agrees(body, &oracle::HEARTBEAT, found.as_ref().err());
    let Ok(heartbeat) = found else { return };
    let again = write(&heartbeat);
    let reread = Heartbeat::parse(&again).expect("what was taken is taken again");
    assert_eq!(write(&reread), again);
    assert_echoed(&heartbeat);
}

pub fn events(body: &[u8]) {
    let found = EventBatch::parse(body, EVENTS_MAX);
    agrees(body, &oracle::EVENTS, found.as_ref().err());
    let Ok(batch) = found else { return };
    let again = write(&batch);
    assert_eq!(EventBatch::parse(&again, EVENTS_MAX), Ok(batch.clone()));
    for event in &batch.events {
        let mut line = Vec::new();
        event.facts.write_on_one_line(&mut line);
        assert!(!line.contains(&b'\n'));
        let line = tree::parse(&line).expect("facts on a line are JSON");
        assert_eq!(Some(line), tree::parse(event.facts.as_str().as_bytes()));
    }
}

/// Whatever the agent and the CLI read, in one: what one of them takes is JSON and reads back.
pub fn responses(body: &[u8]) {
    fn holds<T: Serialize>(body: &[u8], found: Result<T, WireError>) {
        match found {
            Ok(taken) => {
                let depth = tree::parse(body).map(|tree| tree.depth());
                assert!(tree::is_json(body) && depth.is_none_or(|depth| depth <= 64));
                assert!(tree::parse(&write(&taken)).is_some());
            }
            Err(error) => assert_presentable(&error),
        }
    }
    let found = CompiledConfig::parse(body);
    if let Ok(config) = &found {
        assert_eq!(CompiledConfig::parse(&write(config)).as_ref(), Ok(config));
    }
    holds(body, found);
    holds(body, ConfigResponse::parse(body));
    holds(body, HelloResponse::parse(body));
    holds(body, HeartbeatResponse::parse(body));
    holds(body, EventsResponse::parse(body));
    holds(body, ErrorEnvelope::parse(body));
    holds(body, Status::parse(body));
}

pub fn query(query: &[u8]) {
    let Ok(query) = std::str::from_utf8(query) else {
        return;
    };
    let found = AgentQuery::parse(query);
    match (&found, oracle::query(query)) {
        (Ok(asked), Some((agent_id, node_name))) => {
            assert_eq!(
                (&*asked.agent_id, &*asked.node_name),
                (&*agent_id, &*node_name)
            );
            assert_eq!(AgentQuery::parse(&asked.to_query()).as_ref(), Ok(asked));
        }
        (Err(error), None) => assert_presentable(error),
        (_, expected) => panic!("{found:?}, but a naive reading says {expected:?}"),
    }
}

fn write(payload: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(payload).expect("what was taken can be written")
}

fn agrees(body: &[u8], shape: &oracle::Shape, error: Option<&WireError>) {
    if let Some(error) = error {
        assert_presentable(error);
    }
    let found = error.map(|error| error.code);
    match oracle::verdict(body, shape, EVENTS_MAX) {
        Verdict::Accepted => assert_eq!(found, None, "{error:?}"),
        Verdict::Unsupported => assert_eq!(found, Some(ErrorCode::UnsupportedVersion), "{error:?}"),
        Verdict::NoJson => assert!(
            matches!(
                found,
                Some(ErrorCode::MalformedJson | ErrorCode::UnsupportedVersion)
            ),
            "{found:?}"
        ),
        Verdict::Refused(codes) => assert!(
            found.is_some_and(|code| codes.contains(&code)),
            "{error:?}, but a naive reading finds {codes:?}"
        ),
        Verdict::CannotSay => {}
    }
}

fn assert_presentable(error: &WireError) {
    assert!(matches!(error.status(), 400 | 422), "{error:?}");
    assert!(error.message.len() <= 1_024, "{error:?}");
    let envelope = write(&ErrorEnvelope::from(error));
    assert!(tree::parse(&envelope).is_some());
    for leak in ["serde", "invalid type", "Error(", "src/"] {
        // Names that the sender chose may say anything; they are shown in paths alone.
        assert!(!error.message.ends_with(leak), "{error:?}");
    }
}

/// What the controller keeps of a heartbeat says in the status what the heartbeat said.
fn assert_echoed(heartbeat: &Heartbeat<'_>) {
    let echo = match Echo::of(heartbeat) {
        Ok(echo) => echo,
        Err(error) => {
            assert_presentable(&error);
            assert!(write(heartbeat).len() > ECHO_BYTES_MAX);
            return;
        }
    };
    let head = Status {
        wire_version: WireVersion,
        controller_id: "c".into(),
        started_at_unix: 1,
        config: StatusConfig {
            version: Generation(1),
            config_hash: "h".into(),
        },
        totals: Totals::default(),
        agents: Vec::new(),
    };
    let row = AgentRow {
        agent_id: &heartbeat.agent_id,
        node_name: &heartbeat.node_name,
        tapio_version: "v",
        registered_at_unix: 1,
        last_heartbeat_age_seconds: Some(0),
        reported: Some(&echo),
        sequence: SequenceStatus::default(),
    };
    let written = write_status(&head, [row]).expect("a status can be written");
    let status = Status::parse(&written).expect("our own status is taken");
    let [agent] = status.agents.as_slice() else {
        panic!("one agent was written");
    };
    assert_eq!(agent.agent_id, heartbeat.agent_id);
    assert_eq!(
        agent.reported_config_version.as_ref(),
        Some(&heartbeat.config_version)
    );
    assert_eq!(
        agent.reported_config_hash.as_ref(),
        Some(&heartbeat.config_hash)
    );
    assert_eq!(agent.reported_counters, Some(heartbeat.counters));
    assert_eq!(agent.observers, heartbeat.observers.0);
    assert_eq!(agent.degraded_reasons, heartbeat.degraded_reasons);
    assert_eq!(agent.observer_reasons, heartbeat.observer_reasons);
    assert_eq!(agent.config_last_failed, heartbeat.config_last_failed);
    assert_eq!(agent.evidence_head, heartbeat.evidence_head);
    let rows = |ledger: &Option<tapio_wire::ledger::PackedLedger>| {
        ledger
            .as_ref()
            .map(|ledger| ledger.to_ledger().expect("was checked"))
    };
    assert_eq!(rows(&agent.ledger), rows(&heartbeat.ledger));
}

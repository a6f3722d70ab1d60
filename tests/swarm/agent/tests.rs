use serde_json::json;
use tapio_tests::payload::DEFAULT_HASH;

use super::*;

const INTERVAL: Duration = Duration::from_secs(30);

fn agent() -> (Agent, Habits, Chance, Instant) {
    let (habits, mut chance) = (Habits::new(INTERVAL, 8), Chance::new(1));
    let start = Instant::now();
    (
        Agent::new(7, start, &habits, &mut chance),
        habits,
        chance,
        start,
    )
}

fn answer(status: u16, body: serde_json::Value) -> Answer {
    Answer {
        status,
        headers: vec![("etag".to_owned(), format!("\"{DEFAULT_HASH}\""))],
        body: body.to_string().into_bytes(),
    }
}

#[test]
fn a_turn_is_config_and_heartbeat_and_the_first_begins_with_hello() {
    let (mut agent, habits, _, now) = agent();
    assert_eq!(agent.begins_with(Lane::Control), Ask::Hello);
    let yes = answer(200, json!({"accepted": true}));
    assert_eq!(
        agent.take(Ask::Hello, &yes, &habits, now),
        Next::Ask(Ask::Config)
    );
    let untagged = agent.request(Ask::Config, &habits).head(None);
    assert!(!untagged.contains("If-None-Match"), "{untagged}");
    assert_eq!(
        agent.take(Ask::Config, &answer(200, json!({})), &habits, now),
        Next::Ask(Ask::Heartbeat)
    );
    let tagged = agent.request(Ask::Config, &habits).head(None);
    assert!(tagged.contains(&format!("If-None-Match: \"{DEFAULT_HASH}\"")));
    assert!(tagged.starts_with("GET /v1/agents/config?agent_id=agent-000007&node_name=node-of-"));
    assert_eq!(agent.take(Ask::Heartbeat, &yes, &habits, now), Next::Done);
    assert_eq!(agent.begins_with(Lane::Control), Ask::Config);
}

#[test]
fn an_agent_that_is_not_known_any_more_greets_at_once_and_ends_its_turn() {
    let (mut agent, habits, _, now) = agent();
    agent.greeted = Some(now);
    let later = now + INTERVAL;
    let no = answer(200, json!({"accepted": false}));
    assert_eq!(
        agent.take(Ask::Heartbeat, &no, &habits, later),
        Next::Ask(Ask::Hello)
    );
    let yes = answer(200, json!({"accepted": true}));
    assert_eq!(agent.take(Ask::Hello, &yes, &habits, later), Next::Done);
    assert_eq!(agent.greeted, Some(later));
}

#[test]
fn a_batch_is_the_same_until_it_is_acknowledged() {
    let (mut agent, habits, _, now) = agent();
    let first = agent.request(Ask::Batch, &habits).to_bytes();
    for refusal in [500, 404, 302] {
        let refused = answer(refusal, json!({}));
        assert_eq!(agent.take(Ask::Batch, &refused, &habits, now), Next::Failed);
        assert_eq!(agent.request(Ask::Batch, &habits).to_bytes(), first);
    }
    let taken = answer(200, json!({"accepted": 8}));
    assert_eq!(agent.take(Ask::Batch, &taken, &habits, now), Next::Done);
    assert_eq!(agent.delivered, 8);
    assert_ne!(agent.request(Ask::Batch, &habits).to_bytes(), first);
}

#[test]
fn turns_stay_on_the_grid_through_an_outage() {
    let (mut agent, habits, mut chance, start) = agent();
    let first = agent.first_turn(Lane::Control);
    assert!((start..start + INTERVAL).contains(&first));
    let second = agent.after_success(Lane::Control, &habits, first);
    assert_eq!(second, first + INTERVAL);
    let mut now = second;
    for failures in 0..40 {
        let again = agent.after_failure(Lane::Control, &habits, &mut chance, now);
        let longest = (INTERVAL / 4 * (1 << failures.min(6))).min(INTERVAL * 3 / 2);
        assert!((now..now + longest).contains(&again), "{failures}");
        now = again;
    }
    let back = agent.after_success(Lane::Control, &habits, now);
    let turns = (back - first).as_secs_f64() / INTERVAL.as_secs_f64();
    assert!((turns - turns.round()).abs() < 1e-6 && back > now && back <= now + INTERVAL);
}

#[test]
fn a_batch_comes_again_sooner_than_a_turn_and_as_the_agents_own_does() {
    let (mut agent, habits, mut chance, now) = agent();
    for failures in 0..40 {
        let again = agent.after_failure(Lane::Events, &habits, &mut chance, now);
        let longest = Duration::from_millis(500 << failures.min(6)).min(Duration::from_secs(30));
        assert!((now..now + longest).contains(&again), "{failures}");
    }
}

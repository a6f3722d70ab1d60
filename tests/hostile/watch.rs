//! Honest agents under an attack: how long they waited, and what the controller held meanwhile.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tapio_tests::controller::TestController;
use tapio_tests::deadline::{poll_for, wait_for, wait_until};
use tapio_tests::http::{Answer, Connection, Request};
use tapio_tests::payload;
use tapio_tests::process::Holdings;

/// What the design promises under any of these attacks.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);
const THREADS_MAX: u64 = WORKERS + 300;
const RESIDENT_BYTES_MAX: u64 = 64 << 20;

const WORKERS: u64 = 4;

/// Fewer honest requests than this say nothing.
const ANSWERED_MIN: u64 = 50;

/// An agent's pause between two requests: many in a second, so that no stall goes unseen.
const BETWEEN: Duration = Duration::from_millis(20);

/// Idle connections are gone after 30 s; whatever else lingers has ended by then too.
const RECOVERED_WITHIN: Duration = Duration::from_secs(35);

/// The flags of every controller under attack.
pub const FLAGS: [&str; 2] = ["--workers", "4"];

pub fn start() -> TestController {
    TestController::start(&FLAGS)
}

/// What was seen while the attack lasted.
#[derive(Default)]
struct Seen {
    worst: Duration,
    answered: u64,
    faults: Vec<String>,
    resident_bytes: u64,
    threads: u64,
}

/// Runs the attack under watch; the controller must bear it and be as before afterwards.
#[track_caller]
pub fn endure<T>(controller: &TestController, attack: impl FnOnce() -> T) -> T {
    for agent in ["watch-keep", "watch-once"] {
        controller.post(payload::HELLO, &payload::hello(agent)).ok();
    }
    let before = controller.holdings();
    let seen = Mutex::new(Seen::default());
    let over = AtomicBool::new(false);
    let result = thread::scope(|scope| {
        let (seen, over) = (&seen, &over);
        let watchers = [
            scope.spawn(move || agent(controller, "watch-keep", true, seen, over)),
            scope.spawn(move || agent(controller, "watch-once", false, seen, over)),
            scope.spawn(move || sample(controller, seen, over)),
        ];
        let ended = Ended(over);
        let result = attack();
        // A short attack is watched a little beyond its end, or nothing would be said by it.
        poll_for(ANSWERED_WITHIN * 3, || {
            (seen.lock().expect("no watcher panicked").answered >= ANSWERED_MIN).then_some(())
        });
        drop(ended);
        for watcher in watchers {
            watcher.join().expect("a watcher");
        }
        result
    });
    judge(&seen.into_inner().expect("no watcher panicked"), controller);
    expect_as_before(controller, before);
    result
}

/// Sends the watchers home, also when the attack ends by a failed assertion.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn judge(seen: &Seen, controller: &TestController) {
    eprintln!(
        "{} honest requests, the slowest {:?}; at most {} threads and {} kB",
        seen.answered,
        seen.worst,
        seen.threads,
        seen.resident_bytes / 1024
    );
    assert!(
        seen.faults.is_empty(),
        "{:?}\n{}",
        seen.faults,
        controller.stderr()
    );
    assert!(
        seen.answered >= ANSWERED_MIN,
        "only {} requests were tried",
        seen.answered
    );
    assert!(
        seen.worst < ANSWERED_WITHIN,
        "an honest agent waited {:?}",
        seen.worst
    );
    assert!(seen.threads <= THREADS_MAX, "{} threads", seen.threads);
    assert!(
        seen.resident_bytes <= RESIDENT_BYTES_MAX,
        "{} kB resident",
        seen.resident_bytes / 1024
    );
}

#[track_caller]
fn expect_as_before(controller: &TestController, before: Holdings) {
    wait_until(
        "files and threads to be as before",
        RECOVERED_WITHIN,
        || {
            let now = controller.holdings();
            now.open_files <= before.open_files + 4 && now.threads <= before.threads + 4
        },
    );
    let slowest = (0..50).map(|_| timed(|| controller.get("/healthz"))).max();
    assert!(
        slowest < Some(ANSWERED_WITHIN),
        "after the attack: {slowest:?}"
    );
    for id in ["watch-keep", "watch-once"] {
        let sequence = controller.agent(id)["sequence"].clone();
        assert_eq!(sequence["gaps_total"], 0, "{id} lost a batch: {sequence}");
    }
}

fn timed<T>(act: impl FnOnce() -> T) -> Duration {
    let since = Instant::now();
    act();
    since.elapsed()
}

/// An honest agent's day: heartbeat, config, batch, and again.
fn agent(
    controller: &TestController,
    id: &str,
    keeps: bool,
    seen: &Mutex<Seen>,
    over: &AtomicBool,
) {
    let mut kept = None;
    let config = format!("{}?agent_id={id}&node_name=n", payload::CONFIG);
    let mut sequence = 0;
    while !over.load(Ordering::Relaxed) {
        sequence += 1;
        for request in [
            Request::post_json(payload::HEARTBEAT, &payload::heartbeat(id)),
            Request::get(&config),
            Request::post_json(payload::EVENTS, &payload::batch(id, sequence, 2)),
        ] {
            let since = Instant::now();
            let answer = match keeps {
                true => over_kept(&mut kept, controller, &request),
                false => once(controller, &request),
            };
            note(seen, since.elapsed(), answer, id);
            poll_for(BETWEEN, || over.load(Ordering::Relaxed).then_some(()));
        }
    }
}

fn once(controller: &TestController, request: &Request) -> io::Result<Answer> {
    request.send(controller.address())
}

/// As an agent with a pool does it: a kept connection that was ended is replaced, once.
fn over_kept(
    kept: &mut Option<Connection>,
    controller: &TestController,
    request: &Request,
) -> io::Result<Answer> {
    if let Some(connection) = kept.as_mut() {
        if let Ok(answer) = connection.send(request) {
            return Ok(answer);
        }
    }
    let mut fresh = Connection::open(controller.address())?;
    let answer = fresh.send(request)?;
    *kept = Some(fresh);
    Ok(answer)
}

fn note(seen: &Mutex<Seen>, took: Duration, answer: io::Result<Answer>, id: &str) {
    let mut seen = seen.lock().expect("no watcher panicked");
    seen.answered += 1;
    seen.worst = seen.worst.max(took);
    match answer {
        Ok(answer) if answer.status == 200 => {}
        Ok(answer) => seen
            .faults
            .push(format!("{id}: {} after {took:?}", answer.status)),
        Err(error) => seen.faults.push(format!("{id}: {error} after {took:?}")),
    }
}

fn sample(controller: &TestController, seen: &Mutex<Seen>, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        let now = controller.holdings();
        let mut seen = seen.lock().expect("no watcher panicked");
        seen.threads = seen.threads.max(now.threads);
        seen.resident_bytes = seen.resident_bytes.max(now.resident_bytes);
        drop(seen);
        poll_for(BETWEEN, || over.load(Ordering::Relaxed).then_some(()));
    }
}

/// Lets an attack that needs no more doing last a while.
pub fn keep_on(limit: Duration, mut step: impl FnMut()) {
    let end = Instant::now() + limit;
    while Instant::now() < end {
        step();
        poll_for(BETWEEN, || None::<()>);
    }
}

/// The answer, however many are in front of it.
pub fn expect_answer(connection: &mut Connection, status: u16) {
    let answer = wait_for("an answer", Duration::from_secs(10), || {
        connection.read_answer().ok()
    });
    assert_eq!(answer.status, status, "{}", answer.text());
}

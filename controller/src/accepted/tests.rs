use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::*;
use crate::config::{ActiveConfig, FIRST_GENERATION};
use crate::registry::Registry;
use crate::registry::sequence::Standing;
use crate::scratch::Scratch;

const NOW: Moment = Moment {
    unix_seconds: 1,
    uptime_ms: 1,
};

fn registry() -> Arc<Shared> {
    let config = ActiveConfig::new(FIRST_GENERATION, Default::default(), Default::default());
    Arc::new(Shared::new(Registry::new(config.unwrap(), 10)))
}

fn batch(sequence: u64) -> Batch<'static> {
    Batch {
        agent_id: "a",
        sequence,
        digest: Digest(sequence),
        events: 2,
    }
}

fn start(path: &Path, registry: &Arc<Shared>) -> (Accepted, JoinHandle<()>) {
    let target = AcceptedTarget::File(path.to_owned());
    Accepted::start(&target, Arc::clone(registry)).unwrap()
}

fn accepted_total(registry: &Shared) -> u64 {
    registry.with(|registry| registry.summary().totals.accepted_events_total)
}

#[test]
fn a_batch_is_written_once_however_often_it_is_sent() {
    let scratch = Scratch::new("accepted-once");
    let path = scratch.join("accepted.jsonl");
    let registry = registry();
    let (accepted, thread) = start(&path, &registry);
    let first = accepted.write(batch(1), b"1\n".to_vec(), NOW).unwrap();
    assert_eq!(first.standing, Standing::Baseline);
    let again = accepted.write(batch(1), b"1\n".to_vec(), NOW).unwrap();
    assert_eq!(again.standing, Standing::Duplicate(2));
    assert_eq!(again.accepted, first.accepted);
    accepted.write(batch(2), b"2\n".to_vec(), NOW).unwrap();
    drop(accepted);
    thread.join().unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n2\n");
    assert_eq!(accepted_total(&registry), 4);
}

#[test]
fn a_batch_that_cannot_be_written_is_not_counted() {
    let registry = registry();
    let (accepted, _thread) = start(Path::new("/dev/full"), &registry);
    let outcome = accepted.write(batch(1), b"1\n".to_vec(), NOW);
    assert_eq!(outcome, Err(Unwritten));
    assert_eq!(accepted.failures_total(), 1);
    assert_eq!(accepted_total(&registry), 0);
    assert_eq!(
        registry.with(|registry| registry.duplicate_of(batch(1))),
        None
    );
}

/// A pipe nobody reads: the first large batch is stuck in the middle of its write.
#[test]
fn a_stuck_write_is_refused_and_its_retry_is_a_duplicate() {
    let (mut reader, writer) = UnixStream::pair().unwrap();
    let registry = registry();
    let output = Output::on_pipe(writer);
    let (accepted, thread) =
        Accepted::start_on(output, Recall::default(), Arc::clone(&registry)).unwrap();
    let large = [vec![b'x'; 1_048_576], vec![b'\n']].concat();

    assert_eq!(accepted.write(batch(1), large.clone(), NOW), Err(Unwritten));
    let since = Instant::now();
    loop {
        let asked = Instant::now();
        let outcome = accepted.write(batch(2), b"2\n".to_vec(), NOW);
        assert_eq!(outcome, Err(Unwritten));
        if asked.elapsed() < Duration::from_millis(WRITE_MS_MAX / 2) {
            break; // refused at once, as all will be while the write is stuck
        }
        assert!(since.elapsed() < Duration::from_secs(10));
    }
    assert_eq!(accepted_total(&registry), 0);

    let mut taken = vec![0; large.len()];
    reader.read_exact(&mut taken).unwrap();
    assert_eq!(taken, large);
    // The writer is free again once it has read the whole batch; the retry waits for it.
    let retry = loop {
        match accepted.write(batch(1), large.clone(), NOW) {
            Ok(receipt) => break receipt,
            Err(Unwritten) => assert!(since.elapsed() < Duration::from_secs(10)),
        }
    };
    assert_eq!(retry.standing, Standing::Duplicate(2));
    accepted.write(batch(2), b"2\n".to_vec(), NOW).unwrap();
    drop(accepted);
    thread.join().unwrap();
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"2\n");
    assert_eq!(accepted_total(&registry), 4);
}
